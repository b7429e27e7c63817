"""Arithmetic of sparse counters: touches added and taken back, portions put together."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from nextbest_models.affinity import MAX_COUNT, AffinityCounters, smallest
from nextbest_models.definitions import DAY_MS
from nextbest_models.online.events import StreamEvent

Units: TypeAlias = Mapping[str, Mapping[str, float]]
"""By stream, the unit of each affinity family that counts it."""
Column: TypeAlias = NDArray[np.uint16]
_Change: TypeAlias = tuple[int, int, int]


def touched(counters: AffinityCounters, units: Units, events: Iterable[StreamEvent]) -> AffinityCounters:
    """Return the counters with the touches of some events more, in any order."""
    changes = _changes(units, events)
    if not changes:
        return counters
    grown, places = _with_keys(counters, sorted(changes))
    # A handful of keys: item by item is cheaper than a dozen array operations.
    counts, days, totals = (column.data for column in grown.statistics)
    for place, key in zip(places, sorted(changes), strict=True):
        count, day, total = changes[key]
        counts[place] = min(counts[place] + count, MAX_COUNT)
        days[place] = max(days[place], day)
        totals[place] = min(max(totals[place] + total, 0), MAX_COUNT)
    return grown


def untouched(counters: AffinityCounters, units: Units, events: Iterable[StreamEvent]) -> AffinityCounters:
    """Return the counters without the touches of some events that were counted before.

    The day of a key's last touch stays: what was second is not known. A number that has reached the most a
    counter can hold has lost count.
    """
    less = AffinityCounters(counters.ids, *(column.copy() for column in counters.statistics))
    counts, _, totals = (column.data for column in less.statistics)
    places = {key: place for place, key in enumerate(counters.ids.tolist())}
    for key, (count, _, total) in _changes(units, events).items():
        if (place := places.get(key)) is not None:
            counts[place] = max(counts[place] - count, 0)
            totals[place] = min(max(totals[place] - total, 0), MAX_COUNT)
    left = less.counts > 0
    return AffinityCounters(less.ids[left], *(column[left] for column in less.statistics))


def merged(parts: Sequence[AffinityCounters]) -> AffinityCounters:
    """Return the counters of several portions as one."""
    filled = [part for part in parts if len(part.ids)]
    if not filled:
        return AffinityCounters.empty()
    if len(filled) == 1:
        return filled[0]
    ids = np.concatenate([part.ids for part in filled])
    order = np.argsort(ids, kind="stable")
    ids = ids[order]
    first = np.flatnonzero(np.concatenate([[True], ids[1:] != ids[:-1]]))
    counts, days, totals = (
        np.concatenate(columns)[order] for columns in zip(*(part.statistics for part in filled), strict=True)
    )
    return AffinityCounters(
        ids[first],
        _capped(np.add.reduceat(counts, first, dtype=np.int64)),
        np.maximum.reduceat(days, first),
        _capped(np.add.reduceat(totals, first, dtype=np.int64)),
    )


def _changes(units: Units, events: Iterable[StreamEvent]) -> Mapping[int, _Change]:
    """Return what some events add, by key id: touches, day of the last, units."""
    found: dict[int, _Change] = {}
    for event in events:
        day = event.time_ms // DAY_MS
        for family, unit in units.get(event.stream, {}).items():
            for key, value in event.touches.get(family, ()):
                count, last_day, total = found.get(key, (0, 0, 0))
                found[key] = count + 1, max(last_day, day), total + round(value / unit)
    return found


def _with_keys(counters: AffinityCounters, keys: Sequence[int]) -> tuple[AffinityCounters, Sequence[int]]:
    """Return a copy of the counters with rows of zeros for new ones among ascending keys; and the rows."""
    ids = np.array(keys, dtype=np.int64)
    place = np.searchsorted(counters.ids, ids)
    # Beyond the end the last id is found, which is another one.
    is_new = (
        counters.ids.take(place, mode="clip") != ids if len(counters.ids) else np.ones_like(ids, np.bool_)
    )
    if not is_new.any():
        copies = (column.copy() for column in counters.statistics)
        return AffinityCounters(counters.ids, *copies), place.tolist()
    place += np.cumsum(is_new) - is_new
    kept = np.ones(len(counters.ids) + int(is_new.sum()), dtype=np.bool_)
    kept[place[is_new]] = False
    all_ids = np.empty(len(kept), dtype=np.int64)
    all_ids[kept], all_ids[place[is_new]] = counters.ids, ids[is_new]
    spread = (_spread(column, kept) for column in counters.statistics)
    return AffinityCounters(smallest(all_ids), *spread), place.tolist()


def _spread(column: Column, kept: NDArray[np.bool_]) -> Column:
    wider = np.zeros(len(kept), dtype=np.uint16)
    wider[kept] = column
    return wider


def _capped(values: NDArray[np.int64]) -> Column:
    return np.minimum(values, MAX_COUNT).astype(np.uint16)
