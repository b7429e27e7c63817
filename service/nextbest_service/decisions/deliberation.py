"""The way of one decision once the customer is read: screen, score, arbitrate. No effects but a stopwatch."""

from collections.abc import Sequence
from time import perf_counter_ns

import numpy as np
import structlog
from numpy.typing import NDArray

from nextbest_models.ranker import ModelError
from nextbest_rules import Situation
from nextbest_rules.bitmask import union
from nextbest_service.decisions.arbitration import Factors, Rows
from nextbest_service.decisions.basis import Basis
from nextbest_service.decisions.bitmask import flags_of, rows_of
from nextbest_service.decisions.decision import (
    Decision,
    Degradation,
    PlacedExclusion,
    SelectionType,
    Timing,
)
from nextbest_service.decisions.exclusions import explain_exclusions
from nextbest_service.decisions.generation import Generation
from nextbest_service.decisions.reach import Reach, find_reach
from nextbest_service.decisions.request import DecisionRequest, ExplainLevel
from nextbest_service.decisions.showing import Showing, showings
from nextbest_service.decisions.slates import fill_slates, propositions
from nextbest_service.store.customers import Reading

log = structlog.get_logger()


def deliberate(
    generation: Generation, request: DecisionRequest, reading: Reading, decision_id: str, watch: "Stopwatch"
) -> Decision:
    """Return what is best for the customer that was read, in each placement asked for."""
    now_ms = reading.now_ms
    reach = find_reach(generation.rules, request, _situation(generation, request, reading))
    shown = showings(generation, request, reach)
    watch.lap()
    factors, unvalued, degraded = _score(generation, request, reading, reach, shown)
    watch.lap()
    explores = not request.dry_run and Degradation.SCORE_NOT_FINITE not in degraded
    slates = fill_slates(generation, request, shown, factors, decision_id, explores=explores)
    ranked = SelectionType.STATIC if degraded else SelectionType.RANKED
    placements = propositions(generation, request, reach, shown, factors, slates, ranked, now_ms)
    watch.lap()
    exclusions: tuple[PlacedExclusion, ...] = ()
    if request.explain >= ExplainLevel.EXCLUSIONS:
        exclusions = explain_exclusions(generation, request, reach, factors, slates, unvalued)
    watch.lap()
    customer = reading.customer
    unreadable = customer.unreadable or reading.volumes is None
    return Decision(
        id=decision_id,
        decided_at_ms=now_ms,
        placements=placements,
        selection_type=ranked,
        exclusions=exclusions,
        customer_known=customer.known,
        degraded=(*degraded, *([Degradation.STATE_UNREADABLE] if unreadable else [])),
        stale_features=_stale(generation, reading, reach),
        timing=Timing(*watch.laps_us),
        basis=Basis(
            generation=generation,
            request=request,
            reading=reading,
            reach=reach,
            factors=factors,
            unvalued=unvalued,
            unshowable=slates.unshowable,
        ),
    )


def _situation(generation: Generation, request: DecisionRequest, reading: Reading) -> Situation:
    customer = reading.customer
    features = customer.features.vector.tolist()
    return Situation(
        now_ms=reading.now_ms,
        known=customer.known,
        channel=request.channel,
        direction=request.direction,
        brand=request.brand,
        goal=request.goal,
        facts=customer.facts,
        facts_as_of=customer.facts_as_of,
        features=dict(zip(generation.spec.customer_names, features, strict=True)),
        features_as_of=customer.features_as_of,
        context=request.context,
        consents=customer.consents,
        tickets=customer.tickets,
        purchases=customer.purchases,
        events=customer.events,
        contacts=customer.contacts,
        killed=reading.killed,
        volumes=reading.volumes,
    )


