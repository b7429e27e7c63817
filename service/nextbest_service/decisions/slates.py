"""Fills the placements of a request."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from nextbest_rules import ParameterError, ParameterValue, Room, View
from nextbest_service.decisions.arbitration import Choice, Rooms, fill_slots
from nextbest_service.decisions.bitmask import flags_of
from nextbest_service.decisions.exploration import Explorer
from nextbest_service.decisions.factors import Factors, Flags
from nextbest_service.decisions.generation import Generation
from nextbest_service.decisions.leading import fill_from_leaders
from nextbest_service.decisions.request import DecisionRequest
from nextbest_service.decisions.showing import Showing

Parameters = Mapping[tuple[str, int], Mapping[str, ParameterValue]]


class Slates(NamedTuple):
    """What was chosen per placement, best first where nothing explores.

    `parameters` are by placement id and row. `unshowable` is the mask of the actions that would have been
    chosen, but a parameter of their treatment has no value for this customer. `rooms` are the caps of which
    the answer may have used up what was left.
    """

    chosen: Sequence[Sequence[Choice]]
    parameters: Parameters
    unshowable: int
    rooms: tuple[Room, ...] = ()


def fill_slates(
    generation: Generation,
    request: DecisionRequest,
    shown: Sequence[Showing],
    factors: Factors,
    decision_id: str,
    *,
    explores: bool,
) -> Slates:
    """Fill all placements. What turns out to be unshowable is left out, and the next best moves up.

    Where a placement explores, that is found out before anything is picked: else the probabilities would not
    be those of the picks.
    """
    if not len(factors.rows):
        return Slates([()] * len(shown), {}, 0)
    rooms = _rooms(generation, shown)
    exploring = [showing for showing in shown if explores and showing.asked.placement.exploration]
    unshowable = 0
    if exploring:
        all_candidates = range(len(factors.rows))
        _, unshowable = parameters_of(generation, exploring, factors, [all_candidates] * len(exploring))
    while True:
        chosen = None
        if not exploring:
            chosen = fill_from_leaders(
                generation.slots,
                generation.exclusive,
                shown,
                factors,
                rooms,
                unshowable,
                allow_duplicates=request.allow_duplicates,
            )
        if chosen is None:
            chosen = _fill(generation, request, shown, factors, rooms, unshowable, exploring, decision_id)
        candidates = [[choice.candidate for choice in slate] for slate in chosen]
        parameters, failed = parameters_of(generation, shown, factors, candidates)
        if not failed:
            return Slates(chosen, parameters, unshowable, rooms)
        unshowable |= failed


def _fill(
    generation: Generation,
    request: DecisionRequest,
    shown: Sequence[Showing],
    factors: Factors,
    rooms: Sequence[Room],
    unshowable: int,
    exploring: Sequence[Showing],
    decision_id: str,
) -> Sequence[Sequence[Choice]]:
    """Fill all placements whatever it takes, among all candidates."""
    size = len(generation.catalog.actions)
    slots = [
        generation.slots.slot(
            showing.asked.placement,
            showing.asked.limit,
            factors,
            _showable(showing, shown, factors, unshowable, size),
            _explorer(showing, factors, decision_id) if showing in exploring else None,
        )
        for showing in shown
    ]
    return fill_slots(
        factors.order,
        slots,
        [rule.members[factors.rows] for rule in generation.exclusive],
        Rooms(rooms, factors.rows, size),
        allow_duplicates=request.allow_duplicates,
        pinned=factors.pinned,
    )


def _rooms(generation: Generation, shown: Sequence[Showing]) -> tuple[Room, ...]:
    """Return the caps of which this answer could use up more than is left."""
    ways: dict[str, tuple[View, int]] = {}
    for showing in shown:
        for way in showing.ways:
            _, mask = ways.get(way.approach.channel, (None, 0))
            ways[way.approach.channel] = way.approach.view, mask | way.mask
    return generation.rules.rooms(list(ways.values()), sum(showing.asked.limit for showing in shown))


def _explorer(showing: Showing, factors: Factors, decision_id: str) -> Explorer | None:
    placement = showing.asked.placement
    if placement.exploration is None:
        return None
    return Explorer(placement.exploration, factors.outlook, f"{decision_id}/{placement.id}".encode())


def _showable(
    showing: Showing, shown: Sequence[Showing], factors: Factors, unshowable: int, size: int
) -> Flags | None:
    """Return which candidates a placement can show; None for all of them, as where it is the only one."""
    if len(shown) == 1 and not unshowable:
        return None
    return flags_of(showing.mask & ~unshowable, size)[factors.rows]


def parameters_of(
    generation: Generation, shown: Sequence[Showing], factors: Factors, chosen: Sequence[Sequence[int]]
) -> tuple[Parameters, int]:
    """Return the parameters of everything chosen, and the mask of the actions that lack one."""
    found: dict[tuple[str, int], Mapping[str, ParameterValue]] = {}
    failed, row_of, formulas = 0, factors.rows.item, generation.rules.formulas
    for showing, candidates in zip(shown, chosen, strict=True):
        for candidate in candidates:
            row = row_of(candidate)
            if not showing.mask >> row & 1:
                continue
            approach, treatment = showing.of(row)
            if treatment is None or not treatment.parameters:
                continue
            try:
                values = formulas.parameters(treatment, approach.view)
            except ParameterError:
                failed |= 1 << row
            else:
                found[showing.asked.placement.id, row] = values
    return found, failed
