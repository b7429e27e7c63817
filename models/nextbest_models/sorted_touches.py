"""All touches of a log in the order in which counters are made of them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nextbest_models.affinity import MAX_COUNT, AffinityCounters, KeyIds
from nextbest_models.definitions import DAY_MS
from nextbest_models.features import Family, FeatureSpec
from nextbest_models.history import EventLog


@dataclass(frozen=True, slots=True)
class SortedTouches:
    """The touches of all families by customer, then key, then time."""

    owners: NDArray[np.int64]
    keys: KeyIds
    times_ms: NDArray[np.int64]
    units: NDArray[np.int64]

    @classmethod
    def of(cls, spec: FeatureSpec, log: EventLog) -> "SortedTouches":
        """Put the touches of a log in order; its values become whole units."""
        touches = [log.touches[family.name] for family in spec.families]
        owners = _joined([item.stream.customers for item in touches])
        keys = _joined([item.keys for item in touches])
        times_ms = _joined([item.stream.times_ms for item in touches])
        units = _joined([_units(family, log) for family in spec.families])
        order = np.lexsort((times_ms, owners * max(len(log.keys), 1) + keys))
        return cls(owners[order], log.keys.stored(keys[order]), times_ms[order], units[order])

    def counters(self, as_of_ms: int) -> tuple[NDArray[np.int64], AffinityCounters]:
        """Return the counters of all customers end to end, and the owner of each row."""
        past = self.times_ms < as_of_ms
        owners, keys = self.owners[past], self.keys[past]
        if not len(owners):
            return owners, AffinityCounters.empty()
        first = np.flatnonzero(np.r_[True, (owners[1:] != owners[:-1]) | (keys[1:] != keys[:-1])])
        after = np.r_[first[1:], len(owners)]
        counters = AffinityCounters(
            ids=keys[first],
            counts=_capped(after - first),
            last_days=_capped(self.times_ms[past][after - 1] // DAY_MS),
            totals=_capped(np.add.reduceat(self.units[past], first)),
        )
        return owners[first], counters


def _joined(columns: list[NDArray[np.int64]]) -> NDArray[np.int64]:
    return np.concatenate(columns) if columns else np.empty(0, dtype=np.int64)


def _units(family: Family, log: EventLog) -> NDArray[np.int64]:
    values = log.touches[family.name].stream.values[family.definition.value]
    return np.rint(values / family.definition.unit).astype(np.int64)


def _capped(values: NDArray[np.int64]) -> NDArray[np.uint16]:
    return np.clip(values, 0, MAX_COUNT).astype(np.uint16)
