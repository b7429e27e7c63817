"""The DecisionService: it only translates between the wire and the decider."""

from collections.abc import Callable
from time import perf_counter_ns

from nextbest.v1 import decision_pb2
from nextbest_service.api.refusals import Context
from nextbest_service.api.render_answer import AnswerRenderer, render_timing
from nextbest_service.api.request_reader import RequestReader
from nextbest_service.decisions.decider import Decider
from nextbest_service.decisions.decision import Decision
from nextbest_service.metrics.tallies import Decisions


class DecisionServicer:
    """Serves `nextbest.v1.DecisionService`.

    `current_decider` returns the decider of the generation in use, or raises NotReadyError. `audited` is
    whether an answer waits for its record where the request leaves that open. `tally` counts what is decided;
    None: nothing does.
    """

    def __init__(
        self, current_decider: Callable[[], Decider], *, audited: bool = False, tally: Decisions | None = None
    ) -> None:
        self._current_decider = current_decider
        self._audited = audited
        self._tally = tally
        self._desk: _Desk | None = None

    async def decide(self, message: decision_pb2.DecideRequest, _context: Context) -> bytes:
        """Answer one question, in the very bytes that a repeated question gets again."""
        return await self._at_work().answer(message)

    def _at_work(self) -> "_Desk":
        """Return the desk of the decider in use."""
        decider = self._current_decider()
        if self._desk is None or self._desk.decider is not decider:
            self._desk = _Desk(decider, self._audited, self._tally)
        return self._desk


class _Desk:
    """Where the questions to one decider are read, and its answers written."""

    def __init__(self, decider: Decider, audited: bool, tally: Decisions | None) -> None:
        self.decider = decider
        self._tally = tally
        self._reader = RequestReader(decider.generation.rules, audited=audited)
        self._ring = decider.people.naming.ring
        self._renderer = AnswerRenderer(decider.generation)

    async def answer(self, message: decision_pb2.DecideRequest) -> bytes:
        started = perf_counter_ns()
        request = self._reader.read(message)
        ring = None if request.dry_run else self._ring

        def render(decision: Decision) -> bytes:
            rendering = perf_counter_ns()
            answer = self._renderer.render(decision, ring)
            finished = perf_counter_ns()
            rendered_us, total_us = (finished - rendering) // 1000, (finished - started) // 1000
            if self._tally is not None:
                self._tally.rendering.add(rendered_us)
            return answer + render_timing(decision.timing, rendered_us, total_us)

        answer = await self.decider.decide(request, render)
        if self._tally is not None:
            self._tally.answered(answer.decision, answer.reserve_us)
        if request.request_id or answer.reserve_us is None:
            return answer.content
        # Reserving comes after rendering. Of two equal fields of a message the later one counts.
        timing = decision_pb2.Timing(
            reserve_us=answer.reserve_us, total_us=(perf_counter_ns() - started) // 1000
        )
        return answer.content + decision_pb2.DecideResponse(timing=timing).SerializeToString()
