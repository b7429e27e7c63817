"""Which actions are within a window of their validity, by one binary search."""

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
        # Windows of one action lie apart or touch, so each instant flips its bit an odd number of times if
        # any.
        flips, mask = dict[int, int](), 0
        for bit, action in enumerate(actions):
            if not action.valid or action.valid[0].from_ms is None:
                mask |= 1 << bit
            for window in action.valid:
                for instant in (window.from_ms, window.until_ms):
                    if instant is not None:
                        flips[instant] = flips.get(instant, 0) ^ 1 << bit
        instants = sorted(flips)
        masks = [mask]
        for instant in instants:
            mask ^= flips[instant]
            masks.append(mask)
        return cls(tuple(instants), tuple(masks))

    def mask_at(self, now_ms: int) -> int:
        """Return the actions that are valid at `now_ms`."""
        return self.masks[bisect_right(self.instants, now_ms)]
