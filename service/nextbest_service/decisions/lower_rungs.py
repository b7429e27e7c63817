"""Answers of the ladder's lower rungs, for a customer of whom nothing can be read.

What was answered last is given again, else the placement's declared fallback. Both go through the rules as
those of somebody unseen, so that nothing is shown that a closed rule could stop. We contact nobody so.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from nextbest_models.state import CustomerFeatures
from nextbest_rules import Direction, Exclusion, Stage
from nextbest_rules.assignment import STATIC
from nextbest_rules.bitmask import bits, union
from nextbest_rules.records import Kill
from nextbest_service.decisions.arbitration import NO_LIMITS, Choice, Filling
from nextbest_service.decisions.basis import Basis
from nextbest_service.decisions.bitmask import flags_of
from nextbest_service.decisions.decision import (
    Decision,
    Degradation,
    PlacedExclusion,
    PlacementDecision,
    SelectionType,
    Timing,
)
from nextbest_service.decisions.deliberation import Stopwatch, scored, situation_of
from nextbest_service.decisions.factors import Factors
from nextbest_service.decisions.generation import Generation
from nextbest_service.decisions.propositions import propositions
from nextbest_service.decisions.reach import Reach, find_reach
from nextbest_service.decisions.request import DecisionRequest, ExplainLevel, PlacementRequest
from nextbest_service.decisions.showing import Showing, showings
from nextbest_service.decisions.slates import Slates, parameters_of
from nextbest_service.store.customers import Customer, Reading
from nextbest_service.store.found import Found
from nextbest_service.store.keys import Ref

UNREAD = "customer_unread"
_UNREAD = "Nothing can be read of the customer: only what was answered last, or a fallback, is shown."


class Unseen(NamedTuple):
    """Somebody of whom nothing can be read now.

    `remembered` are the actions that were answered last, by placement. `killed` are the kills known of.
    """

    refs: tuple[Ref, ...]
    remembered: Mapping[str, Sequence[str]]
    killed: Mapping[str, Kill]
    now_ms: int


def decide_unseen(
    generation: Generation,
    request: DecisionRequest,
    unseen: Unseen,
    why: Degradation,
    decision_id: str,
    origin: Ref = b"",
) -> Decision:
    """Return what may be said to somebody whom nobody can read, in each placement asked for."""
    watch = Stopwatch()
    watch.lap()
    reading = _reading(generation, unseen)
    situation = situation_of(generation, request, reading, {}).unseen()
    reach = find_reach(generation.rules, request, situation)
    wanted = [_wanted(generation, request, asked, unseen.remembered) for asked in request.placements]
    shown = [_only(it, rows) for it, rows in zip(showings(generation, request, reach), wanted, strict=True)]
    watch.lap()
    ranking = generation.rankings[STATIC]
    factors, unvalued, _ = scored(generation, ranking, request, reading, reach, shown)
    factors = factors._replace(pinned=np.zeros_like(factors.pinned))
    watch.lap()
    slates = _filled(generation, request, shown, wanted, factors)
    placements = propositions(
        generation,
        request,
        reach,
        shown,
        factors,
        slates,
        SelectionType.LAST_KNOWN_GOOD,
        unseen.now_ms,
    )
    watch.lap()
    exclusions: tuple[PlacedExclusion, ...] = ()
    if request.explain >= ExplainLevel.EXCLUSIONS:
        exclusions = tuple(_exclusions(generation, request, reach, placements))
    watch.lap()
    return Decision(
        id=decision_id,
        decided_at_ms=unseen.now_ms,
        placements=placements,
        selection_type=_lowest(placements),
        exclusions=exclusions,
        customer_known=False,
        degraded=(why,),
        stale_features=(),
        timing=Timing(*watch.laps_us),
        basis=Basis(
            generation=generation,
            request=request,
            reading=reading,
            arms={},
            ranking=ranking,
            reach=reach,
            factors=factors,
            unvalued=unvalued,
            unshowable=slates.unshowable,
        ),
        origin=origin,
        person=origin,
    )


def rung_of(placement: PlacementDecision) -> SelectionType:
    """Return where on the lower rungs a placement's answer was found; an empty one has gone all the way."""
    last = any(it.selection is SelectionType.LAST_KNOWN_GOOD for it in placement.propositions)
    return SelectionType.LAST_KNOWN_GOOD if last else SelectionType.FALLBACK


