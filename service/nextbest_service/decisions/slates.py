"""Fills the placements of a request, and renders what fills them as propositions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from nextbest_models.ladder import Maturity
from nextbest_rules import Action, ParameterError, ParameterValue, Room, Treatment, View
from nextbest_service.decisions.arbitration import (
    Choice,
    Factors,
    Flags,
    Rooms,
    fill_by_priority,
    fill_slots,
)
from nextbest_service.decisions.bitmask import flags_of
from nextbest_service.decisions.decision import (
    NO_PARAMETERS,
    PlacementDecision,
    Proposition,
    SelectionType,
)
from nextbest_service.decisions.exploration import Explorer
from nextbest_service.decisions.generation import Generation
from nextbest_service.decisions.reach import Reach
from nextbest_service.decisions.request import DecisionRequest
from nextbest_service.decisions.showing import Showing

Parameters = Mapping[tuple[str, int], Mapping[str, ParameterValue]]
_MATURITIES = {maturity.value: maturity for maturity in Maturity}
_BY_PRIORITY = (SelectionType.RANKED, SelectionType.STATIC, SelectionType.EXPLORED)


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
    size = len(generation.catalog.actions)
    exclusive = [rule.members[factors.rows] for rule in generation.exclusive]
    rooms = _rooms(generation, shown)
    limits = Rooms(rooms, factors.rows, size)
    exploring = [showing for showing in shown if explores and showing.asked.placement.exploration]
    plain = not (exclusive or rooms or factors.pins)
    all_candidates = range(len(factors.rows))
    _, unshowable = _parameters(generation, exploring, factors, [all_candidates] * len(exploring))
    while True:
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
        if plain and all(slot.plain for slot in slots):
            chosen = fill_by_priority(factors.priority, slots, allow_duplicates=request.allow_duplicates)
        else:
            chosen = fill_slots(
                factors.order,
                slots,
                exclusive,
                limits,
                allow_duplicates=request.allow_duplicates,
                pinned=factors.pinned,
            )
        candidates = [[choice.candidate for choice in slate] for slate in chosen]
        parameters, failed = _parameters(generation, shown, factors, candidates)
        if not failed:
            return Slates(chosen, parameters, unshowable, rooms)
        unshowable |= failed


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


def _parameters(
    generation: Generation, shown: Sequence[Showing], factors: Factors, chosen: Sequence[Sequence[int]]
) -> tuple[Parameters, int]:
    """Return the parameters of everything chosen, and the mask of the actions that lack one."""
    found: dict[tuple[str, int], Mapping[str, ParameterValue]] = {}
    failed = 0
    for showing, candidates in zip(shown, chosen, strict=True):
        for candidate in candidates:
            row = int(factors.rows[candidate])
            if not showing.mask >> row & 1:
                continue
            approach, treatment = showing.of(row)
            if treatment is None or not treatment.parameters:
                continue
            try:
                values = generation.rules.formulas.parameters(treatment, approach.view)
            except ParameterError:
                failed |= 1 << row
            else:
                found[showing.asked.placement.id, row] = values
    return found, failed


def propositions(
    generation: Generation,
    request: DecisionRequest,
    reach: Reach,
    shown: Sequence[Showing],
    factors: Factors,
    slates: Slates,
    ranked: SelectionType,
    now_ms: int,
) -> tuple[PlacementDecision, ...]:
    """Return the chosen actions as propositions, per placement."""
    render = _Renderer(generation, request, reach, factors, slates.parameters, ranked, now_ms)
    return tuple(
        PlacementDecision(
            showing.asked,
            tuple(render.proposition(showing, choice, rank) for rank, choice in enumerate(chosen, start=1)),
        )
        for showing, chosen in zip(shown, slates.chosen, strict=True)
    )


@dataclass(frozen=True, slots=True)
class _Renderer:
    """What all propositions of an answer have in common."""

    generation: Generation
    request: DecisionRequest
    reach: Reach
    factors: Factors
    parameters: Parameters
    ranked: SelectionType
    now_ms: int

    def proposition(self, showing: Showing, choice: Choice, rank: int) -> Proposition:
        factors, candidate = self.factors, choice.candidate
        row = factors.rows.item(candidate)
        action = self.generation.catalog.actions[row]
        approach, treatment = showing.of(row)
        with_content = self.request.include_content
        treatment_id = treatment.id if treatment else ""
        chosen_parameters = self.parameters.get((showing.asked.placement.id, row), NO_PARAMETERS)
        selection = self._selection(showing, action, choice)
        by_priority = selection in _BY_PRIORITY
        return Proposition(
            action=action,
            rank=rank,
            selection=selection,
            selection_probability=choice.probability,
            propensity=factors.propensity.item(candidate),
            value=factors.value.item(candidate),
            context_weight=factors.context_weight.item(candidate),
            lever=factors.lever.item(candidate),
            priority=factors.priority.item(candidate),
            channel=approach.channel,
            treatment_id=treatment_id,
            content_json=self.generation.content(row, treatment_id) if with_content else "",
            parameters=chosen_parameters if with_content else NO_PARAMETERS,
            expires_at_ms=_expires_at_ms(action, treatment, self.now_ms),
            send_at_ms=self.reach.send_at_ms,
            maturity=_MATURITIES[factors.maturity.item(candidate)] if by_priority else None,
        )

    def _selection(self, showing: Showing, action: Action, choice: Choice) -> SelectionType:
        if action.id == showing.asked.placement.fallback:
            return SelectionType.FALLBACK
        if choice.explored:
            return SelectionType.EXPLORED
        return SelectionType.PINNED if self.factors.pinned[choice.candidate] else self.ranked


def _expires_at_ms(action: Action, treatment: Treatment | None, now_ms: int) -> int | None:
    """Return the end of the action's window or of its time to live, whichever comes first."""
    ends = [window.until_ms for window in action.valid if window.holds(now_ms)]
    lives = (treatment.valid_for_ms if treatment else None) or action.valid_for_ms
    if lives is not None:
        ends.append(now_ms + lives)
    return min([end for end in ends if end is not None], default=None)
