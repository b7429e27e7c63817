"""What makes up the priorities of the candidates, and who leads by it."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nextbest_models.scoring.compiling import compiled
from nextbest_service.decisions.exploration import Outlook

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]
Flags = NDArray[np.bool_]
Maturities = NDArray[np.int8]

MOST_LEADERS = 16


class Factors(NamedTuple):
    """What makes up the priority of the candidates; every array has one entry per candidate.

    `rows` are the candidates' positions in the catalog, ascending. `pinned` candidates come before all
    others. `maturity` (int8) says what each propensity rests on, and `strength` how many observations that is
    worth.

    From these follow: `priority`, P × C × V × L, where factors that are absurd together may give what is no
    finite number; who is `worthwhile`, that is, may take a place: a priority of 0 is no better than nothing,
    unless pinned; and the `leaders`, the places of the first of those who are worthwhile, best first, equal
    ones in the catalog's order: all of them where they are fewer than MOST_LEADERS.
    """

    rows: Rows
    propensity: Floats
    value: Floats
    context_weight: Floats
    lever: Floats
    pinned: Flags
    maturity: Maturities
    strength: Floats
    priority: Floats
    worthwhile: Flags
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
        """Return factors with what follows from them."""
        size = len(rows)
        priority, worthwhile = np.empty(size), np.empty(size, np.bool_)
        leaders = np.empty(MOST_LEADERS, np.intp)
        found = _weigh(propensity, context_weight, value, lever, pinned, priority, worthwhile, leaders)
        best = leaders[:found].tolist()
        return cls(
            rows,
            propensity,
            value,
            context_weight,
            lever,
            pinned,
            maturity,
            strength,
            priority,
            worthwhile,
            best,
        )

    @property
    def all_lead(self) -> bool:
        """Whether no one is worthwhile but the leaders."""
        return len(self.leaders) < MOST_LEADERS

    @property
    def pins(self) -> bool:
        """Whether anything is pinned."""
        return bool(np.count_nonzero(self.pinned))

    @property
    def finite(self) -> Flags:
        """Which priorities are finite numbers. Candidates with another one are never offered."""
        return np.isfinite(self.priority)

    @property
    def outlook(self) -> Outlook:
        """What is known of the candidates."""
        return Outlook(self.priority, self.propensity, self.strength)

    @property
    def order(self) -> Rows:
        """The candidates, best first; equal ones keep the catalog's order."""
        if self.pins:
            return np.lexsort((-self.priority, ~self.pinned))
        return np.argsort(-self.priority, kind="stable")


@compiled
def _weigh(
    propensity: Floats,
    context_weight: Floats,
    value: Floats,
    lever: Floats,
    pinned: Flags,
    priority: Floats,
    worthwhile: Flags,
    leaders: Rows,
) -> Any:  # noqa: ANN401 - an int, which compiled code returns as it is
    """Write priorities, who is worthwhile and the leaders to the last three; return how many lead."""
    most, found = len(leaders), 0
    for place in range(len(propensity)):
        own = propensity[place] * context_weight[place] * value[place] * lever[place]
        priority[place] = own
        wanted = np.isfinite(own) and (own > 0.0 or pinned[place])
        worthwhile[place] = wanted
        if not wanted:
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
