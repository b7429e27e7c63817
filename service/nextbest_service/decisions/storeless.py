"""Decisions before the store has ever been there: fallbacks only, for nobody can be told from anybody."""

from collections.abc import Callable
from dataclasses import dataclass

from nextbest_service.clock import Clock, machine_ms
from nextbest_service.decision_log.log import DecisionLog
from nextbest_service.decisions.asking import Answer, Render
from nextbest_service.decisions.decision import Degradation
from nextbest_service.decisions.generation import Generation
from nextbest_service.decisions.lower_rungs import Unseen, decide_unseen
from nextbest_service.decisions.pace import NEVER, Until
from nextbest_service.decisions.request import DecisionRequest
from nextbest_service.errors import AuditUnavailableError


@dataclass(frozen=True, slots=True)
class Storeless:
    """Answers with what placements fall back to, as far as no closed rule could stop it.

    The installation's secret is in the store: without it there are no refs, so no tokens and no records. What
    is answered is counted as a gap of the log.
    """

    generation: Generation
    clock: Clock
    log: DecisionLog
    new_id: Callable[[int], str]
    ring: None = None

    async def decide(self, request: DecisionRequest, render: Render, until: Until = NEVER) -> Answer:
        """Return the fallbacks; there is nothing to wait `until`.

        Raises:
            AuditUnavailableError: the record was wanted first.
        """
        del until
        if request.audited:
            raise AuditUnavailableError
        now_ms = self.clock.at(machine_ms())
        unseen = Unseen((), {}, {}, now_ms)
        why = Degradation.STORE_UNAVAILABLE
        decision = decide_unseen(self.generation, request, unseen, why, self.new_id(now_ms))
        if not request.dry_run:
            self.log.miss(now_ms)
        return Answer(render(decision), 0, decision)
