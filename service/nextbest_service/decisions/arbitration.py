"""Arbitration: from factors to an order, and from the order to filled placements. Pure functions."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from nextbest_rules import Room
from nextbest_rules.bitmask import union
from nextbest_service.decisions.bitmask import flags_of

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Factors:
    """What makes up the priority of the candidates; every array has one entry per candidate.

    `rows` are the candidates' positions in the catalog, ascending. `pinned` candidates come before all
    others. `maturity` (int8) says what each propensity rests on.
    """

    rows: Rows
    propensity: Floats
    value: Floats
    context_weight: Floats
    lever: Floats
    pinned: Flags
    maturity: NDArray[np.int8]

    @cached_property
    def priority(self) -> Floats:
        """P × C × V × L."""
        return self.propensity * self.context_weight * self.value * self.lever

    @property
    def order(self) -> Rows:
        """The candidates, best first; equal ones keep the catalog's order."""
        return np.lexsort((-self.priority, ~self.pinned))


@dataclass(frozen=True, slots=True)
class Slot:
    """A placement to fill: which candidates it accepts (one flag each), how many at most, and its fallback.

    The fallback is a candidate (-1: none) that does not compete and comes in where nothing else may.
    """

    accepts: Flags
    limit: int
    fallback: int = -1


@dataclass(frozen=True, slots=True)
class Rooms:
    """What caps leave for the answer. `rows` are the candidates' bits in masks over `size` actions."""

    rooms: Sequence[Room] = ()
    rows: Rows = field(default_factory=lambda: np.zeros(0, dtype=np.intp))
    size: int = 0

    def closed_by(self, candidate: int, chosen: int) -> Flags | None:
        """Return who may not join the chosen ones (a mask of rows) after the latest of them; None: nobody."""
        bit = int(self.rows[candidate])
        closed = union(room.closed_by(bit, chosen) for room in self.rooms)
        return flags_of(closed, self.size)[self.rows] if closed else None


NO_LIMITS = Rooms()


def fill_slots(
    order: Rows,
    slots: Sequence[Slot],
    exclusive: Sequence[Flags] = (),
    rooms: Rooms = NO_LIMITS,
    *,
    allow_duplicates: bool,
) -> tuple[list[int], ...]:
    """Return for each slot the chosen candidates, best first.

    Slots are filled in the order given. A candidate stands in one slot at most, unless duplicates are
    allowed. Of each exclusive group (flags over the candidates) at most one candidate is chosen in all, and
    what a cap limits is chosen only as long as what was chosen before leaves it room. The same inputs always
    give the same answer.
    """
    filling = _Filling(exclusive, rooms, allow_duplicates, np.ones(len(order), dtype=np.bool_))
    return tuple(filling.fill(order, slot) for slot in slots)


@dataclass(slots=True)
class _Filling:
    """An answer on its way: which candidates may still come in, and the mask of the rows that did."""

    exclusive: Sequence[Flags]
    rooms: Rooms
    allow_duplicates: bool
    free: Flags
    chosen: int = 0

    def fill(self, order: Rows, slot: Slot) -> list[int]:
        """Choose for one slot."""
        chosen: list[int] = []
        fallback_is_free = slot.fallback >= 0 and bool(self.free[slot.fallback])
        competing = order[(self.free & slot.accepts)[order]]
        for candidate in competing.tolist():
            if len(chosen) == slot.limit:
                break
            if self.free[candidate] and candidate not in chosen and candidate != slot.fallback:
                chosen.append(candidate)
                self._take(candidate)
        if not chosen and fallback_is_free:
            chosen.append(slot.fallback)
            self._take(slot.fallback)
        return chosen

    def _take(self, candidate: int) -> None:
        """Leave no place for what must not stand beside a candidate."""
        for group in self.exclusive:
            if group[candidate]:
                rivals = group.copy()
                rivals[candidate] = False
                self.free[rivals] = False
        if self.rooms.rooms:
            self.chosen |= 1 << int(self.rooms.rows[candidate])
            closed = self.rooms.closed_by(candidate, self.chosen)
            if closed is not None:
                self.free[closed] = False
        if not self.allow_duplicates:
            self.free[candidate] = False
