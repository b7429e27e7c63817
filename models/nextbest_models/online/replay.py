"""Everybody's tallies and counters from an event log in one pass, as if counted event by event."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from nextbest_models.affinity import AffinityCounters
from nextbest_models.columns import check_coverage
from nextbest_models.features import FeatureSpec
from nextbest_models.history import EventLog, Stream
from nextbest_models.online.events import thing_code
from nextbest_models.online.layouts import Mark, StreamLayout
from nextbest_models.online.tallies import StreamTally, nothing
from nextbest_models.sorted_touches import SortedTouches

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def replayed(
    spec: FeatureSpec, layouts: Sequence[StreamLayout], log: EventLog, as_of_ms: int
) -> Iterator[tuple[tuple[StreamTally, ...], AffinityCounters]]:
    """Yield each customer's streams and counters from the events before a moment, in the log's order.

    Raises:
        HistoryError: the log lacks a stream, a value or a family that the specification names.
    """
    check_coverage(spec, log)
    own = [_tallies(layout, log, as_of_ms) for layout in layouts]
    owners, counters = SortedTouches.of(spec, log).counters(as_of_ms)
    bounds = np.searchsorted(owners, np.arange(len(log.customers) + 1)).tolist()
    for customer in range(len(log.customers)):
        rows = slice(bounds[customer], bounds[customer + 1])
        columns = (column[rows].copy() for column in counters.statistics)
        yield (
            tuple(tallies[customer] for tallies in own),
            AffinityCounters(counters.ids[rows].copy(), *columns),
        )


def _tallies(layout: StreamLayout, log: EventLog, as_of_ms: int) -> list[StreamTally]:
    """Return one stream's tally of every customer."""
    past = log.stream(layout.name).before(as_of_ms)
    customers = len(log.customers)
    events = np.bincount(past.customers, minlength=customers)
    first, last = np.zeros(customers, dtype=np.int64), np.zeros(customers, dtype=np.int64)
    last[past.customers] = past.times_ms
    if layout.first:
        first[past.customers[::-1]] = past.times_ms[::-1]
    sums = [_sums(past, past.values[value], customers) for value in layout.sums]
    decays = [
        _sums(past, _faded(past, last, decay.value, decay.half_life_ms), customers) for decay in layout.decays
    ]
    singles = _singles(layout, past, customers, as_of_ms)
    marks = [_marks(mark, past, log, as_of_ms) for mark in layout.marks]
    rows = zip(
        events.tolist(), first.tolist(), last.tolist(), _rows(sums, customers), _rows(decays, customers),
        strict=True,
    )  # fmt: skip
    empty = nothing(layout)
    return [
        StreamTally(*row, *singles[customer], tuple(seen.get(customer, {}) for seen in marks))
        if row[0]
        else empty
        for customer, row in enumerate(rows)
    ]


def _sums(past: Stream, weights: Floats, customers: int) -> Floats:
    return np.bincount(past.customers, weights, minlength=customers).astype(np.float64)


def _faded(past: Stream, last_ms: Ints, value: str | None, half_life_ms: float) -> Floats:
    """Return what each event weighs at the moment of its customer's newest."""
    weights = np.exp2((past.times_ms - last_ms[past.customers]) / half_life_ms)
    return weights if value is None else weights * past.values[value]


def _rows(columns: Sequence[Floats], customers: int) -> list[tuple[float, ...]]:
    return [*zip(*(column.tolist() for column in columns), strict=True)] if columns else [()] * customers


def _singles(
    layout: StreamLayout, past: Stream, customers: int, as_of_ms: int
) -> list[tuple[tuple[int, ...], tuple[tuple[float, ...], ...]]]:
    """Return, by customer, the single events that are kept."""
    if not layout.window_ms:
        return [((), ())] * customers
    recent = np.flatnonzero(past.times_ms >= as_of_ms - layout.window_ms)
    order = recent[np.argsort(past.customers[recent], kind="stable")]
    bounds = np.searchsorted(past.customers[order], np.arange(customers + 1)).tolist()
    times_ms = past.times_ms[order].tolist()
    columns = [past.values[value][order].tolist() for value in layout.columns]
    return [
        (tuple(times_ms[begin:end]), tuple(tuple(column[begin:end]) for column in columns))
        for begin, end in pairwise(bounds)
    ]


def _marks(mark: Mark, past: Stream, log: EventLog, as_of_ms: int) -> Mapping[int, Mapping[int, int]]:
    """Return, by customer, when each thing was last seen."""
    owners, things, times_ms = past.customers, np.empty(0, dtype=np.int64), past.times_ms
    if mark.key is not None:
        touches = log.touches[mark.key].before(as_of_ms)
        owners, things, times_ms = touches.stream.customers, touches.keys, touches.stream.times_ms
    elif mark.value is not None:
        known = ~np.isnan(past.values[mark.value])
        owners, times_ms = owners[known], times_ms[known]
        things = _codes(past.values[mark.value][known])
    begin_ms = 0 if mark.window_ms is None else as_of_ms - mark.window_ms
    seen: dict[int, dict[int, int]] = {}
    for owner, thing, at_ms in zip(owners.tolist(), things.tolist(), times_ms.tolist(), strict=True):
        if at_ms >= begin_ms:
            seen.setdefault(owner, {})[thing] = at_ms
    return seen


def _codes(values: Floats) -> Ints:
    different, place = np.unique(values, return_inverse=True)
    return np.array([thing_code(value) for value in different.tolist()], dtype=np.int64)[place]
