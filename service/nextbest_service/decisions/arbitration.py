"""Arbitration: from factors to an order, and from the order to filled placements. Pure functions."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Factors:
    """What makes up the priority of the candidates; every array has one entry per candidate.

    `rows` are the candidates' positions in the catalog, ascending.
    """

    rows: Rows
    propensity: Floats
    value: Floats
    context_weight: Floats
    lever: Floats

    @property
    def priority(self) -> Floats:
        """P × C × V × L."""
        return self.propensity * self.context_weight * self.value * self.lever


@dataclass(frozen=True, slots=True)
class Slot:
    """A placement to fill: which candidates it accepts (one flag each), and how many at most."""

    accepts: Flags
    limit: int


def fill_slots(priority: Floats, slots: Sequence[Slot], *, allow_duplicates: bool) -> tuple[Rows, ...]:
    """Return for each slot the chosen candidates (indices into `priority`), best first.

    Slots are filled in the order given. A candidate stands in one slot at most, unless duplicates are
    allowed. Equal priorities keep the catalog's order, so the same inputs always give the same answer.
    """
    order = np.argsort(-priority, kind="stable")
    free = np.ones(len(order), dtype=np.bool_)
    chosen = []
    for slot in slots:
        places = np.flatnonzero(free & slot.accepts[order])[: slot.limit]
        free[places] = allow_duplicates
        chosen.append(order[places])
    return tuple(chosen)
