"""Why every other action was not offered: the rules' reasons and those of arbitration, on demand only."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from nextbest_rules import Action, Exclusion, Stage, Surface
from nextbest_rules.bitmask import union
from nextbest_service.decisions.arbitration import Choice
from nextbest_service.decisions.decision import PlacedExclusion
from nextbest_service.decisions.factors import Factors, Rows
from nextbest_service.decisions.generation import Exclusive, Generation
from nextbest_service.decisions.reach import Reach
from nextbest_service.decisions.request import DecisionRequest, PlacementRequest
from nextbest_service.decisions.slates import Slates


def explain_exclusions(
    generation: Generation,
    request: DecisionRequest,
    reach: Reach,
    factors: Factors,
    slates: Slates,
    unvalued: int,
) -> tuple[PlacedExclusion, ...]:
    """Return, in catalog order, why each action that is in no placement of the answer was left out.

    An action that all placements leave out for the same reason is reported once, without a placement.
    `unvalued` is the mask of the actions whose value could not be computed.
    """
    offered = {int(factors.rows[choice.candidate]) for slate in slates.chosen for choice in slate}
    losses = _Losses.of(generation, factors, slates, unvalued, offered)
    by_placement = {
        asked.placement.id: _in_placement(generation, request, reach, asked, slate, losses)
        for asked, slate in zip(request.placements, slates.chosen, strict=True)
    }
    return tuple(
        placed
        for row, action in enumerate(generation.catalog.actions)
        if row not in offered
        for placed in _merged(action.id, by_placement)
    )


def _in_placement(
    generation: Generation,
    request: DecisionRequest,
    reach: Reach,
    asked: PlacementRequest,
    slate: Sequence[Choice],
    losses: "_Losses",
) -> Mapping[str, Exclusion]:
    channel = reach.approaches[0].channel if reach.approaches else ""
    surface = Surface(asked.placement.id, channel, request.locale) if channel else None
    stopped = generation.rules.explain(reach.view, surface, asked.excluded, request.candidates)
    found = {exclusion.action_id: exclusion for exclusion in stopped}
    shown = losses.factors.priority[[choice.candidate for choice in slate]]
    slated = _Slate(asked, slate, float(shown.min()) if slate else None)
    for row, action in enumerate(generation.catalog.actions):
        if action.id not in found:
            found[action.id] = losses.exclusion(row, action, slated) if channel else _no_channel(action)
    return found


def _no_channel(action: Action) -> Exclusion:
    return Exclusion(action.id, Stage.PLACEMENT, "channel", "No channel of the placement suits the customer.")


class _Slate(NamedTuple):
    """What a placement shows, and the lowest priority in it."""

    asked: PlacementRequest
    chosen: Sequence[Choice]
    lowest: float | None


@dataclass(frozen=True, slots=True)
class _Losses:
    """Why actions that passed every rule were not chosen.

    `offered` is the mask of those that were, `winners` by mutual exclusion the first of them that won it.
    `candidates` are by row, `finite` and `priority` by candidate; `places` are the candidates' ones in the
    order.
    """

    generation: Generation
    factors: Factors
    slates: Slates
    unvalued: int
    offered: int
    winners: Sequence[tuple[Exclusive, str]]
    candidates: Mapping[int, int]
    finite: Sequence[bool]
    priority: Sequence[float]
    places: Rows

    @classmethod
    def of(
        cls, generation: Generation, factors: Factors, slates: Slates, unvalued: int, offered: set[int]
    ) -> "_Losses":
        """Look once at what every action is asked about."""
        actions = generation.catalog.actions
        winners = [
            (exclusive, next((actions[row].id for row in sorted(offered) if exclusive.members[row]), ""))
            for exclusive in generation.exclusive
        ]
        return cls(
            generation=generation,
            factors=factors,
            slates=slates,
            unvalued=unvalued,
            offered=union(1 << row for row in offered),
            winners=[winner for winner in winners if winner[1]],
            candidates={row: candidate for candidate, row in enumerate(factors.rows.tolist())},
            finite=factors.finite.tolist(),
            priority=factors.priority.tolist(),
            places=np.argsort(factors.order),
        )

    def exclusion(self, row: int, action: Action, slate: _Slate) -> Exclusion:
        """Return why an action is not in a placement's slate."""
        asked = slate.asked

        def lost(rule_id: str, reason: str, actual: str = "", required: str = "") -> Exclusion:
            return Exclusion(action.id, Stage.ARBITRATION, rule_id, reason, actual, required)

        kept_back = asked.placement.fallback == action.id
        if void := self._void(row, kept_back=kept_back):
            return lost(*void)
        if rival := self._rival(row):
            exclusive, name = rival
            return lost(exclusive.rule.id, exclusive.rule.reason, f"{name} is offered", "only one of them")
        crowded = self._crowded(row, asked, slate.chosen) or self._full(row, asked, slate.chosen)
        if crowded and not (kept_back and slate.chosen):
            return crowded
        if kept_back:
            return lost("fallback", "Kept for when nothing else may be offered here.")
        return self._outranked(row, slate, lost)

    def _void(self, row: int, *, kept_back: bool) -> Sequence[str]:
        """Return why an action can take no place at all: rule, reason, actual, required."""
        if self.unvalued >> row & 1:
            return "value", "The action has no value for this customer, or one below 0."
        if self.slates.unshowable >> row & 1:
            return "parameters", "A parameter of the treatment has no value for this customer."
        candidate = self.candidates[row]
        if not self.finite[candidate]:
            reason = "The priority is no finite number."
        elif self.factors.worthwhile[candidate] or kept_back:
            return ()
        else:
            reason = "A priority of 0 is no better than nothing."
        return "priority", reason, self._product(candidate), "a finite number above 0"

    def _product(self, candidate: int) -> str:
        factors = self.factors
        parts = (factors.propensity, factors.context_weight, factors.value, factors.lever)
        return f"priority = {' × '.join(f'{part[candidate]:.6g}' for part in parts)}"

    def _rival(self, row: int) -> tuple[Exclusive, str] | None:
        """Return the mutual exclusion that another offered action won."""
        return next((winner for winner in self.winners if winner[0].members[row]), None)

    def _crowded(self, row: int, asked: PlacementRequest, slate: Sequence[Choice]) -> Exclusion | None:
        """Return the cap of which the answer used up what was left before it was this action's turn."""
        for room in self.slates.rooms:
            found = room.finding(row, self.offered)
            if found and self._had_its_turn(row, asked, slate):
                words = (found.rule_id, found.reason, found.actual, found.required)
                return Exclusion(self.generation.catalog.actions[row].id, Stage.CONTACT_POLICY, *words)
        return None

    def _full(self, row: int, asked: PlacementRequest, slate: Sequence[Choice]) -> Exclusion | None:
        """Return the diversity that the slate used up before it was this action's turn."""
        generation = self.generation
        rows = [int(self.factors.rows[choice.candidate]) for choice in slate]
        for kind, most, numbers in generation.slots.limits(asked.placement.diversity):
            alike = sum(bool(numbers[other] == numbers[row]) for other in rows)
            if alike >= most:
                reason = f"The placement shows at most {most} of one {kind}."
                words = ("at_most", reason, f"{alike} of the same {kind} chosen", f"below {most}")
                return Exclusion(generation.catalog.actions[row].id, Stage.ARBITRATION, *words)
        return None

    def _had_its_turn(self, row: int, asked: PlacementRequest, slate: Sequence[Choice]) -> bool:
        """Tell whether the placement was not full when it came to an action. A fallback comes last."""
        if len(slate) < asked.limit:
            return True
        last = slate[-1].candidate
        if self.generation.catalog.actions[int(self.factors.rows[last])].id == asked.placement.fallback:
            return True
        return bool(self.places[self.candidates[row]] < self.places[last])

    def _outranked(self, row: int, slate: _Slate, lost: Callable[..., Exclusion]) -> Exclusion:
        priority, lowest = self.priority[self.candidates[row]], slate.lowest
        if lowest is not None and priority > lowest and any(choice.explored for choice in slate.chosen):
            return lost(
                "explore",
                "The placement tries another action now and then.",
                f"priority = {priority:.6g}",
                "the dice",
            )
        return lost(
            "",
            f"Other actions have a higher priority, and the placement shows {slate.asked.limit}.",
            f"priority = {priority:.6g}",
            f"priority above {'any' if lowest is None else f'{lowest:.6g}'}",
        )


def _merged(action_id: str, by_placement: Mapping[str, Mapping[str, Exclusion]]) -> Iterator[PlacedExclusion]:
    if len(by_placement) == 1:
        yield from (PlacedExclusion(found[action_id]) for found in by_placement.values())
        return
    reasons = {placement_id: found[action_id] for placement_id, found in by_placement.items()}
    if len(set(reasons.values())) == 1:
        yield PlacedExclusion(next(iter(reasons.values())))
    else:
        for placement_id, exclusion in reasons.items():
            yield PlacedExclusion(exclusion, placement_id)
