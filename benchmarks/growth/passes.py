"""Several passes over all points in a new random order each time, so that no noisy moment bends a curve."""

import gc
import random
from collections.abc import Awaitable, Callable, Hashable, Mapping
from typing import TypeAlias, TypeVar

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")

Told: TypeAlias = Callable[[str], None]
"""Hears what is being done now."""


async def in_passes(
    what: str, measures: Mapping[K, Callable[[], Awaitable[T]]], passes: int, told: Told
) -> Mapping[K, list[T]]:
    """Return what every measure gave in each pass, after one pass for warming up that does not count."""
    order, found = random.Random(7), {key: list[T]() for key in measures}
    # All worlds live in this process: without it every collection would walk the largest of them.
    gc.collect()
    gc.freeze()
    for number in range(passes + 1):
        for key in order.sample([*measures], len(measures)):
            told(f"{what}, pass {number} of {passes}")
            result = await measures[key]()
            if number:
                found[key].append(result)
    return found
