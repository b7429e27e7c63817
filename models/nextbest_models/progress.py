"""The port through which long work reports how far it is."""

from collections.abc import Callable
from typing import TypeAlias

Progress: TypeAlias = Callable[[str, int, int], None]
"""Called with a description of the step, the units done and the units in total."""


def silent(step: str, done: int, total: int) -> None:
    """Report nothing."""
