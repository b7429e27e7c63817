"""Finds what comes with nextbest beside its code: in the package once installed, beside it in a checkout."""

from importlib.resources import files
from pathlib import Path


def shipped_directory(package: str, name: str) -> Path:
    """Return a directory of files that an import package ships."""
    root = Path(str(files(package)))
    installed, checked_out = root / name, root.parent / name
    return installed if installed.is_dir() else checked_out
