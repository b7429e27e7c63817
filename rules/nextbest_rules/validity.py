"""Which actions are within their validity window, by one binary search."""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass

from nextbest_rules.catalog import Action


@dataclass(frozen=True, slots=True)
class ValidityTimeline:
    """Masks of valid actions between the sorted instants at which any of them changes.

    `masks[i]` holds from `instants[i - 1]` (inclusive) to `instants[i]` (exclusive).
    """

    instants: tuple[int, ...]
    masks: tuple[int, ...]

    @classmethod
    def over(cls, actions: Iterable[Action]) -> "ValidityTimeline":
        """Return the timeline of actions; their order gives their bits."""
        opening, ending, mask = dict[int, int](), dict[int, int](), 0
        for bit, action in enumerate(actions):
            if action.valid_from_ms is None:
                mask |= 1 << bit
            else:
                opening[action.valid_from_ms] = opening.get(action.valid_from_ms, 0) | 1 << bit
            if action.valid_until_ms is not None:
                ending[action.valid_until_ms] = ending.get(action.valid_until_ms, 0) | 1 << bit
        instants = sorted(opening.keys() | ending.keys())
        masks = [mask]
        for instant in instants:
            mask = (mask | opening.get(instant, 0)) & ~ending.get(instant, 0)
            masks.append(mask)
        return cls(tuple(instants), tuple(masks))

    def mask_at(self, now_ms: int) -> int:
        """Return the actions that are valid at `now_ms`."""
        return self.masks[bisect_right(self.instants, now_ms)]
