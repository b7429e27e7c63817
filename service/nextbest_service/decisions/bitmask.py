"""The rules speak in integer bitmasks (bit i = action i of the catalog), the arithmetic in numpy arrays."""

import numpy as np
from numpy.typing import NDArray


def flags_of(mask: int, size: int) -> NDArray[np.bool_]:
    """Return one flag per action."""
    packed = np.frombuffer(mask.to_bytes((size + 7) // 8, "little"), dtype=np.uint8)
    return np.unpackbits(packed, count=size, bitorder="little").view(np.bool_)


def rows_of(mask: int, size: int) -> NDArray[np.intp]:
    """Return the positions of the actions in the mask, ascending."""
    return flags_of(mask, size).nonzero()[0]