def _lowest(placements: Sequence[PlacementDecision]) -> SelectionType:
    rungs = {rung_of(placement) for placement in placements}
    return SelectionType.FALLBACK if SelectionType.FALLBACK in rungs else SelectionType.LAST_KNOWN_GOOD


def _reading(generation: Generation, unseen: Unseen) -> Reading:
    customer = Customer(
        known=False,
        features=CustomerFeatures.unknown(generation.spec, unseen.now_ms),
        features_as_of=None,
        facts=None,
        consents=None,
        tickets=None,
        purchases=None,
        events=None,
        contacts=None,
    )
    return Reading(customer, unseen.killed, None, Found(unseen.refs), unseen.now_ms)


def _wanted(
    generation: Generation,
    request: DecisionRequest,
    asked: PlacementRequest,
    remembered: Mapping[str, Sequence[str]],
) -> list[int]:
    """Return the rows of what a placement may show at all, best first, its fallback last."""
    if request.direction is Direction.OUTBOUND:
        return []
    index = generation.slots.index
    ids = remembered.get(asked.placement.id, ())
    rows = [index[id_] for id_ in ids if id_ in index]  # the catalog may be another one since
    return [*rows, *bits(generation.slots.fallback(asked.placement))]


def _only(showing: Showing, rows: Sequence[int]) -> Showing:
    wanted = union(1 << row for row in rows)
    ways = tuple(way._replace(mask=way.mask & wanted) for way in showing.ways)
    return Showing(showing.asked, showing.mask & wanted, ways)


def _filled(
    generation: Generation,
    request: DecisionRequest,
    shown: Sequence[Showing],
    wanted: Sequence[Sequence[int]],
    factors: Factors,
) -> Slates:
    """Fill all placements in the order in which they were filled last; see `slates.fill_slates`."""
    if not len(factors.rows):
        return Slates([()] * len(shown), {}, 0)
    unshowable = 0
    while True:
        chosen = _chosen(generation, request, shown, wanted, factors, unshowable)
        candidates = [[choice.candidate for choice in slate] for slate in chosen]
        parameters, failed = parameters_of(generation, shown, factors, candidates)
        if not failed:
            return Slates(chosen, parameters, unshowable)
        unshowable |= failed


def _chosen(
    generation: Generation,
    request: DecisionRequest,
    shown: Sequence[Showing],
    wanted: Sequence[Sequence[int]],
    factors: Factors,
    unshowable: int,
) -> list[Sequence[Choice]]:
    size, count = len(generation.catalog.actions), len(factors.rows)
    places = {row: place for place, row in enumerate(factors.rows.tolist())}
    filling = Filling(
        order=factors.rows,
        pinned=np.zeros(count, np.bool_),
        exclusive=[rule.members[factors.rows] for rule in generation.exclusive],
        rooms=NO_LIMITS,
        allow_duplicates=request.allow_duplicates,
        free=np.ones(count, np.bool_),
    )
    chosen: list[Sequence[Choice]] = []
    for showing, rows in zip(shown, wanted, strict=True):
        filling.order = np.array([places[row] for row in dict.fromkeys(rows) if row in places], np.intp)
        showable = flags_of(showing.mask & ~unshowable, size)[factors.rows]
        slot = generation.slots.slot(
            showing.asked.placement, showing.asked.limit, factors, showable, explorer=None
        )
        chosen.append(filling.fill(slot))
    return chosen


def _exclusions(
    generation: Generation,
    request: DecisionRequest,
    reach: Reach,
    placements: Sequence[PlacementDecision],
) -> Iterator[PlacedExclusion]:
    """Yield why actions were not offered: a rule, or that there was nothing to rank them by."""
    offered = {it.action.id for placement in placements for it in placement.propositions}
    stopped = {it.action_id: it for it in generation.rules.explain(reach.view, candidates=request.candidates)}
    for action in generation.catalog.actions:
        if action.id not in offered:
            unread = Exclusion(action.id, Stage.ARBITRATION, UNREAD, _UNREAD)
            yield PlacedExclusion(stopped.get(action.id, unread))
