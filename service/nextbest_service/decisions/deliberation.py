"""The way of one decision once the customer is read: screen, score, arbitrate. No effects but a stopwatch."""

from collections.abc import Mapping, Sequence
from time import perf_counter_ns

import numpy as np

from nextbest_rules import Situation
from nextbest_rules.assignment import STATIC
from nextbest_rules.bitmask import union
from nextbest_service.decisions.basis import Basis
from nextbest_service.decisions.bitmask import flags_of
from nextbest_service.decisions.decision import (
    Decision,
    Degradation,
    PlacedExclusion,
    SelectionType,
    Timing,
)
from nextbest_service.decisions.exclusions import explain_exclusions
from nextbest_service.decisions.factors import Factors, Flags, Floats, Weights
from nextbest_service.decisions.generation import Generation
from nextbest_service.decisions.propositions import propositions
from nextbest_service.decisions.rankings import Ranking
from nextbest_service.decisions.reach import Reach, find_reach
from nextbest_service.decisions.request import DecisionRequest, ExplainLevel
from nextbest_service.decisions.showing import Showing, showings
from nextbest_service.decisions.slates import fill_slates
from nextbest_service.store.customers import Reading
from nextbest_service.store.keys import Ref

_NO_PINS = np.empty(0, dtype=np.bool_)


def deliberate(
    generation: Generation,
    request: DecisionRequest,
    reading: Reading,
    arms: Mapping[str, str],
    decision_id: str,
    watch: "Stopwatch",
    origin: Ref = b"",
    person: Ref = b"",
) -> Decision:
    """Return what is best for the customer that was read, in each placement asked for.

    `arms` are the customer's, by holdout and experiment. `origin` and `person` say whose decision it is.
    Where the watch says so, there is no time for a model.
    """
    now_ms = reading.now_ms
    reach = find_reach(generation.rules, request, situation_of(generation, request, reading, arms))
    shown = showings(generation, request, reach)
    watch.lap()
    ranking, degraded = _in_a_hurry(generation) if watch.hurried else _ranking(generation, arms)
    factors, unvalued, failed = scored(generation, ranking, request, reading, reach, shown)
    watch.lap()
    explores = not request.dry_run and not failed
    slates = fill_slates(generation, request, shown, factors, decision_id, explores=explores)
    ranked = SelectionType.STATIC if failed or ranking.ranker is None else SelectionType.RANKED
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
        degraded=(*degraded, *_lacking(failed=failed, unreadable=bool(unreadable))),
        stale_features=_stale(generation, reading, reach),
        timing=Timing(*watch.laps_us),
        basis=Basis(
            generation=generation,
            request=request,
            reading=reading,
            arms=arms,
            ranking=ranking,
            reach=reach,
            factors=factors,
            unvalued=unvalued,
            unshowable=slates.unshowable,
        ),
        origin=origin,
        person=person,
    )


def situation_of(
    generation: Generation, request: DecisionRequest, reading: Reading, arms: Mapping[str, str]
) -> Situation:
    """Return the customer that was read as the rules look at them."""
    customer = reading.customer
    vector = customer.features.vector
    return Situation(
        now_ms=reading.now_ms,
        known=customer.known,
        channel=request.channel,
        direction=request.direction,
        brand=request.brand,
        goal=request.goal,
        facts=customer.facts,
        facts_as_of=customer.facts_as_of,
        features={name: vector.item(place) for name, place in generation.seen_features},
        features_as_of=customer.features_as_of,
        context=request.context,
        consents=customer.consents,
        tickets=customer.tickets,
        purchases=customer.purchases,
        events=customer.events,
        contacts=customer.contacts,
        killed=reading.killed,
        volumes=reading.volumes,
        arms=arms,
    )


def _in_a_hurry(generation: Generation) -> tuple[Ranking, tuple[Degradation, ...]]:
    return generation.rankings[STATIC], (Degradation.DEADLINE_SHORT,)


def _ranking(generation: Generation, arms: Mapping[str, str]) -> tuple[Ranking, tuple[Degradation, ...]]:
    """Return what ranks, and what falls short of that: an arm's ranker that is not in use, or no model."""
    ranking = generation.ranking(arms)
    if ranking is None:
        missing = () if generation.champion.ranker else (Degradation.MODEL_UNAVAILABLE,)
        return generation.champion, (Degradation.RANKER_UNAVAILABLE, *missing)
    wanted = ranking.ranker is not None or ranking.name == STATIC
    return ranking, () if wanted else (Degradation.MODEL_UNAVAILABLE,)


def scored(
    generation: Generation,
    ranking: Ranking,
    request: DecisionRequest,
    reading: Reading,
    reach: Reach,
    shown: Sequence[Showing],
) -> tuple[Factors, int, bool]:
    """Return the factors of all candidates, the mask of those without a value, and if the model failed."""
    survivors = union(showing.mask for showing in shown)
    values, unvalued = _values(generation, survivors, reach)
    candidates = survivors & ~unvalued
    lever, pinned = _levers(generation, request, reach)
    weighings = generation.rules.context_weights.weighings(candidates, reach.view)
    weights = Weights(
        value=values,
        context_weight=generation.context_weights(tuple(weighings)),
        lever=lever,
        strength=ranking.standing.expected.strength,
        pinned=pinned,
    )
    features, context = reading.customer.features, request.numbers
    factors, failed = ranking.factors(features, context, candidates, weights, reading.now_ms)
    return factors, unvalued, failed


def _values(generation: Generation, survivors: int, reach: Reach) -> tuple[Floats, int]:
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


def _levers(generation: Generation, request: DecisionRequest, reach: Reach) -> tuple[Floats, Flags]:
    """Return L of every action, and which are pinned, one flag per action; no flags where none is."""
    levers, pinned = generation.levers(request.brand, request.goal, reach.view.situation.arms or {}), _NO_PINS
    boosts = reach.approaches[0].screening.boosts if reach.approaches else ()
    if boosts:
        levers = levers.copy()
    for boost in boosts:
        flags = flags_of(boost.mask, len(levers))
        levers[flags] *= boost.lever
        if boost.pin:
            pinned = pinned | flags if len(pinned) else flags
    return levers, pinned


def _lacking(*, failed: bool, unreadable: bool) -> tuple[Degradation, ...]:
    if not failed and not unreadable:
        return ()
    found = {Degradation.SCORE_NOT_FINITE: failed, Degradation.STATE_UNREADABLE: unreadable}
    return tuple(degradation for degradation, holds in found.items() if holds)


def _stale(generation: Generation, reading: Reading, reach: Reach) -> tuple[str, ...]:
    # Somebody unknown has no features that could be too old.
    known = reading.customer.known
    stale = generation.rules.stale_features(reach.view.situation) if known else ()
    defaulted = reading.customer.defaulted
    return tuple(sorted({*defaulted, *stale})) if stale else defaulted


class Stopwatch:
    """Takes the microseconds between one lap and the next; `hurried` says that time is short."""

    __slots__ = ("_since", "hurried", "laps_us")

    def __init__(self, *, hurried: bool = False) -> None:
        self.hurried = hurried
        self.laps_us: list[int] = []
        self._since = perf_counter_ns()

    def lap(self) -> None:
        """End a lap and begin the next one."""
        now = perf_counter_ns()
        self.laps_us.append((now - self._since) // 1000)
        self._since = now

    def resume(self) -> None:
        """Take up the last lap again."""
        self._since = perf_counter_ns() - self.laps_us.pop() * 1000

    def back_to_first(self) -> None:
        """Forget all laps but the first, and begin the second anew."""
        del self.laps_us[1:]
        self._since = perf_counter_ns()
