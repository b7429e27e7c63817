"""Rice codes: small numbers in few bits, written and read by whole columns.

A number n of width k is stored as n >> k zeros and a one, and then its lowest k bits. All columns' quotients
come first and all remainders after them, so that both parts are read by a few array operations. With widths
near the logarithm of the mean, a number takes 1.5 bits more than that on average, and never many more in sum.
"""

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
_WORD_BYTES = 8
_WORD_BITS = 64
_MASKS = (1 << np.arange(57, dtype=np.int64)) - 1
"""By width; wider ones would not always be within one word."""


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


class Packed:
    """Packed numbers on their way back: first all quotients, then the remainders from left to right."""

    __slots__ = ("_at", "_words", "quotients")

    def __init__(self, packed: bytes, numbers: int) -> None:
        """Read the quotients of as many numbers as were packed.

        Raises:
            ValueError: there are fewer.
        """
        bits = np.unpackbits(np.frombuffer(packed, dtype=np.uint8))
        ends = bits.view(np.bool_).nonzero()[0][:numbers]
        if len(ends) < numbers:
            raise ValueError("packed numbers are cut off")
        self.quotients: Ints = ends.copy()
        self.quotients[1:] -= ends[:-1] + 1
        self._at = int(ends[-1]) + 1 if numbers else 0
        # One big-endian word at every byte: a remainder is within the one in which it begins.
        padded = packed + bytes(_WORD_BYTES)
        self._words = np.ndarray(len(packed) + 1, ">i8", padded, strides=(1,)).astype(np.int64)

    def remainders(self, widths: Ints) -> Ints:
        """Return the next remainders.

        Raises:
            ValueError: there are fewer.
        """
        ends = widths.cumsum() + self._at
        begins = ends - widths
        if len(ends):
            self._at = int(ends[-1])
        if self._at > (len(self._words) - 1) * 8:
            raise ValueError("packed numbers are cut off")
        # The sign is shifted in from the left, and masked away.
        found: Ints = (self._words[begins >> 3] >> ((begins & -8) + _WORD_BITS - ends)) & _MASKS[widths]
        return found
