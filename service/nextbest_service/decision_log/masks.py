"""Masks as records keep them: bytes, the lowest bit first, without the zeros at the end."""

import numpy as np
from numpy.typing import NDArray

from nextbest_service.decisions.factors import Rows


def mask_bytes(mask: int) -> bytes:
    """Return a mask as bytes."""
    return mask.to_bytes((mask.bit_length() + 7) // 8, "little")


def rows_of(mask: bytes, size: int) -> Rows:
    """Return the places of the bits, ascending."""
    return np.flatnonzero(flags_in(mask, size))


def flags_in(mask: bytes, size: int) -> NDArray[np.bool_]:
    """Return the bits as flags."""
    padded = mask.ljust((size + 7) // 8, b"\0")
    return np.unpackbits(np.frombuffer(padded, np.uint8), count=size, bitorder="little").view(np.bool_)
