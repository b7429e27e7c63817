"""What all customers together did: the yardstick that makes one customer's counters telling.

Four trips for milk say little, for everybody buys milk. Four trips for saffron say a lot.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nextbest_models.affinity import AffinityCounters
from nextbest_models.definitions import PopulationStatistic


@dataclass(frozen=True, slots=True)
class Population:
    """Sums over all customers' counters, by key id; a key beyond the arrays was touched by nobody.

    customers: int64, how many touched the key. counts, totals: int64, the sums of their counters' columns of
    the same name, totals in the family's units.
    """

    customers: NDArray[np.int64]
    counts: NDArray[np.int64]
    totals: NDArray[np.int64]

    @classmethod
    def of(cls, counters: AffinityCounters, keys: int) -> "Population":
        """Sum up the counters of all customers, given end to end, over a dictionary of `keys` ids."""
        return cls(
            *(
                np.bincount(counters.ids, weights, minlength=keys).astype(np.int64)
                for weights in (None, counters.counts, counters.totals)
            )
        )

    @classmethod
    def unknown(cls) -> "Population":
        """Return the population of which nothing is known."""
        return cls(*(np.empty(0, dtype=np.int64) for _ in range(3)))

    @property
    def is_known(self) -> bool:
        """Whether anybody touched anything."""
        return bool(len(self.customers))

    def column(self, statistic: PopulationStatistic, size: int) -> NDArray[np.int64]:
        """Return one column by key id, int64 of length `size`, 0 where nobody touched the key."""
        column = {
            PopulationStatistic.CUSTOMERS: self.customers,
            PopulationStatistic.COUNT: self.counts,
            PopulationStatistic.TOTAL: self.totals,
        }[statistic][:size]
        return np.pad(column, (0, size - len(column)))
