"""How much may be said: whoever fails in a loop must not fill the disk."""

from collections.abc import Callable
from time import monotonic


class Limit:
    """Allows something so many times in a period, and counts what it did not allow since it last did."""

    __slots__ = ("_began", "_clock", "_left", "_most", "_seconds", "_unsaid")

    def __init__(self, most: int, seconds: float, clock: Callable[[], float] = monotonic) -> None:
        self._most = most
        self._seconds = seconds
        self._clock = clock
        self._began = clock()
        self._left = most
        self._unsaid = 0

    def unsaid(self) -> int | None:
        """Return how many times it was not allowed before, where it is allowed now; None where it is not."""
        now = self._clock()
        if now - self._began >= self._seconds:
            self._began, self._left = now, self._most
        if not self._left:
            self._unsaid += 1
            return None
        self._left -= 1
        unsaid, self._unsaid = self._unsaid, 0
        return unsaid
