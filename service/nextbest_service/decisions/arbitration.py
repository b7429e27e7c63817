"""Arbitration: from factors to an order, and from the order to filled placements. Pure functions."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Factors:
    """What makes up the priority of the candidates; every array has one entry per candidate.

    `rows` are the candidates' positions in the catalog, ascending. `pinned` candidates come before all
    others.
    """

    rows: Rows
    propensity: Floats
    value: Floats
    context_weight: Floats
    lever: Floats
    pinned: Flags

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


def fill_slots(
    order: Rows, slots: Sequence[Slot], exclusive: Sequence[Flags] = (), *, allow_duplicates: bool
) -> tuple[list[int], ...]:
    """Return for each slot the chosen candidates, best first.

    Slots are filled in the order given. A candidate stands in one slot at most, unless duplicates are
    allowed. Of each exclusive group (flags over the candidates) at most one candidate is chosen in all. The
    same inputs always give the same answer.
    """
    free = np.ones(len(order), dtype=np.bool_)
    return tuple(_fill(order, slot, free, exclusive, allow_duplicates) for slot in slots)


def _fill(
    order: Rows, slot: Slot, free: Flags, exclusive: Sequence[Flags], allow_duplicates: bool
) -> list[int]:
    """Choose for one slot and take what it chose out of `free`."""
    chosen: list[int] = []
    fallback_is_free = slot.fallback >= 0 and bool(free[slot.fallback])
    competing = order[(free & slot.accepts)[order]]
    for candidate in competing.tolist():
        if len(chosen) == slot.limit:
            break
        if free[candidate] and candidate not in chosen and candidate != slot.fallback:
            chosen.append(candidate)
            _take(candidate, free, exclusive, allow_duplicates)
    if not chosen and fallback_is_free:
        chosen.append(slot.fallback)
        _take(slot.fallback, free, exclusive, allow_duplicates)
    return chosen


def _take(candidate: int, free: Flags, exclusive: Sequence[Flags], allow_duplicates: bool) -> None:
    for group in exclusive:
        if group[candidate]:
            rivals = group.copy()
            rivals[candidate] = False
            free[rivals] = False
    if not allow_duplicates:
        free[candidate] = False
