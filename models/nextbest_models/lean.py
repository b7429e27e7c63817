"""LightGBM without what only training on data frames and clusters needs, for a process that serves."""

import importlib
import sys

FRAMES_AND_CLUSTERS = ("dask", "matplotlib", "pandas", "pyarrow", "sklearn")
"""Packages that LightGBM imports where it finds them. Beside each worker they take 120 MB and two seconds."""


def import_lightgbm() -> None:
    """Import LightGBM as if those packages were not installed; they can be imported later on."""
    if "lightgbm" in sys.modules:
        return
    hidden = [name for name in FRAMES_AND_CLUSTERS if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type] # None makes an import fail
    try:
        importlib.import_module("lightgbm")
    finally:
        for name in hidden:
            del sys.modules[name]
