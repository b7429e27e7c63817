"""What came of the decisions of an export: its outcomes, read by an attribution plan."""

from dataclasses import dataclass
from typing import Self

from nextbest_models.logged.attribution import Attributed, AttributionPlan, attribute
from nextbest_models.logged.decisions import LoggedDecisions
from nextbest_models.logged.export import LogExport
from nextbest_models.logged.outcomes import OutcomeReader


@dataclass(frozen=True, slots=True)
class Attributor:
    """Tells what came of decisions. `end_ms` (Unix milliseconds) is up to when outcomes are known."""

    plan: AttributionPlan
    end_ms: int
    _outcomes: OutcomeReader

    @classmethod
    def of(cls, export: LogExport, plan: AttributionPlan) -> Self:
        """Return what reads the outcomes of an export.

        Raises:
            LoggedDataError: a file is damaged.
        """
        return cls(plan, export.end_ms(), OutcomeReader(export.directory))

    def came_of(self, decisions: LoggedDecisions) -> Attributed:
        """Return what came of each slot of some decisions. Ask in the order of their days.

        Raises:
            LoggedDataError: a file is damaged.
        """
        happened = self._outcomes.of(decisions, self.plan.window_ms)
        return attribute(decisions, happened, self.plan, self.end_ms)
