"""Arbitration: from the order of the candidates to filled placements. Pure functions."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from nextbest_rules import Room
from nextbest_rules.bitmask import union
from nextbest_service.decisions.bitmask import flags_of
from nextbest_service.decisions.exploration import Explorer, certain_first
from nextbest_service.decisions.factors import Flags, Floats, Rows


class Choice(NamedTuple):
    """A candidate that takes a place, how probable that was, and whether another one was better."""

    candidate: int
    probability: float = 1.0
    explored: bool = False


@dataclass(frozen=True, slots=True)
class Quota:
    """Of candidates with the same kind (one number each) a placement shows at most so many."""

    kinds: Rows
    most: int

    def open_to(self, candidates: Rows, chosen: Sequence[Choice]) -> Rows:
        """Return those of some candidates that may join the chosen ones."""
        counts = Counter(int(self.kinds[choice.candidate]) for choice in chosen)
        for kind, count in counts.items():
            if count >= self.most:
                candidates = candidates[self.kinds[candidates] != kind]
        return candidates


@dataclass(frozen=True, slots=True)
class Slot:
    """A placement to fill: which candidates it accepts (one flag each), how many at most, and its fallback.

    The fallback is a candidate (-1: none) that does not compete and comes in where nothing else may. An
    `explorer` picks among all that are open, other slots take the best.
    """

    accepts: Flags
    limit: int
    fallback: int = -1
    quotas: Sequence[Quota] = ()
    explorer: Explorer | None = None


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
    pinned: Flags | None = None,
) -> tuple[list[Choice], ...]:
    """Return for each slot what was chosen, best first where nothing explores.

    Slots are filled in the order given. A candidate stands in one slot at most, unless duplicates are
    allowed. Of each exclusive group (flags over the candidates) at most one candidate is chosen in all, and
    what a cap limits is chosen only as long as what was chosen before leaves it room. Pinned candidates stand
    first in the order and are not passed over for others. The same inputs always give the same answer.

    Taking the best for each place in turn is what was asked for, and need not be the best in sum. Where
    candidates compete for places only, the sum of the priorities is at least half of the highest possible: at
    each place of the best answer stands a candidate that was chosen here, too, or one that is no better than
    the one chosen here for that place.
    """
    free = np.ones(len(order), dtype=np.bool_)
    pinned = np.zeros(len(order), dtype=np.bool_) if pinned is None else pinned
    filling = Filling(order, pinned, exclusive, rooms, allow_duplicates, free)
    return tuple(filling.fill(slot) for slot in slots)


@dataclass(slots=True)
class Filling:
    """An answer on its way: which candidates may still come in, and the mask of the rows that did."""

    order: Rows
    pinned: Flags
    exclusive: Sequence[Flags]
    rooms: Rooms
    allow_duplicates: bool
    free: Flags
    chosen: int = 0

    def fill(self, slot: Slot) -> list[Choice]:
        """Choose for one slot."""
        fallback_is_free = self.may_fall_back(slot)
        competing = self.competing(slot)
        one_by_one = slot.quotas or slot.explorer is not None
        chosen = self._one_by_one(slot, competing) if one_by_one else self._best(slot, competing)
        if not chosen and fallback_is_free:
            chosen.append(Choice(slot.fallback))
            self.take(slot.fallback)
        return chosen

    def may_fall_back(self, slot: Slot) -> bool:
        """Tell whether the slot's fallback may come in."""
        return slot.fallback >= 0 and bool(self.free[slot.fallback])

    def competing(self, slot: Slot) -> Rows:
        """Return who competes for a slot, best first."""
        competing = self.order[(self.free & slot.accepts)[self.order]]
        others: Rows = competing[competing != slot.fallback]
        return others

    def open_to(self, slot: Slot, competing: Rows, chosen: Sequence[Choice]) -> Rows:
        """Return those of who competes that may join what was chosen for the slot, best first."""
        still_open = competing[self.free[competing]]
        for quota in slot.quotas:
            still_open = quota.open_to(still_open, chosen)
        return still_open

    def chances(self, slot: Slot, still_open: Rows) -> Floats:
        """Return the probability of each of those that are open to be chosen next."""
        if slot.explorer is None or self.pinned[still_open[0]]:
            return certain_first(len(still_open))
        return slot.explorer.chances(still_open)

    def _best(self, slot: Slot, competing: Rows) -> list[Choice]:
        """Take the best of those that compete: the usual case, without an array per place."""
        chosen: list[Choice] = []
        for candidate in competing.tolist():
            if len(chosen) == slot.limit:
                break
            if self.free[candidate]:
                chosen.append(Choice(candidate))
                self.take(candidate)
        return chosen

    def _one_by_one(self, slot: Slot, competing: Rows) -> list[Choice]:
        """Take one after the other of those that are still open then."""
        chosen: list[Choice] = []
        while len(chosen) < slot.limit:
            still_open = self.open_to(slot, competing, chosen)
            if not len(still_open):
                break
            choice = self._picked(slot, still_open, len(chosen) + 1)
            chosen.append(choice)
            self.take(choice.candidate)
            competing = competing[competing != choice.candidate]
        return chosen

    def _picked(self, slot: Slot, still_open: Rows, rank: int) -> Choice:
        best = int(still_open[0])
        if slot.explorer is None or self.pinned[best]:
            return Choice(best)
        picked, probability = slot.explorer.pick(still_open, rank)
        return Choice(picked, probability, explored=picked != best)

    def take(self, candidate: int) -> None:
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
