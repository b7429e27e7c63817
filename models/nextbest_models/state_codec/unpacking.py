"""Rice codes read back in one go: numpy would need some thirty passes for a customer's counters."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nextbest_models.scoring.compiling import compiled

Octets = NDArray[np.uint8]
Ints = NDArray[np.int64]
Shorts = NDArray[np.uint16]

CUT_OFF = -1
"""Stands for the place in the bits where there are fewer of them than there should be."""
_MOST_BITS = 56
_BYTE = 8
_MOST_COUNT = 0xFFFF


class Columns(NamedTuple):
    """Counters column by column, one entry per key; `whole` is whether all of them were there."""

    whole: bool
    ids: Ints
    counts: Shorts
    last_days: Shorts
    totals: Shorts


@compiled
def quotients(packed: Octets, numbers: int) -> tuple[Ints, int]:
    """Return the quotients of so many numbers, int64, and the place of the bit behind them or CUT_OFF."""
    bits = _BYTE * len(packed)
    found = np.zeros(min(numbers, bits), dtype=np.int64)
    number, zeros = 0, 0
    for at in range(bits):
        if number == numbers:
            return found, at
        if packed[at >> 3] >> (7 - (at & 7)) & 1:
            found[number] = zeros
            number, zeros = number + 1, 0
        else:
            zeros += 1
    return found, bits if number == numbers else CUT_OFF


@compiled
def with_remainders(packed: Octets, at: int, numbers: Ints, widths: Ints) -> int:
    """Make numbers of quotients, in their place, and return the place of the bit behind them or CUT_OFF."""
    bits = _BYTE * len(packed)
    for number in range(len(numbers)):
        end = at + widths[number]
        if widths[number] > _MOST_BITS or end > bits:
            return CUT_OFF
        value = numbers[number]
        for place in range(at, end):
            value = value << 1 | (packed[place >> 3] >> (7 - (place & 7)) & 1)
        numbers[number], at = value, end
    return at


@compiled
def unpacked(packed: Octets, keys: int, days: int, newest: int, widths: Ints) -> Columns:
    """Return the columns of counters. widths: int64 [5], of gaps, counts, places, days and totals."""
    none, no_ids = np.zeros(0, dtype=np.uint16), np.zeros(0, dtype=np.int64)
    nothing = Columns(False, no_ids, none, none, none)
    numbers, at = quotients(packed, 4 * keys + days)
    if at == CUT_OFF:
        return nothing
    parts = numbers[: 3 * keys + days]
    spread = np.empty(len(parts), dtype=np.int64)
    for column, begin in enumerate((0, keys, 2 * keys, 3 * keys)):
        spread[begin:] = widths[column]
    at = with_remainders(packed, at, parts, spread)
    gaps, counts, places, day_gaps = (
        parts[:keys],
        parts[keys : 2 * keys] + 1,
        parts[2 * keys : 3 * keys],
        parts[3 * keys :],
    )
    if at == CUT_OFF or not (_within(counts, 1, _MOST_COUNT) and _within(places, 0, days - 1)):
        return nothing
    over = np.empty(keys, dtype=np.int64)
    for key in range(keys):
        over[key] = widths[4] + _log2(counts[key])
    totals = numbers[3 * keys + days :]
    if with_remainders(packed, at, totals, over) == CUT_OFF:
        return nothing
    last_days = (newest + 1 - (day_gaps + 1).cumsum())[places]
    ids = (gaps + 1).cumsum() - 1
    return Columns(True, ids, counts.astype(np.uint16), last_days.astype(np.uint16), totals.astype(np.uint16))


@compiled
def _within(numbers: Ints, least: int, most: int) -> bool:
    for number in numbers:  # noqa: SIM110 - numba knows no generators in all()
        if not least <= number <= most:
            return False
    return True


@compiled
def _log2(number: int) -> int:
    found = 0
    while number > 1:
        number, found = number >> 1, found + 1
    return found
