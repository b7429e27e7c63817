"""What one portion's events add up to, stream by stream: counted in any order, taken back, trimmed.

A sum that fades stands as of the newest event of its stream. An older event is added at the weight it has by
then, a newer one fades what is there first; so order does not matter, and nothing has to be aged meanwhile.
"""

import math
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from nextbest_models.online.events import StreamEvent, thing_code
from nextbest_models.online.layouts import Mark, StreamLayout


class StreamTally(NamedTuple):
    """What the events of one stream add up to, as its `StreamLayout` says.

    first_ms: 0 where it is not kept. sums, decays: float64; decays stand as of `last_ms`, the newest event.
    times_ms: single events in ascending order of time. columns: the values kept with them, one tuple each.
    marks: thing -> when it was last seen, never changed in place.
    """

    events: int
    first_ms: int
    last_ms: int
    sums: tuple[float, ...]
    decays: tuple[float, ...]
    times_ms: tuple[int, ...]
    columns: tuple[tuple[float, ...], ...]
    marks: tuple[Mapping[int, int], ...]


class Given(NamedTuple):
    """A feature's value that was computed elsewhere, as of a moment, and what events added to it since.

    feature: position among the customer's features. since: float64; of a sum that fades as of the stream's
    newest event.
    """

    feature: int
    value: float
    as_of_ms: int
    since: float


class Tally(NamedTuple):
    """One portion: its streams in the order of the layouts, and the values given from outside."""

    streams: tuple[StreamTally, ...]
    given: tuple[Given, ...]


def nothing(layout: StreamLayout) -> StreamTally:
    """Return the tally of no event."""
    return StreamTally(
        0,
        0,
        0,
        (0.0,) * len(layout.sums),
        (0.0,) * len(layout.decays),
        (),
        ((),) * len(layout.columns),
        tuple({} for _ in layout.marks),
    )


def counted(layout: StreamLayout, tally: StreamTally, events: Sequence[StreamEvent]) -> StreamTally:
    """Return the tally with some events more, in any order."""
    times = [event.time_ms for event in events]
    last_ms = max(tally.last_ms, *times) if tally.events else max(times)
    first_ms = min(tally.first_ms, *times) if tally.events else min(times)
    times_ms, columns = _with_rows(layout, tally, events)
    return StreamTally(
        tally.events + len(events),
        first_ms if layout.first else 0,
        last_ms,
        _summed(layout, tally, events, 1.0),
        _faded(layout, tally, events, last_ms, 1.0),
        times_ms,
        columns,
        _marked(layout, tally, events),
    )


def uncounted(layout: StreamLayout, tally: StreamTally, events: Sequence[StreamEvent]) -> StreamTally:
    """Return the tally without some events that were counted before.

    The times of the first and the last event stay, and so do marks: what was second is not known. Without any
    event left, everything is as at the beginning.
    """
    if tally.events <= len(events):
        return nothing(layout)
    times_ms, columns = _without_rows(layout, tally, events)
    return tally._replace(
        events=tally.events - len(events),
        sums=_summed(layout, tally, events, -1.0),
        decays=_faded(layout, tally, events, tally.last_ms, -1.0),
        times_ms=times_ms,
        columns=columns,
    )


def trimmed(layout: StreamLayout, tally: StreamTally, now_ms: int) -> StreamTally:
    """Return the tally without single events and marks that no window reaches any more."""
    cut = bisect_left(tally.times_ms, now_ms - layout.window_ms)
    pairs = [*zip(layout.marks, tally.marks, strict=True)]
    if not cut and not any(_is_over(mark, at_ms, now_ms) for mark, seen in pairs for at_ms in seen.values()):
        return tally
    return tally._replace(
        times_ms=tally.times_ms[cut:],
        columns=tuple(column[cut:] for column in tally.columns),
        marks=tuple(
            {thing: at_ms for thing, at_ms in seen.items() if not _is_over(mark, at_ms, now_ms)}
            for mark, seen in pairs
        ),
    )


def _is_over(mark: Mark, at_ms: int, now_ms: int) -> bool:
    return mark.window_ms is not None and at_ms < now_ms - mark.window_ms


