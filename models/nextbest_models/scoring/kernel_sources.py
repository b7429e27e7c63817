"""Which sources kernels are made of: what was compiled is worth keeping as long as these stay the same."""

from collections.abc import Iterable, Iterator
from pathlib import Path

_MARKS = b"@compiled", b"kernel"
"""Files with any of these words have kernels, or what kernels are compiled with."""


def kernel_sources(packages: Iterable[Path]) -> Iterator[bytes]:
    """Yield the sources of the directories that have to do with kernels, each directory's by name."""
    for package in packages:
        for path in sorted(package.glob("*.py")):
            source = path.read_bytes()
            if any(mark in source for mark in _MARKS):
                yield source
