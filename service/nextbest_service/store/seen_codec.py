"""How the ids of counted events look as bytes, with what features got from the recent ones."""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import accumulate, pairwise
from operator import attrgetter
from typing import Any

from nextbest_models.online import StreamEvent
from nextbest_rules.durations import DAY_MS
from nextbest_service.customers.portion import Seen
from nextbest_service.store.codec import foreign, pack, unpack
from nextbest_service.store.columns import (
    FOREIGN,
    Packed,
    packed_numbers,
    packed_time,
    unpacked_numbers,
    unpacked_time,
)

_PART = "seen"
_EXACT = 1 << 53
"""Whole numbers below are the same as float64 and as an integer, which takes fewer bytes."""


def encode_seen(seen: Sequence[Seen]) -> bytes:
    """Return the bytes of counted items; all keys are of one length."""
    rows = sorted(seen, key=attrgetter("at_ms"))
    days = [row.at_ms // DAY_MS for row in rows]
    steps = [later - earlier for earlier, later in pairwise(days)]
    most = max(steps, default=0)
    names: dict[str, int] = {}
    counted = [[place, *_packed(row.counted, names)] for place, row in enumerate(rows) if row.counted]
    content = [
        b"".join(row.key for row in rows),
        bytes(row.body for row in rows),
        days[:1],
        most,
        packed_numbers(steps, most + 1),
        *([[*names], counted] if counted else []),
    ]
    return pack(_PART, content)


def decode_seen(blob: bytes) -> tuple[Seen, ...]:
    """Read counted items back, the oldest first.

    Raises:
        CodecError: the bytes are not counted items of this codec.
    """
    content = unpack(_PART, blob, tuple)
    try:
        return tuple(map(partial(tuple.__new__, Seen), _rows(*content)))
    except FOREIGN as error:
        raise foreign(_PART) from error


def _rows(
    keys: Packed,
    bodies: Packed,
    first: Packed,
    most: Packed,
    steps: Packed,
    names: Packed = (),
    counted: Packed = (),
) -> Iterable[tuple[Any, ...]]:
    days = [*accumulate((*first, *unpacked_numbers(steps, most + 1)))]
    width = len(keys) // len(bodies) if bodies else 0
    if {type(keys), type(bodies)} != {bytes} or {*map(type, days)} - {int}:
        raise TypeError
    if len(keys) != width * len(bodies):
        raise ValueError
    contributions: list[tuple[StreamEvent, ...]] = [()] * len(bodies)
    for place, *events in counted:
        contributions[place] = tuple(_unpacked(events, names))
    return zip(
        [keys[start : start + width] for start in range(0, len(keys), width or 1)],
        bodies,
        [day * DAY_MS for day in days],
        contributions,
        strict=True,
    )


def _packed(events: Sequence[StreamEvent], names: dict[str, int]) -> Iterator[Packed]:
    """Yield stream, time, values and touches of each event; names are places in a table that grows."""

    def place(name: str) -> int:
        return names.setdefault(name, len(names))

    last_ms = 0
    for event in events:
        yield place(event.stream)
        yield packed_time(event.time_ms - last_ms)
        yield [part for name, value in event.values.items() for part in (place(name), _short(value))]
        yield [
            part
            for family, touches in event.touches.items()
            for part in (place(family), [it for key, value in touches for it in (key, _short(value))])
        ]
        last_ms = event.time_ms


def _unpacked(packed: Packed, names: Packed) -> Iterator[StreamEvent]:
    last_ms = 0
    for stream, time, values, touches in zip(*[iter(packed)] * 4, strict=True):
        last_ms += unpacked_time(time)
        yield StreamEvent(
            _name(names, stream),
            last_ms,
            {_name(names, name): float(value) for name, value in _pairs(values)},
            {
                _name(names, family): tuple((int(key), float(value)) for key, value in _pairs(touched))
                for family, touched in _pairs(touches)
            },
        )


def _pairs(flat: Packed) -> Iterator[tuple[Packed, Packed]]:
    return zip(*[iter(flat)] * 2, strict=True)


def _name(names: Packed, place: Packed) -> str:
    name = names[place]
    if type(name) is not str:
        raise TypeError
    return name


def _short(value: float) -> float:
    return int(value) if abs(value) < _EXACT and value == int(value) else value
