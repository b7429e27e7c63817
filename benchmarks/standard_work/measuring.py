"""What the standard work is, measured on the decisions themselves."""

from collections.abc import Sequence
from pathlib import Path

from benchmarks.standard_work.opening import opened
from benchmarks.standard_work.work import Spread
from nextbest.v1 import decision_pb2
from nextbest_models.progress import Progress
from nextbest_service.api.decision_servicer import DecisionServicer
from nextbest_service.api.read_request import read_request
from nextbest_service.clock import FixedClock
from nextbest_service.composition import Serving
from nextbest_service.decisions.decider import Decider

TOGETHER = 250
ANSWERS = 200


async def measured(
    root: Path, clock_ms: int, questions: Sequence[decision_pb2.DecideRequest], progress: Progress
) -> dict[str, Spread]:
    """Return the spread of candidates, propositions and bytes over questions."""
    async with opened(root, FixedClock(clock_ms)) as serving:
        candidates, propositions = await _decided(serving.decider, questions, progress)
        answers = await _answered(serving, questions[:: max(1, len(questions) // ANSWERS)])
    return {
        "candidates": Spread.of(candidates),
        "propositions": Spread.of(propositions),
        "request_bytes": Spread.of([it.ByteSize() for it in questions]),
        "answer_bytes": Spread.of([*map(len, answers)]),
    }


async def _decided(
    decider: Decider, questions: Sequence[decision_pb2.DecideRequest], progress: Progress
) -> tuple[list[int], list[int]]:
    candidates, propositions = list[int](), list[int]()
    rules = decider.generation.rules
    for start in range(0, len(questions), TOGETHER):
        some = [read_request(it, rules, audited=False) for it in questions[start : start + TOGETHER]]
        for decision in await decider.plan(some, [f"{0:032x}"] * len(some)):
            assert decision.customer_known
            assert not decision.degraded
            candidates.append(len(decision.basis.factors.rows))
            propositions.append(len(decision.placements[0].propositions))
        progress("Counting candidates", len(candidates), len(questions))
    return candidates, propositions


async def _answered(serving: Serving, questions: Sequence[decision_pb2.DecideRequest]) -> list[bytes]:
    """Return the answers in full, tokens included; the log of this home gets them, too."""
    servicer = DecisionServicer(lambda: serving.decider)
    return [await servicer.decide(it, None) for it in questions]  # type: ignore[arg-type] - refuses nothing
