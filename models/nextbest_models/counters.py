"""Arithmetic of sparse counters: touches added and taken back, portions put together."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from nextbest_models.affinity import MAX_COUNT, AffinityCounters, KeyIds
from nextbest_models.definitions import DAY_MS
from nextbest_models.stream_events import StreamEvent

Units: TypeAlias = Mapping[str, Mapping[str, float]]
"""By stream, the unit of each affinity family that counts it."""
Rows: TypeAlias = NDArray[np.int64]
"""Counters as int64 of shape [4, keys]: ids, counts, last days, totals."""


def touched(counters: AffinityCounters, units: Units, events: Iterable[StreamEvent]) -> AffinityCounters:
    """Return the counters with the touches of some events more, in any order."""
    changes = _changes(units, events)
    if not changes.size:
        return counters
    place, known = _places(counters, changes[0])
    if known.all():
        return _updated(counters, place, changes)
    return _combined([_rows(counters), changes])


def untouched(counters: AffinityCounters, units: Units, events: Iterable[StreamEvent]) -> AffinityCounters:
    """Return the counters without the touches of some events that were counted before.

    The day of a key's last touch stays: what was second is not known. What has reached the most that a counter
    can hold has lost count.
    """
    changes = _changes(units, events)
    if not changes.size:
        return counters
    place, known = _places(counters, changes[0])
    rows = _rows(counters)
    rows[1, place[known]] -= changes[1, known]
    rows[3, place[known]] -= changes[3, known]
    return _stored(rows[:, rows[1] > 0])


def merged(parts: Sequence[AffinityCounters]) -> AffinityCounters:
    """Return the counters of several portions as one."""
    match [part for part in parts if len(part.ids)]:
        case []:
            return AffinityCounters.empty()
        case [only]:
            return only
        case several:
            return _combined([_rows(part) for part in several])


def _changes(units: Units, events: Iterable[StreamEvent]) -> Rows:
    """Return what some events add, by ascending key id."""
    found: dict[int, tuple[int, int, int]] = {}
    for event in events:
        day = event.time_ms // DAY_MS
        for family, unit in units.get(event.stream, {}).items():
            for key, value in event.touches.get(family, ()):
                count, last_day, total = found.get(key, (0, 0, 0))
                found[key] = count + 1, max(last_day, day), total + round(value / unit)
    rows = [(key, *found[key]) for key in sorted(found)]
    return np.array(rows, dtype=np.int64).reshape(-1, 4).T


def _places(counters: AffinityCounters, ids: NDArray[np.int64]) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Return where the ids are or would be among the counters, and which of them are there."""
    place = np.searchsorted(counters.ids, ids)
    known = place < len(counters.ids)
    known[known] = counters.ids[place[known]] == ids[known]
    return place, known


def _updated(counters: AffinityCounters, place: NDArray[np.intp], changes: Rows) -> AffinityCounters:
    """Return counters whose keys are the same."""
    _, counts, days, totals = changes
    return AffinityCounters(
        counters.ids,
        _replaced(counters.counts, place, np.minimum(counters.counts[place] + counts, MAX_COUNT)),
        _replaced(counters.last_days, place, np.maximum(counters.last_days[place], days)),
        _replaced(counters.totals, place, np.clip(counters.totals[place] + totals, 0, MAX_COUNT)),
    )


def _replaced(
    column: NDArray[np.uint16], place: NDArray[np.intp], values: NDArray[np.int64]
) -> NDArray[np.uint16]:
    copy = column.copy()
    copy[place] = values
    return copy


def _combined(parts: Sequence[Rows]) -> AffinityCounters:
    """Add up the rows of equal ids."""
    rows = np.concatenate(parts, axis=1)
    ids, counts, days, totals = rows[:, np.argsort(rows[0], kind="stable")]
    first = np.flatnonzero(np.diff(ids, prepend=-1))
    return _stored(
        np.array(
            [
                ids[first],
                np.add.reduceat(counts, first),
                np.maximum.reduceat(days, first),
                np.add.reduceat(totals, first),
            ]
        )
    )


def _rows(counters: AffinityCounters) -> Rows:
    return np.array([counters.ids, *counters.statistics], dtype=np.int64)


def _stored(rows: Rows) -> AffinityCounters:
    ids, *columns = rows
    counts, days, totals = (np.clip(column, 0, MAX_COUNT).astype(np.uint16) for column in columns)
    return AffinityCounters(smallest(ids), counts, days, totals)


def smallest(ids: NDArray[np.int64]) -> KeyIds:
    """Return ascending key ids in the smallest integer type that holds them."""
    if len(ids) and ids[-1] > np.iinfo(np.uint16).max:
        return ids.astype(np.uint32)
    return ids.astype(np.uint16)