def _score(
    generation: Generation,
    request: DecisionRequest,
    reading: Reading,
    reach: Reach,
    shown: Sequence[Showing],
) -> tuple[Factors, int, tuple[Degradation, ...]]:
    """Return the factors of all candidates, the mask of those without a value, and what fell short."""
    size = len(generation.catalog.actions)
    survivors = union(showing.mask for showing in shown)
    values, unvalued = _values(generation, survivors, reach)
    rows = rows_of(survivors & ~unvalued, size)
    propensity, maturity, degraded = _propensity(generation, rows, request, reading)
    lever, pinned = _levers(generation, request, reach)
    weight = _context_weights(generation, survivors & ~unvalued, reach)
    factors = Factors(
        rows=rows,
        propensity=propensity,
        value=values[rows],
        context_weight=weight[rows],
        lever=lever[rows],
        pinned=pinned[rows],
        maturity=maturity,
        strength=generation.standing.expected.strength[rows],
    )
    return factors, unvalued, degraded


def _values(generation: Generation, survivors: int, reach: Reach) -> tuple[NDArray[np.float64], int]:
    formulas = generation.rules.formulas
    if not survivors & formulas.computed:
        return generation.values, 0
    values, unvalued = generation.values.copy(), 0
    for bit, value in formulas.values(survivors, reach.view):
        if value is None:
            unvalued |= 1 << bit
        else:
            values[bit] = value
    return values, unvalued


def _levers(
    generation: Generation, request: DecisionRequest, reach: Reach
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    size = len(generation.catalog.actions)
    levers, pinned = generation.levers(request.brand, request.goal), np.zeros(size, dtype=np.bool_)
    boosts = reach.approaches[0].screening.boosts if reach.approaches else ()
    if boosts:
        levers = levers.copy()
    for boost in boosts:
        flags = flags_of(boost.mask, size)
        levers[flags] *= boost.lever
        if boost.pin:
            pinned |= flags
    return levers, pinned


def _context_weights(generation: Generation, candidates: int, reach: Reach) -> NDArray[np.float64]:
    size = len(generation.catalog.actions)
    weights = np.ones(size)
    for weighing in generation.rules.context_weights.weighings(candidates, reach.view):
        weights[flags_of(weighing.mask, size)] *= weighing.weight
    return weights


def _propensity(
    generation: Generation, rows: Rows, request: DecisionRequest, reading: Reading
) -> tuple[NDArray[np.float64], NDArray[np.int8], tuple[Degradation, ...]]:
    """Return P of some actions, what it rests on, and what fell short: the model ranks those it knows."""
    standing = generation.standing
    if generation.candidates is None:
        return *standing.without_model(rows), (Degradation.MODEL_UNAVAILABLE,)
    known = standing.mature[rows]
    ranked = rows if standing.all_mature else rows[known]
    if not len(ranked):
        return *standing.without_model(rows), ()
    features = reading.customer.features
    try:
        scores = generation.candidates.propensities(features, _numbers(request), ranked, reading.now_ms)
    except ModelError as error:
        log.error("ranking_failed", error=str(error))
        return *standing.without_model(rows), (Degradation.SCORE_NOT_FINITE,)
    return *standing.with_model(rows, known, scores), ()


def _numbers(request: DecisionRequest) -> dict[str, float]:
    """Return the numeric part of the context: what features may read."""
    return {
        name: float(value)
        for name, value in request.context.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }


def _stale(generation: Generation, reading: Reading, reach: Reach) -> tuple[str, ...]:
    # Somebody unknown has no features that could be too old.
    known = reading.customer.known
    stale = generation.rules.stale_features(reach.view.situation) if known else ()
    return tuple(sorted({*reading.customer.defaulted, *stale}))


class Stopwatch:
    """Takes the microseconds between one lap and the next."""

    __slots__ = ("_since", "laps_us")

    def __init__(self) -> None:
        self.laps_us: list[int] = []
        self._since = perf_counter_ns()

    def lap(self) -> None:
        """End a lap and begin the next one."""
        now = perf_counter_ns()
        self.laps_us.append((now - self._since) // 1000)
        self._since = now

    def back_to_first(self) -> None:
        """Forget all laps but the first, and begin the second anew."""
        del self.laps_us[1:]
        self._since = perf_counter_ns()
