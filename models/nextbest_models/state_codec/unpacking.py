"""Rice codes read back in one go: numpy would need some thirty passes for a customer's counters."""

from typing import Any

import numpy as np
from llvmlite import ir
from numba.extending import intrinsic
from numpy.typing import NDArray

from nextbest_models.scoring.compiling import compiled

Octets = NDArray[np.uint8]
Ints = NDArray[np.int64]
Words = NDArray[np.uint64]

CUT_OFF = -1
"""Stands for the place in the bits where there are fewer of them than there should be."""
_WIDTHS = 5
_MOST_BITS = 56
_BYTE, _WORD = 8, 64
_MOST_COUNT = 0xFFFF
_MOST_ID = 0xFFFF_FFFF
_BITS = np.unpackbits(np.arange(256, dtype=np.uint8)[:, np.newaxis], axis=1)
_ONES = _BITS.sum(axis=1, dtype=np.int64)
"""Of each byte how many ones it has, and in `_ENDS` where they are, the highest bit first."""
_ENDS = np.argsort(1 - _BITS, axis=1, kind="stable").astype(np.uint8)


def _zeros_before_code(_context: Any, word: Any) -> Any:  # noqa: ANN401 - numba's own types
    """Return how many zeros stand before the first one of a word that is not 0."""

    def generate(_target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:  # noqa: ANN401
        return builder.ctlz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return word(word), generate


_zeros_before: Any = intrinsic(_zeros_before_code)


@compiled
def words_of(packed: Octets) -> Words:
    """Return bytes as words, the first bit the highest, with at least one word of zeros behind them."""
    whole = len(packed) // _BYTE
    words = np.zeros(whole + 2, dtype=np.uint64)
    for place in range(whole):
        word = np.uint64(0)
        for octet in range(_BYTE):
            word = word << np.uint64(_BYTE) | np.uint64(packed[_BYTE * place + octet])
        words[place] = word
    for place in range(_BYTE * whole, len(packed)):
        words[whole] |= np.uint64(packed[place]) << np.uint64(_WORD - _BYTE - _BYTE * (place & 7))
    return words


@compiled
def quotients(packed: Octets, found: Ints) -> int:
    """Fill in as many quotients as there is room for, and return the place behind their bits or CUT_OFF."""
    number, size = 0, len(found)
    ends = np.empty(size + _BYTE, dtype=np.int64)
    for place in range(len(packed)):
        octet = packed[place]
        for one in range(_BYTE):  # whether there are so many ones or not: what is too much is written over
            ends[number + one] = _BYTE * place + _ENDS[octet, one]
        number += _ONES[octet]
        if number >= size:
            break
    if number < size:
        return CUT_OFF
    behind = 0
    for place in range(size):
        found[place] = ends[place] - behind
        behind = ends[place] + 1
    return behind


@compiled
def with_remainders(words: Words, bits: int, at: int, numbers: Ints, widths: Ints) -> int:
    """Make numbers of quotients, in their place, and return the place of the bit behind them or CUT_OFF.

    bits: how many of the words' bits there are. widths: of each number, int64.
    """
    for number in range(len(numbers)):
        width = widths[number]
        if width > _MOST_BITS or at + width > bits:
            return CUT_OFF
        word, shift = at >> 6, np.uint64(at & 63)
        ahead = words[word] << shift | words[word + 1] >> np.uint64(1) >> np.uint64(63) - shift
        remainder = ahead >> np.uint64(1) >> np.uint64(63 - width)
        numbers[number] = numbers[number] << width | np.int64(remainder)
        at += width
    return at


@compiled
def with_equal_remainders(words: Words, bits: int, at: int, numbers: Ints, width: int) -> int:
    """Make numbers of quotients as `with_remainders` does, all of the same width."""
    if width > _MOST_BITS or at + width * len(numbers) > bits:
        return CUT_OFF
    behind = np.uint64(63 - width)
    for number in range(len(numbers)):
        word, shift = at >> 6, np.uint64(at & 63)
        ahead = words[word] << shift | words[word + 1] >> np.uint64(1) >> np.uint64(63) - shift
        numbers[number] = numbers[number] << width | np.int64(ahead >> np.uint64(1) >> behind)
        at += width
    return at


@compiled
def unpacked(octets: Octets, begin: int, days: int, newest: int, table: NDArray[np.int64]) -> bool:
    """Fill in the table of counters, and return whether all of them were there.

    octets: with the widths of gaps, counts, places, days and totals in front of `begin`, the numbers behind.
    days: how many different ones.
    table: int64 [4, keys]: ids, counts, last days and totals.
    """
    keys = table.shape[1]
    packed, widths = octets[begin:], octets[begin - _WIDTHS : begin]
    words, bits = words_of(packed), _BYTE * len(packed)
    numbers = np.empty(4 * keys + days, dtype=np.int64)
    at, behind = quotients(packed, numbers), 3 * keys + days
    for column, (first, last) in enumerate(
        ((0, keys), (keys, 2 * keys), (2 * keys, 3 * keys), (3 * keys, behind))
    ):
        if at != CUT_OFF:
            at = with_equal_remainders(words, bits, at, numbers[first:last], np.int64(widths[column]))
    if at == CUT_OFF or not _columns(numbers, days, newest, table):
        return False
    totals, over = table[3], np.empty(keys, dtype=np.int64)
    totals[:] = numbers[behind:]
    for key in range(keys):
        over[key] = np.int64(widths[4]) + _WORD - 1 - int(_zeros_before(np.uint64(table[1, key])))
    if with_remainders(words, bits, at, totals, over) == CUT_OFF:
        return False
    return not keys or totals.max() <= _MOST_COUNT


@compiled
def _columns(numbers: Ints, days: int, newest: int, table: NDArray[np.int64]) -> bool:
    """Fill in ids, counts and last days, and return whether all of them can be right."""
    keys = table.shape[1]
    day, listed = newest + 1, numbers[3 * keys : 3 * keys + days]
    for place in range(days):
        day -= listed[place] + 1
        listed[place] = day
    key_id, fits = -1, not days or day >= 0
    for key in range(keys):
        key_id += numbers[key] + 1
        count, place = numbers[keys + key] + 1, numbers[2 * keys + key]
        if count > _MOST_COUNT or place >= days:
            return False
        table[0, key], table[1, key], table[2, key] = key_id, count, listed[place]
    return fits and key_id <= _MOST_ID
