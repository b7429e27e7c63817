"""One portion's tally as bytes: what is 0 takes no place, and times count back from the newest event."""

from collections.abc import Mapping, Sequence
from itertools import accumulate, pairwise

from nextbest_models.online.layouts import StreamLayout
from nextbest_models.online.tallies import Given, StreamTally, Tally, nothing
from nextbest_models.state_codec.octets import Reader, Writer

_SECOND_MS = 1_000


def encode(layouts: Sequence[StreamLayout], tally: Tally) -> bytes:
    """Return the bytes of a tally."""
    writer = Writer()
    for layout, stream in zip(layouts, tally.streams, strict=True):
        _write_stream(writer, layout, stream)
    writer.whole(len(tally.given))
    for item in tally.given:
        writer.whole(item.feature)
        writer.whole(item.as_of_ms)
        writer.sparse((item.value, item.since))
    return writer.finished()


def decode(layouts: Sequence[StreamLayout], blob: bytes) -> Tally:
    """Read back what was written under the same layouts.

    Raises:
        IndexError, KeyError, ValueError, struct.error: the bytes are something else.
    """
    reader = Reader(blob)
    streams = tuple(_read_stream(reader, layout) for layout in layouts)
    given = tuple(_read_given(reader) for _ in range(reader.whole()))
    reader.finish()
    return Tally(streams, given)


def _read_given(reader: Reader) -> Given:
    feature, as_of_ms = reader.whole(), reader.whole()
    value, since = reader.sparse(2)
    return Given(feature, value, as_of_ms, since)


def _write_stream(writer: Writer, layout: StreamLayout, stream: StreamTally) -> None:
    writer.whole(stream.events)
    if not stream.events:
        return
    unit = _unit_ms(stream)
    writer.whole(stream.last_ms // unit * 2 + (unit == _SECOND_MS))
    if layout.first:
        writer.whole((stream.last_ms - stream.first_ms) // unit)
    writer.sparse(stream.sums + stream.decays)
    if layout.window_ms:
        back = [stream.last_ms, *reversed(stream.times_ms)]
        writer.whole(len(stream.times_ms))
        writer.wholes([(later - earlier) // unit for later, earlier in pairwise(back)])
        for column in stream.columns:
            writer.amounts(column)
    for seen in stream.marks:
        writer.whole(len(seen))
        writer.wholes([*seen])
        writer.wholes([(stream.last_ms - at_ms) // unit for at_ms in seen.values()])


def _read_stream(reader: Reader, layout: StreamLayout) -> StreamTally:
    events = reader.whole()
    if not events:
        return nothing(layout)
    last, in_seconds = divmod(reader.whole(), 2)
    unit = _SECOND_MS if in_seconds else 1
    first_ms = (last - reader.whole()) * unit if layout.first else 0
    numbers = reader.sparse(len(layout.sums) + len(layout.decays))
    times_ms, columns = _read_singles(reader, layout, last, unit) if layout.window_ms else ((), ())
    return StreamTally(
        events,
        first_ms,
        last * unit,
        numbers[: len(layout.sums)],
        numbers[len(layout.sums) :],
        times_ms,
        columns,
        tuple(_read_marks(reader, last, unit) for _ in layout.marks),
    )


def _read_singles(
    reader: Reader, layout: StreamLayout, last: int, unit: int
) -> tuple[tuple[int, ...], tuple[tuple[float, ...], ...]]:
    count = reader.whole()
    times = [last - gone for gone in accumulate(reader.wholes(count))]
    columns = tuple(reader.amounts(count) for _ in layout.columns)
    return tuple(time * unit for time in reversed(times)), columns


def _read_marks(reader: Reader, last: int, unit: int) -> Mapping[int, int]:
    count = reader.whole()
    things = reader.wholes(count)
    return {thing: (last - gone) * unit for thing, gone in zip(things, reader.wholes(count), strict=True)}


def _unit_ms(stream: StreamTally) -> int:
    """Return whether all times are whole seconds, as the unit that they can be written in."""
    times = [stream.first_ms, stream.last_ms, *stream.times_ms]
    times += [at_ms for seen in stream.marks for at_ms in seen.values()]
    return 1 if any(time % _SECOND_MS for time in times) else _SECOND_MS
