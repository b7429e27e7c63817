"""What the kernel in `walking` needs to know of a specification, so that it can read features off bytes."""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nextbest_models.online.layouts import StreamLayout
from nextbest_models.online.measures import (
    Decayed,
    Derived,
    Different,
    Quotient,
    Recency,
    Tenure,
    Total,
    WeightedSum,
    Windowed,
)
from nextbest_models.online.plan import Reading
from nextbest_models.online.reading import TallyReader

_MOST_NUMBERS = 56
"""The numbers of a stream whose mask of filled ones the kernel can hold."""


class Vector(NamedTuple):
    """The features of a portion at a moment, in their order.

    values: float32. given_ms: int64, when those that are only ever given were; below 0 where they never were.
    """

    values: NDArray[np.float32]
    given_ms: NDArray[np.int64]


class VectorReader:
    """Reads the features of stored portions of which only those were given that cannot be counted."""

    def __init__(self, layouts: Sequence[StreamLayout], reader: TallyReader) -> None:
        self._layouts = layouts
        self._reader = reader
        self._is_given = any(_is_given(reading) for reading in reader.readings)
        self._nothing_given = np.empty(len(reader.readings), dtype=np.int64)
        self._is_small = all(len(it.sums) + len(it.decays) <= _MOST_NUMBERS for it in layouts)

    def vector(self, body: bytes, begin: int, now_ms: int) -> "Vector | None":
        """Return the features at a moment, None where the tally has to be decoded for them.

        body: from `begin` on what `tallies.encode` made of a portion's tally under the same layouts.
        """
        kernel, plan = self._kernel
        vector = np.empty(len(self._reader.readings), dtype=np.float32)
        # Where nothing can be given, all write the same into it.
        given_ms = np.empty_like(self._nothing_given) if self._is_given else self._nothing_given
        octets = np.frombuffer(body, np.uint8, -1, begin)
        if self._is_small and kernel(vector, given_ms, octets, now_ms, plan, len(self._layouts)):
            return Vector(vector, given_ms)
        return None

    @cached_property
    def _kernel(self) -> tuple[Callable[..., bool], NDArray[np.int64]]:
        """What reads, and what it needs to know."""
        from nextbest_models.state_codec.walking import WIDTH, features_into  # noqa: PLC0415 - slow to import

        terms = list[tuple[int, float]]()
        readings = zip(self._reader.readings, self._reader.defaults, strict=True)
        features = [
            (*_row(reading, terms), _bits(getattr(reading, "half_life_ms", 0.0)), _bits(default))
            for reading, default in readings
        ]
        last = [(part, _bits(weight), *[0] * (WIDTH - 2)) for part, weight in terms]
        rows = [*map(_kept, self._layouts), *features, *last]
        return features_into, np.array(rows, dtype=np.int64).reshape(-1, WIDTH)


def _is_given(reading: Reading) -> bool:
    return isinstance(reading, Derived) and not reading.streams and not reading.features


def _bits(number: float) -> int:
    return int(np.float64(number).view(np.int64))


def _kept(layout: StreamLayout) -> tuple[int, ...]:
    """Return the row of a stream."""
    numbers = layout.first, len(layout.sums), len(layout.decays), bool(layout.window_ms)
    return (*numbers, len(layout.columns), len(layout.marks))


def _row(reading: Reading, terms: list[tuple[int, float]]) -> tuple[int, int, int, int]:
    """Return the first cells of a feature's row; adds to the terms of weighted sums."""
    from nextbest_models.state_codec import walking as w  # noqa: PLC0415 - numba is slow to import

    row = (w.ABSENT, 0, 0, 0)
    match reading:
        case Total(stream, slot):
            row = (w.EVENTS, stream, 0, 0) if slot is None else (w.SUM, stream, slot, 0)
        case Windowed(stream, None, window_ms):
            row = w.WINDOW, stream, 0, window_ms
        case Windowed(stream, int(column), window_ms):
            row = w.WINDOW_SUM, stream, column, window_ms
        case Decayed(stream, slot):
            row = w.DECAY, stream, slot, 0
        case Recency(stream, window_ms):
            row = w.RECENCY, stream, 0, w.FOR_EVER if window_ms is None else window_ms
        case Tenure(stream):
            row = w.TENURE, stream, 0, 0
        case Different(stream, mark, window_ms):
            row = w.DIFFERENT, stream, mark, w.FOR_EVER if window_ms is None else window_ms
        case Derived(Quotient(over, under)):
            row = w.RATIO, over, under, 0
        case Derived(WeightedSum(own)):
            terms += own
            row = w.WEIGHTED, len(terms) - len(own), len(terms), 0
    return row
