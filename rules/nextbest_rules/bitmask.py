"""Sets of actions as the bits of an integer."""

from collections.abc import Callable, Iterable, Iterator
from functools import reduce
from operator import or_

from nextbest_rules.catalog import Action


def mask_where(actions: Iterable[Action], selected: Callable[[Action], bool]) -> int:
    """Return the mask of the actions that `selected` accepts."""
    return sum(1 << bit for bit, action in enumerate(actions) if selected(action))


def union(masks: Iterable[int]) -> int:
    """Return the actions that are in any of the masks."""
    return reduce(or_, masks, 0)


def bits(mask: int) -> Iterator[int]:
    """Yield the set bits, lowest first."""
    digits = bin(mask)[:1:-1]  # a text is gone through once; an integer would be copied for every bit
    place = digits.find("1")
    while place >= 0:
        yield place
        place = digits.find("1", place + 1)
