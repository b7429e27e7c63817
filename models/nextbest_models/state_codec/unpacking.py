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
def quotients(words: Words, found: Ints) -> int:
    """Fill in as many quotients as there is room for, and return the place behind their bits or CUT_OFF."""
    number, behind = 0, 0
    for place in range(len(words)):
        word, at = words[place], _WORD * place
        while word and number < len(found):
            zeros = _zeros_before(word)
            word = word << zeros << np.uint64(1)
            at += int(zeros) + 1
            found[number] = at - behind - 1
            number, behind = number + 1, at
    return behind if number == len(found) else CUT_OFF


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
def unpacked(
    octets: Octets,
    begin: int,
    days: int,
    newest: int,
    ids: NDArray[np.uint32],
    statistics: NDArray[np.uint16],
) -> bool:
    """Fill in the columns of counters, and return whether all of them were there.

    octets: with the widths of gaps, counts, places, days and totals in front of `begin`, the numbers behind.
    days: how many different ones.
    ids: uint32 [keys]. statistics: uint16 [3, keys], counts, last days and totals.
    """
    keys = len(ids)
    packed, widths = octets[begin:], octets[begin - _WIDTHS : begin]
    words, bits = words_of(packed), _BYTE * len(packed)
    numbers = np.empty(4 * keys + days, dtype=np.int64)
    at = quotients(words, numbers)
    if at == CUT_OFF:
        return False
    behind = 3 * keys + days
    spread = np.empty(behind, dtype=np.int64)
    for column, first in enumerate((0, keys, 2 * keys, 3 * keys)):
        spread[first:] = widths[column]
    at = with_remainders(words, bits, at, numbers[:behind], spread)
    if at == CUT_OFF:
        return False
    day = newest + 1
    listed = numbers[3 * keys : behind]
    for place in range(days):
        day -= listed[place] + 1
        listed[place] = day
    key_id, over = -1, spread[:keys]
    for key in range(keys):
        key_id += numbers[key] + 1
        count, place = numbers[keys + key] + 1, numbers[2 * keys + key]
        if not (0 <= key_id <= _MOST_ID and 1 <= count <= _MOST_COUNT and 0 <= place < days):
            return False
        ids[key], statistics[0, key], statistics[1, key] = key_id, count, listed[place]
        over[key] = np.int64(widths[4]) + _WORD - 1 - int(_zeros_before(np.uint64(count)))
    totals = numbers[behind:]
    if with_remainders(words, bits, at, totals, over) == CUT_OFF:
        return False
    statistics[2] = totals
    return True
