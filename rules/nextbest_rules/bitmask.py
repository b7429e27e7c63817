"""Sets of actions as the bits of an integer."""

from collections.abc import Callable, Iterable, Iterator

from nextbest_rules.catalog import Action


def mask_where(actions: Iterable[Action], selected: Callable[[Action], bool]) -> int:
    """Return the mask of the actions that `selected` accepts."""
    return sum(1 << bit for bit, action in enumerate(actions) if selected(action))


def bits(mask: int) -> Iterator[int]:
    """Yield the set bits, lowest first."""
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest
