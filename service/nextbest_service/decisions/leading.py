"""Fills placements from the few best candidates, by masks over the catalog: the usual case, without arrays.

What it gives is what `arbitration.fill_slots` gives.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from nextbest_rules import Room
from nextbest_service.decisions.arbitration import Choice
from nextbest_service.decisions.factors import Factors, Rows
from nextbest_service.decisions.generation import Generation
from nextbest_service.decisions.showing import Showing


def fill_from_leaders(
    generation: Generation,
    shown: Sequence[Showing],
    factors: Factors,
    rooms: Sequence[Room],
    unshowable: int,
    *,
    allow_duplicates: bool,
) -> Sequence[Sequence[Choice]] | None:
    """Return for each placement what was chosen, best first.

    None where the leaders do not suffice: others, or a fallback, may have to come in. `unshowable` is the
    mask of the actions that no placement can show.
    """
    leaders = list(zip(factors.leaders, factors.rows[factors.leaders].tolist(), strict=True))
    filling = _Filling(generation, leaders, rooms, allow_duplicates, unshowable)
    slates = []
    for showing in shown:
        chosen = filling.chosen_for(showing)
        placement = showing.asked.placement
        if len(chosen) < showing.asked.limit and not factors.all_lead:
            return None
        if not chosen and placement.fallback is not None:
            return None
        slates.append([Choice(place) for place in chosen])
    return slates


@dataclass(slots=True)
class _Filling:
    """An answer on its way. `barred` is the mask of the actions that may not come in any more."""

    generation: Generation
    leaders: Sequence[tuple[int, int]]
    rooms: Sequence[Room]
    allow_duplicates: bool
    barred: int
    chosen: int = 0

    def chosen_for(self, showing: Showing) -> list[int]:
        """Choose for one placement."""
        placement, limit, plan = showing.asked.placement, showing.asked.limit, self.generation.slots
        chosen: list[int] = []
        open_to = showing.mask
        if placement.fallback is not None:
            open_to &= ~(1 << plan.index[placement.fallback])
        quotas = [
            _Quota(most, numbers, Counter())
            for _, most, numbers in plan.limits(placement.diversity)
            if most < limit
        ]
        for place, row in self.leaders:
            if len(chosen) == limit:
                break
            if (open_to & ~self.barred) >> row & 1 and all(quota.takes(row) for quota in quotas):
                chosen.append(place)
                self._take(row)
                for quota in quotas:
                    quota.add(row)
        return chosen

    def _take(self, row: int) -> None:
        """Leave no place for what must not stand beside an action."""
        bit = 1 << row
        for exclusive in self.generation.exclusive:
            if exclusive.mask & bit:
                self.barred |= exclusive.mask & ~bit
        if self.rooms:
            self.chosen |= bit
            for room in self.rooms:
                self.barred |= room.closed_by(row, self.chosen)
        if not self.allow_duplicates:
            self.barred |= bit


class _Quota(NamedTuple):
    """How many of each kind a placement shows already; kinds are numbers, one per action."""

    most: int
    kinds: Rows
    counts: Counter[int]

    def takes(self, row: int) -> bool:
        return self.counts[self.kinds.item(row)] < self.most

    def add(self, row: int) -> None:
        self.counts[self.kinds.item(row)] += 1
