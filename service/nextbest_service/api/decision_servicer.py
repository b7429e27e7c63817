"""The DecisionService: it only translates between the wire and the decider."""

from collections.abc import Callable
from time import perf_counter_ns

from nextbest.v1 import decision_pb2
from nextbest_service.api.read_request import read_request
from nextbest_service.api.refusals import Context
from nextbest_service.api.render_answer import render_answer
from nextbest_service.decisions.decider import Decider
from nextbest_service.decisions.decision import Decision


class DecisionServicer:
    """Serves `nextbest.v1.DecisionService`.

    `current_decider` returns the decider of the generation in use, or raises NotReadyError. `audited` is
    whether an answer waits for its record where the request leaves that open.
    """

    def __init__(self, current_decider: Callable[[], Decider], *, audited: bool = False) -> None:
        self._current_decider = current_decider
        self._audited = audited

    async def decide(self, message: decision_pb2.DecideRequest, _context: Context) -> bytes:
        """Answer one question, in the very bytes that a repeated question gets again."""
        started = perf_counter_ns()
        decider = self._current_decider()
        request = read_request(message, decider.generation.rules, audited=self._audited)
        ring = None if request.dry_run else decider.people.naming.ring

        def render(decision: Decision) -> bytes:
            rendering = perf_counter_ns()
            answer = render_answer(decision, ring)
            finished = perf_counter_ns()
            answer.timing.render_us = (finished - rendering) // 1000
            answer.timing.total_us = (finished - started) // 1000
            return answer.SerializeToString()

        answer = await decider.decide(request, render)
        if request.request_id or answer.reserve_us is None:
            return answer.content
        # Reserving comes after rendering. Of two equal fields of a message the later one counts.
        timing = decision_pb2.Timing(
            reserve_us=answer.reserve_us, total_us=(perf_counter_ns() - started) // 1000
        )
        return answer.content + decision_pb2.DecideResponse(timing=timing).SerializeToString()
