"""Many arrays in one: numba takes an argument apart in a fifth of a microsecond, twenty of them in four."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nextbest_models.scoring.compiling import compiled
from nextbest_models.scoring.kernels import Words

_ALIGNED = 64
"""Bytes: where a line of the processor's cache begins."""


class Arena(NamedTuple):
    """Arrays of any numbers, end to end.

    content: words of the one type that kernels cannot read off a place. places: int64 [arrays, 3]: where each
    begins and ends in `content`, and its columns, 0 of an array with one dimension.
    """

    content: Words
    places: NDArray[np.int64]

    @classmethod
    def of(cls, arrays: Iterable[NDArray[Any]], word: "np.dtype[Any]") -> "Arena":
        """Copy arrays of one or two dimensions, which may not be changed through it."""
        begin, places, parts = 0, [], list[bytes]()
        for array in arrays:
            content = np.ascontiguousarray(array).tobytes()
            columns = array.shape[1] if array.ndim > 1 else 0
            places.append((begin, begin + len(content), columns))
            parts.append(content + bytes(-len(content) % _ALIGNED))
            begin += len(parts[-1])
        bounds = np.array(places, dtype=np.int64).reshape(-1, 3)
        bounds[:, :2] //= word.itemsize
        return cls(_aligned(b"".join(parts)).view(word), bounds)


def _aligned(content: bytes) -> NDArray[np.uint8]:
    """Return bytes as an array that begins where a line of the cache does."""
    room = np.empty(len(content) + _ALIGNED, dtype=np.uint8)
    begin = -room.ctypes.data % _ALIGNED
    room[begin : begin + len(content)] = np.frombuffer(content, dtype=np.uint8)
    return room[begin : begin + len(content)]


@compiled
def floats(content: Words, places: NDArray[np.int64], which: int) -> NDArray[np.float64]:
    """Return the array at a place, float64 with one dimension."""
    return content[places[which, 0] : places[which, 1]].view(np.float64)


@compiled
def float_rows(content: Words, places: NDArray[np.int64], which: int) -> NDArray[np.float64]:
    """Return the array at a place, float64 with two dimensions."""
    flat, columns = floats(content, places, which), places[which, 2]
    rows: NDArray[Any] = flat.reshape(len(flat) // max(columns, 1), columns)
    return rows


@compiled
def integers(content: Words, places: NDArray[np.int64], which: int) -> NDArray[np.int64]:
    """Return the array at a place, int64 with one dimension."""
    return content[places[which, 0] : places[which, 1]].view(np.int64)


@compiled
def integer_rows(content: Words, places: NDArray[np.int64], which: int) -> NDArray[np.int64]:
    """Return the array at a place, int64 with two dimensions."""
    flat, columns = integers(content, places, which), places[which, 2]
    rows: NDArray[Any] = flat.reshape(len(flat) // max(columns, 1), columns)
    return rows


@compiled
def short_integers(content: Words, places: NDArray[np.int64], which: int) -> NDArray[np.int32]:
    """Return the array at a place, int32 with one dimension."""
    return content[places[which, 0] : places[which, 1]].view(np.int32)


@compiled
def words(content: Words, places: NDArray[np.int64], which: int) -> Words:
    """Return the array at a place, words with one dimension."""
    return content[places[which, 0] : places[which, 1]]


@compiled
def word_rows(content: Words, places: NDArray[np.int64], which: int) -> Words:
    """Return the array at a place, words with two dimensions."""
    flat, columns = words(content, places, which), places[which, 2]
    rows: NDArray[Any] = flat.reshape(len(flat) // max(columns, 1), columns)
    return rows
