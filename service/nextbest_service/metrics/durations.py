"""How long things take, counted in buckets. It imports nothing of ours: whatever is timed may use it."""

from bisect import bisect_left

CALL_BOUNDS_US = (
    *(100, 200, 300, 500, 700, 1_000, 1_500, 2_000, 3_000, 5_000, 7_000, 10_000, 20_000, 50_000),
    *(100_000, 200_000, 500_000, 1_000_000, 5_000_000),
)
STEP_BOUNDS_US = (5, 10, 20, 30, 50, 70, 100, 150, 200, 300, 500, 1_000, 2_000, 5_000, 10_000, 50_000)
ROUND_TRIP_BOUNDS_US = (
    *(50, 100, 200, 300, 500, 1_000, 2_000, 3_000, 5_000, 10_000, 20_000, 30_000, 50_000, 100_000, 500_000),
)
LAG_BOUNDS_US = (
    500,
    1_000,
    2_000,
    3_000,
    5_000,
    10_000,
    20_000,
    50_000,
    100_000,
    200_000,
    500_000,
    1_000_000,
)
SECOND_US = 1_000_000
AGE_BOUNDS_US = tuple(
    seconds * SECOND_US for seconds in (1, 10, 60, 300, 900, 3_600, 21_600, 86_400, 604_800, 2_592_000)
)


class Durations:
    """A histogram. `counts` has one bucket per bound, which it includes, and one for all that is longer."""

    __slots__ = ("bounds_us", "counts", "total_us")

    def __init__(self, bounds_us: tuple[int, ...]) -> None:
        self.bounds_us = bounds_us
        self.counts = [0] * (len(bounds_us) + 1)
        self.total_us = 0

    def add(self, microseconds: int) -> None:
        """Count one duration."""
        self.counts[bisect_left(self.bounds_us, microseconds)] += 1
        self.total_us += microseconds