def _summed(
    layout: StreamLayout, tally: StreamTally, events: Sequence[StreamEvent], sign: float
) -> tuple[float, ...]:
    return tuple(
        total + sign * sum(event.values.get(value, 0.0) for event in events)
        for total, value in zip(tally.sums, layout.sums, strict=True)
    )


def _faded(
    layout: StreamLayout, tally: StreamTally, events: Sequence[StreamEvent], last_ms: int, sign: float
) -> tuple[float, ...]:
    half_lives = {decay.half_life_ms for decay in layout.decays}
    kept = {ms: math.exp2((tally.last_ms - last_ms) / ms) for ms in half_lives}
    fading = {ms: [math.exp2((event.time_ms - last_ms) / ms) for event in events] for ms in half_lives}
    return tuple(
        total * kept[decay.half_life_ms] + sign * _weighed(events, decay.value, fading[decay.half_life_ms])
        for total, decay in zip(tally.decays, layout.decays, strict=True)
    )


def faded_sum(events: Sequence[StreamEvent], value: str | None, half_life_ms: float, as_of_ms: int) -> float:
    """Return what events weigh at a moment not before any of them; without a value each weighs 1."""
    return _weighed(events, value, [math.exp2((it.time_ms - as_of_ms) / half_life_ms) for it in events])


def _weighed(events: Sequence[StreamEvent], value: str | None, weights: Sequence[float]) -> float:
    if value is None:
        return sum(weights)
    return sum(it.values.get(value, 0.0) * weight for it, weight in zip(events, weights, strict=True))


def _with_rows(
    layout: StreamLayout, tally: StreamTally, events: Sequence[StreamEvent]
) -> tuple[tuple[int, ...], tuple[tuple[float, ...], ...]]:
    if not layout.window_ms:
        return (), ()
    added = sorted((_row(layout, event) for event in events), key=_time)
    if tally.times_ms and added[0][0] < tally.times_ms[-1]:
        added = sorted([*_rows(tally), *added], key=_time)
        return _columns(layout, added)
    times_ms, columns = _columns(layout, added)
    return tally.times_ms + times_ms, tuple(
        old + new for old, new in zip(tally.columns, columns, strict=True)
    )


def _without_rows(
    layout: StreamLayout, tally: StreamTally, events: Sequence[StreamEvent]
) -> tuple[tuple[int, ...], tuple[tuple[float, ...], ...]]:
    rows = [*_rows(tally)]
    for event in events:
        # A trimmed event is not there any more.
        if layout.window_ms and (row := _row(layout, event)) in rows:
            rows.remove(row)
    return _columns(layout, rows)


_Row = tuple[int, tuple[float, ...]]


def _time(row: _Row) -> int:
    return row[0]


def _row(layout: StreamLayout, event: StreamEvent) -> _Row:
    return event.time_ms, tuple(event.values.get(value, 0.0) for value in layout.columns)


def _rows(tally: StreamTally) -> Iterator[_Row]:
    values = zip(*tally.columns, strict=True) if tally.columns else [()] * len(tally.times_ms)
    return zip(tally.times_ms, values, strict=True)


def _columns(
    layout: StreamLayout, rows: Sequence[_Row]
) -> tuple[tuple[int, ...], tuple[tuple[float, ...], ...]]:
    times_ms = tuple(time_ms for time_ms, _ in rows)
    return times_ms, tuple(tuple(row[place] for _, row in rows) for place in range(len(layout.columns)))


def _marked(
    layout: StreamLayout, tally: StreamTally, events: Sequence[StreamEvent]
) -> tuple[Mapping[int, int], ...]:
    return tuple(_seen(mark, before, events) for mark, before in zip(layout.marks, tally.marks, strict=True))


def _seen(mark: Mark, before: Mapping[int, int], events: Sequence[StreamEvent]) -> Mapping[int, int]:
    seen = dict(before)
    for event in events:
        for thing in _things(mark, event):
            seen[thing] = max(event.time_ms, seen.get(thing, event.time_ms))
    return seen


def _things(mark: Mark, event: StreamEvent) -> Iterator[int]:
    if mark.key is not None:
        yield from (key for key, _ in event.touches.get(mark.key, ()))
    elif mark.value is not None and mark.value in event.values:
        yield thing_code(event.values[mark.value])
