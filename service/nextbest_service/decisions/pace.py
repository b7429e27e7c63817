"""How much time there is, and how much a decision takes: what cannot be finished in time is not begun."""

import sys
from dataclasses import dataclass
from time import perf_counter_ns
from typing import TypeAlias

Until: TypeAlias = int
"""When an answer must be on its way, by `perf_counter_ns`."""
NEVER: Until = sys.maxsize
SHORTEST_READ_NS = 1_000_000
"""With less than this no reading is begun: on a quiet machine it takes half of it."""
TO_THE_CALLER_SECONDS = 0.002
TO_THE_CALLER_SHARE = 0.1
"""What is kept of a deadline for the way of the question and of the answer: the larger of both."""
_SHIFT = 3


def until(seconds: float) -> Until:
    """Return when an answer must be on its way that a caller waits for so long."""
    kept = max(TO_THE_CALLER_SECONDS, TO_THE_CALLER_SHARE * seconds)
    return perf_counter_ns() + int((seconds - kept) * 1e9)


def left_ns(end: Until) -> int:
    """Return how much time is left, negative once it is over."""
    return end - perf_counter_ns()


@dataclass(slots=True)
class Pace:
    """What ranking by the model takes: a moving average, twice which is taken to suffice."""

    average_ns: int = 0

    def suffices(self, left: int) -> bool:
        """Tell whether so much time is enough. A pace that is never enough is forgotten bit by bit."""
        if left >= 2 * self.average_ns:
            return True
        self.average_ns -= self.average_ns >> _SHIFT
        return False

    def took(self, microseconds: int) -> None:
        """Take note of what it took."""
        self.average_ns += (microseconds * 1000 - self.average_ns) >> _SHIFT
