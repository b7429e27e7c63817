"""What comes in besides questions: items of batches, by what became of them, and how old events were."""

from collections.abc import Iterable

from nextbest_service.metrics.durations import AGE_BOUNDS_US, Durations

KINDS = ("event", "outcome", "profile")
FATES = ("unspecified", "applied", "duplicate", "stale", "rejected")
"""What can become of an item, each at the place of its number in the contract's ItemStatus."""


class Items:
    """Items that came in. `counts` has, by kind, their number by the place of their fate."""

    __slots__ = ("counts", "event_ages")

    def __init__(self) -> None:
        self.counts = {kind: [0] * len(FATES) for kind in KINDS}
        self.event_ages = Durations(AGE_BOUNDS_US)

    def add(self, kind: str, fates: Iterable[int]) -> None:
        """Count what became of the items of a batch."""
        counts = self.counts[kind]
        for fate in fates:
            counts[fate] += 1

    def add_ages(self, times_ms: Iterable[int], now_ms: int) -> None:
        """Count how long ago events happened that came in now."""
        for time_ms in times_ms:
            self.event_ages.add(max(0, now_ms - time_ms) * 1000)
