"""The DecisionService: it only translates between the wire and the decider."""

from collections.abc import Callable
from time import perf_counter_ns

from nextbest.v1 import decision_pb2
from nextbest_service.api.edge import Context
from nextbest_service.api.read_request import read_request
from nextbest_service.api.render_answer import render_answer
from nextbest_service.decisions.decider import Decider


class DecisionServicer:
    """Serves `nextbest.v1.DecisionService`.

    `current_decider` returns the decider of the generation in use, or raises NotReadyError.
    """

    def __init__(self, current_decider: Callable[[], Decider]) -> None:
        self._current_decider = current_decider

    async def decide(
        self, message: decision_pb2.DecideRequest, _context: Context
    ) -> decision_pb2.DecideResponse:
        """Answer one question."""
        started = perf_counter_ns()
        decider = self._current_decider()
        request = read_request(message, decider.generation.rules)
        decision = await decider.decide(request)
        rendering = perf_counter_ns()
        answer = render_answer(decision, decider.generation.versions)
        finished = perf_counter_ns()
        answer.timing.render_us = (finished - rendering) // 1000
        answer.timing.total_us = (finished - started) // 1000
        return answer
