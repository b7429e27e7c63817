"""How kernels are compiled."""

from collections.abc import Callable
from functools import partial
from typing import Any

from numba import njit


def compiled(function: Callable[..., Any]) -> Any:  # noqa: ANN401 - numba's dispatcher
    """Compile a function at its first call for each combination of types, to run without the GIL.

    The machine code is kept beside the source; where that cannot be written, in the user's cache directory;
    and with NUMBA_CACHE_DIR there. Where nothing can be written, each start compiles anew.
    """
    compiler = partial(njit, nogil=True, boundscheck=False, error_model="numpy")
    try:
        return compiler(cache=True)(function)
    except RuntimeError:
        return compiler()(function)
