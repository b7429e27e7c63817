"""The DecisionService: it only translates between the wire and the decider."""

from collections.abc import Callable, Sequence
from time import perf_counter_ns

from nextbest.v1 import decision_pb2
from nextbest_service.api.asked_names import asked_names
from nextbest_service.api.refusals import Context
from nextbest_service.api.render_answer import AnswerRenderer, render_timing
from nextbest_service.api.request_reader import RequestReader
from nextbest_service.decisions.decider import Decider
from nextbest_service.decisions.decision import Decision
from nextbest_service.decisions.observing import Observer, Spent
from nextbest_service.decisions.pace import NEVER, until
from nextbest_service.decisions.request import DecisionRequest
from nextbest_service.decisions.storeless import Storeless
from nextbest_service.metrics.tallies import Decisions
from nextbest_service.security.gate import Gate
from nextbest_service.security.permissions import asked_by


class DecisionServicer:
    """Serves `nextbest.v1.DecisionService`.

    `current_decider` returns the decider of the generation in use, or raises NotReadyError. `audited` is
    whether an answer waits for its record where the request leaves that open. `tally` counts what is decided;
    None: nothing does. `gate` knows what the caller may ask; None: everybody may ask everything. `patience`
    is how many seconds an answer may take where the caller does not say; None: as long as it takes.
    `observers` look at what was decided.
    """

    def __init__(
        self,
        current_decider: Callable[[], Decider | Storeless],
        *,
        audited: bool = False,
        tally: Decisions | None = None,
        gate: Gate | None = None,
        patience: float | None = None,
        observers: Sequence[Observer] = (),
    ) -> None:
        self._patience = patience
        self._current_decider = current_decider
        self._observers = observers
        self._gate = gate
        self._audited = audited
        self._tally = tally
        self._desk: _Desk | None = None

    async def decide(self, message: decision_pb2.DecideRequest, context: Context) -> bytes:
        """Answer one question, in the very bytes that a repeated question gets again."""
        patience = context.time_remaining() if context else None
        return await self._at_work().answer(message, self._patience if patience is None else patience)

    async def decide_on_stream(self, message: decision_pb2.DecideRequest, context: Context) -> bytes:
        """Answer one question of many: the caller's deadline is that of the stream."""
        rest, patience = context.time_remaining() if context else None, self._patience
        patience = min((it for it in (rest, patience) if it is not None), default=None)
        return await self._at_work().answer(message, patience)

    def _at_work(self) -> "_Desk":
        """Return the desk of the decider in use."""
        decider = self._current_decider()
        if self._desk is None or self._desk.decider is not decider:
            self._desk = _Desk(decider, self._audited, self._tally, self._gate, self._observers)
        return self._desk


class _Desk:
    """Where the questions to one decider are read, and its answers written."""

    def __init__(
        self,
        decider: Decider | Storeless,
        audited: bool,
        tally: Decisions | None,
        gate: Gate | None,
        observers: Sequence[Observer],
    ) -> None:
        self.decider = decider
        self._observers = observers
        self._gate = gate
        self._tally = tally
        self._reader = RequestReader(decider.generation.rules, audited=audited)
        self._ring = decider.ring
        self._renderer = AnswerRenderer(decider.generation)

    async def answer(self, message: decision_pb2.DecideRequest, patience: float | None) -> bytes:
        started, rendered_us = perf_counter_ns(), 0
        end = NEVER if patience is None else until(patience)
        request = self._reader.read(message) if self._gate is None else self._permitted(message, self._gate)
        ring = None if request.dry_run else self._ring

        def render(decision: Decision) -> bytes:
            nonlocal rendered_us
            rendering = perf_counter_ns()
            answer = self._renderer.render(decision, ring)
            finished = perf_counter_ns()
            rendered_us, total_us = (finished - rendering) // 1000, (finished - started) // 1000
            if self._tally is not None:
                self._tally.rendering.add(rendered_us)
            return answer + render_timing(decision.timing, rendered_us, total_us)

        answer = await self.decider.decide(request, render, end)
        if self._tally is not None:
            self._tally.answered(answer.decision, answer.reserve_us)
        if self._observers and answer.decision is not None:
            spent = Spent(started, perf_counter_ns(), rendered_us, answer.reserve_us or 0)
            for observer in self._observers:
                observer.decided(answer.decision, spent)
        if request.request_id or answer.reserve_us is None:
            return answer.content
        # Reserving comes after rendering. Of two equal fields of a message the later one counts.
        timing = decision_pb2.Timing(
            reserve_us=answer.reserve_us, total_us=(perf_counter_ns() - started) // 1000
        )
        return answer.content + decision_pb2.DecideResponse(timing=timing).SerializeToString()

    def _permitted(self, message: decision_pb2.DecideRequest, gate: Gate) -> DecisionRequest:
        """Return the request, if the caller may ask it.

        What it names is looked at before the catalog is: no error tells what there is beyond the permissions
        of a caller. What it leaves open is looked at once that is known.
        """
        gate.check(asked_names(message))
        request = self._reader.read(message)
        gate.check(asked_by(request))
        return request
