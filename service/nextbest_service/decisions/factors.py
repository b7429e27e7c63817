"""What makes up the priorities of the candidates, and who leads by it."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nextbest_service.decisions.exploration import Outlook

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]
Flags = NDArray[np.bool_]
Maturities = NDArray[np.int8]

MOST_LEADERS = 16
PROPENSITY, VALUE, CONTEXT_WEIGHT, LEVER, STRENGTH, PRIORITY = range(6)
"""What stands in which row of the figures, for the kernels, too."""


class Weights(NamedTuple):
    """What weighs the actions of a catalog for one customer, every array with one entry per action.

    `value`, `context_weight` and `lever` are float64, V, C and L of the priority. `pinned` (bool) come
    before all others; it is empty where nothing is. `strength` is how many observations each propensity is
    worth.
    """

    value: Floats
    context_weight: Floats
    lever: Floats
    strength: Floats
    pinned: Flags


class Factors(NamedTuple):
    """What makes up the priority of the candidates; every array has one entry per candidate.

    `rows` are the candidates' positions in the catalog, ascending. `figures` are float64 [6, candidates]:
    what the properties of their names tell. `pinned` candidates come before all others; `maturity` (int8)
    says what each propensity rests on.

    `leaders` are the places of the first of those who are worthwhile, best first, equal ones in the catalog's
    order: all of them where they are fewer than MOST_LEADERS.
    """

    rows: Rows
    figures: Floats
    pinned: Flags
    maturity: Maturities
    leaders: list[int]

    @classmethod
    def of(
        cls,
        rows: Rows,
        propensity: Floats,
        value: Floats,
        context_weight: Floats,
        lever: Floats,
        pinned: Flags,
        maturity: Maturities,
        strength: Floats,
    ) -> "Factors":
        """Return factors with what follows from them; all arrays have one entry per candidate."""
        figures = np.array([propensity, value, context_weight, lever, strength, propensity], np.float64)
        leaders = np.empty(MOST_LEADERS, np.intp)
        from nextbest_service.decisions.weighing import weigh  # noqa: PLC0415 - numba is slow to import

        found = weigh(figures, np.array(pinned, np.bool_), leaders)
        return cls(rows, figures, pinned, maturity, leaders[:found].tolist())

    @property
    def propensity(self) -> Floats:
        """P."""
        figures: Floats = self.figures[PROPENSITY]
        return figures

    @property
    def value(self) -> Floats:
        """V."""
        figures: Floats = self.figures[VALUE]
        return figures

    @property
    def context_weight(self) -> Floats:
        """C."""
        figures: Floats = self.figures[CONTEXT_WEIGHT]
        return figures

    @property
    def lever(self) -> Floats:
        """L."""
        figures: Floats = self.figures[LEVER]
        return figures

    @property
    def strength(self) -> Floats:
        """How many observations each propensity is worth."""
        figures: Floats = self.figures[STRENGTH]
        return figures

    @property
    def priority(self) -> Floats:
        """P × C × V × L. Factors that are absurd together may give what is no finite number."""
        figures: Floats = self.figures[PRIORITY]
        return figures

    @property
    def worthwhile(self) -> Flags:
        """Who may take a place: a priority of 0 is no better than nothing, unless pinned."""
        return self.finite & ((self.priority > 0.0) | self.pinned)

    @property
    def finite(self) -> Flags:
        """Which priorities are finite numbers. Candidates with another one are never offered."""
        return np.isfinite(self.priority)

    @property
    def all_lead(self) -> bool:
        """Whether no one is worthwhile but the leaders."""
        return len(self.leaders) < MOST_LEADERS

    @property
    def outlook(self) -> Outlook:
        """What is known of the candidates."""
        return Outlook(self.priority, self.propensity, self.strength)

    @property
    def order(self) -> Rows:
        """The candidates, best first; equal ones keep the catalog's order."""
        if self.pinned.any():
            return np.lexsort((-self.priority, ~self.pinned))
        return np.argsort(-self.priority, kind="stable")
