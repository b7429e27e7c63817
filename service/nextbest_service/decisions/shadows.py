"""What other rankers would have thought of a decision's candidates: for the log, behind the answer."""

from dataclasses import dataclass
from hashlib import blake2b

import structlog

from nextbest_rules.dice import fraction
from nextbest_service.decisions.decision import Decision
from nextbest_service.decisions.factors import Floats

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Shadowed:
    """The propensities that a ranker gives to the candidates of a decision, float64 in their order."""

    ranker: str
    propensity: Floats


def looked_on(decision: Decision) -> tuple[str, ...]:
    """Return the rankers in use that look on at this decision: at each decision with their share."""
    generation = decision.basis.generation
    return tuple(
        shadow.ranker
        for shadow in generation.catalog.experimentation.shadows
        if shadow.ranker in generation.rankings and _dice(decision.id, shadow.ranker) < shadow.share
    )


def shadows_of(decision: Decision) -> tuple[Shadowed, ...]:
    """Score the candidates of a decision by all that look on at it. One that fails is left out."""
    found = (_shadowed(decision, ranker) for ranker in looked_on(decision))
    return tuple(shadowed for shadowed in found if shadowed is not None)


def _shadowed(decision: Decision, ranker: str) -> Shadowed | None:
    basis, reading = decision.basis, decision.basis.reading
    features, context = reading.customer.features, basis.request.numbers
    try:
        ranking = basis.generation.rankings[ranker]
        propensity, _, failed = ranking.propensities(features, context, basis.factors.rows, reading.now_ms)
    except Exception as error:  # nothing that only looks on may cost a decision its record
        log.error("shadow_failed", ranker=ranker, error=type(error).__name__)
        return None
    return None if failed else Shadowed(ranker, propensity)


def _dice(decision_id: str, ranker: str) -> float:
    return fraction(blake2b(f"{decision_id}/{ranker}".encode(), digest_size=8).digest())
