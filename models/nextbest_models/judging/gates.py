"""Gates: figures that a model has to reach before it is put into use."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Gates:
    """What is asked for; None: nothing.

    min_auc: the AUC has to be at least this. min_dr_lift: so has the lower end of the interval of the lift by
    the doubly robust estimator, in reward per decision; with 0 the model is better beyond chance.
    """

    min_auc: float | None = None
    min_dr_lift: float | None = None

    def checked(self, auc: float | None, dr_lift_low: float | None) -> "GateReport":
        """Return how some figures fare. A figure that is not known, or no number, does not meet its gate."""
        asked = {"auc": (auc, self.min_auc), "dr_lift_low": (dr_lift_low, self.min_dr_lift)}
        return GateReport(
            {name: Gate(found, least) for name, (found, least) in asked.items() if least is not None}
        )


@dataclass(frozen=True, slots=True)
class Gate:
    """One gate: what was found, and the least that will do."""

    found: float | None
    least: float

    @property
    def met(self) -> bool:
        """Whether the figure is high enough."""
        # NaN fails the comparison.
        return self.found is not None and self.found >= self.least


@dataclass(frozen=True, slots=True)
class GateReport:
    """All gates that were asked for, by figure."""

    gates: Mapping[str, Gate] = field(default_factory=dict)

    @property
    def met(self) -> bool:
        """Whether all are met; so it is where none was asked for."""
        return all(gate.met for gate in self.gates.values())
