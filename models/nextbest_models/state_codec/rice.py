"""Rice codes: small numbers in few bits, written by whole columns; `unpacking` reads them.

A number n of width k is stored as n >> k zeros and a one, and then its lowest k bits. All columns' quotients
come first and all remainders after them, so that both parts are read by a few array operations. With widths
near the logarithm of the mean, a number takes 1.5 bits more than that on average, and never many more in sum.
"""

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


def width(numbers: Ints) -> int:
    """Return a good width for numbers from 0 to 2 ** 56."""
    return max(0, (int(numbers.sum()) // max(len(numbers), 1)).bit_length() - 1)


def pack(numbers: Ints, widths: Ints) -> bytes:
    """Return numbers of at least 0, each with the width in its place, as bytes."""
    ends = ((numbers >> widths) + 1).cumsum()
    quotients = int(ends[-1]) if len(ends) else 0
    begins = widths.cumsum() - widths
    remainders = int(widths.sum())
    bits = np.zeros(quotients + remainders, dtype=np.uint8)
    bits[ends - 1] = 1
    shift = (begins + widths - 1).repeat(widths) - np.arange(remainders)
    bits[quotients:] = (numbers.repeat(widths) >> shift) & 1
    return np.packbits(bits).tobytes()
