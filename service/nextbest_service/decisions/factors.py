"""What makes up the priorities of the candidates, and who leads by it."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nextbest_models.scoring.candidates import propensities
from nextbest_models.scoring.compiling import compiled
from nextbest_service.decisions.exploration import Outlook

if TYPE_CHECKING:
    from nextbest_models.scoring.arena import Arena

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]
Flags = NDArray[np.bool_]
Maturities = NDArray[np.int8]

MOST_LEADERS = 16
_PROPENSITY, _VALUE, _CONTEXT_WEIGHT, _LEVER, _STRENGTH, _PRIORITY = range(6)


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
        found = _weigh(figures, np.array(pinned, np.bool_), leaders)
        return cls(rows, figures, pinned, maturity, leaders[:found].tolist())

    @property
    def propensity(self) -> Floats:
        """P."""
        figures: Floats = self.figures[_PROPENSITY]
        return figures

    @property
    def value(self) -> Floats:
        """V."""
        figures: Floats = self.figures[_VALUE]
        return figures

    @property
    def context_weight(self) -> Floats:
        """C."""
        figures: Floats = self.figures[_CONTEXT_WEIGHT]
        return figures

    @property
    def lever(self) -> Floats:
        """L."""
        figures: Floats = self.figures[_LEVER]
        return figures

    @property
    def strength(self) -> Floats:
        """How many observations each propensity is worth."""
        figures: Floats = self.figures[_STRENGTH]
        return figures

    @property
    def priority(self) -> Floats:
        """P × C × V × L. Factors that are absurd together may give what is no finite number."""
        figures: Floats = self.figures[_PRIORITY]
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


class Ranked(NamedTuple):
    """What one compiled call found: see `Factors`. `sound` tells whether all scores were probabilities."""

    rows: Rows
    figures: Floats
    leaders: list[int]
    sound: bool


def ranked(
    arena: "Arena",
    shared: tuple[NDArray[np.float32], Floats],
    counters: NDArray[np.int64],
    today: int,
    mask: int,
    weights: Weights,
) -> Ranked:
    """Score and weigh all actions of a mask in one compiled call; see `CompiledCandidates.propensities`."""
    size, count = len(weights.value), mask.bit_count()
    rows, figures = np.empty(count, np.intp), np.empty((_PRIORITY + 1, count))
    leaders = np.empty(MOST_LEADERS, np.intp)
    packed = np.frombuffer(mask.to_bytes((size + 7) // 8, "little"), np.uint8)
    found, sound = _rank(*arena, *shared, counters, today, packed, *weights, rows, figures, leaders)
    return Ranked(rows, figures, leaders[:found].tolist(), sound)


@compiled
def _rank(  # noqa: PLR0913, PLR0917 - each array is taken apart once
    content: NDArray[np.uint64],
    places: NDArray[np.int64],
    vector: NDArray[np.float32],
    context: Floats,
    counters: NDArray[np.int64],
    today: int,
    packed: NDArray[np.uint8],
    value: Floats,
    context_weight: Floats,
    lever: Floats,
    strength: Floats,
    pinned: Flags,
    rows: Rows,
    figures: Floats,
    leaders: Rows,
) -> tuple[int, bool]:
    count = 0
    for byte in range(len(packed)):
        left = packed[byte]
        for bit in range(8):
            if left >> bit & 1:
                rows[count] = 8 * byte + bit
                count += 1
    sound = propensities(content, places, vector, context, rows, counters, today, figures[_PROPENSITY])
    own_pinned = np.zeros(count, np.bool_)
    for place in range(count):
        row = rows[place]
        figures[_VALUE, place], figures[_CONTEXT_WEIGHT, place] = value[row], context_weight[row]
        figures[_LEVER, place], figures[_STRENGTH, place] = lever[row], strength[row]
        if len(pinned):
            own_pinned[place] = pinned[row]
    return _weigh(figures, own_pinned, leaders), sound


@compiled
def _weigh(figures: Floats, pinned: Flags, leaders: Rows) -> int:
    """Write the priorities and the leaders; return how many lead."""
    most, found = len(leaders), 0
    priority = figures[_PRIORITY]
    for place in range(len(priority)):
        own = figures[_PROPENSITY, place] * figures[_CONTEXT_WEIGHT, place]
        own = own * figures[_VALUE, place] * figures[_LEVER, place]
        priority[place] = own
        if not (np.isfinite(own) and (own > 0.0 or pinned[place])):
            continue
        at = found
        while at > 0:
            ahead = leaders[at - 1]
            if pinned[ahead] > pinned[place] or (pinned[ahead] == pinned[place] and priority[ahead] >= own):
                break
            at -= 1
        if at < most:
            for later in range(min(found, most - 1), at, -1):
                leaders[later] = leaders[later - 1]
            leaders[at] = place
            found = min(found + 1, most)
    return found
