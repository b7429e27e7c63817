"""How kernels are compiled."""

import hashlib
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

from numba import njit

from nextbest_models.scoring.kernel_sources import kernel_sources


def compiled(function: Callable[..., Any]) -> Any:  # noqa: ANN401 - numba's dispatcher
    """Compile a function at its first call for each combination of types, to run without the GIL.

    The machine code is kept beside the source; where that cannot be written, in the user's cache directory;
    and with NUMBA_CACHE_DIR there. Where nothing can be written, each start compiles anew.

    It is kept under a name that changes with every kernel of the same package and of this one: numba looks
    for changes only in the function's own file, while kernels call each other across files.
    """
    kernels = _digest(Path(function.__code__.co_filename).parent)
    function.__qualname__ = f"{function.__qualname__}_{kernels}"
    compiler = partial(njit, nogil=True, boundscheck=False, error_model="numpy")
    try:
        return compiler(cache=True)(function)
    except RuntimeError:
        return compiler()(function)


@cache
def _digest(package: Path) -> str:
    """Return 8 hex digits that change with any kernel of a package, or of this one."""
    packages = sorted({package, Path(__file__).parent})
    return hashlib.sha256(b"".join(kernel_sources(packages))).hexdigest()[:8]
