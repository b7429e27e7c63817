"""How busy the event loop is, and how much of what can wait gives way for that.

The share of time in which the loop's thread had something to do is what Linux counts for it: the time that it
ran and the time that it waited for a core. A loop with spare time sleeps until something happens.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

SAMPLE_SECONDS = 0.1
BUSY = 0.9
"""From this share on, calls that nobody waits for give way."""
GAIN = 2.0
"""How quickly: per sample, in shares of them for each share that the loop is busier than it should be."""


class Busyness:
    """Samples how busy the thread is that it runs on. `worked` returns seconds it wanted to run so far."""

    def __init__(self, worked: Callable[[], float] | None = None) -> None:
        self._worked = worked or seconds_wanted()
        self._last: tuple[float, float] | None = None
        self.share = 0.0
        """Of the last sample, 0 to 1."""
        self.giving_way = 0.0
        """The share of calls without hurry to be refused, 0 to 1."""

    def sample(self, now: float) -> None:
        """Look again; `now` are seconds of a clock that does not jump."""
        worked = self._worked()
        if self._last is not None and now > self._last[0]:
            self.share = min(1.0, (worked - self._last[1]) / (now - self._last[0]))
            self.giving_way = min(1.0, max(0.0, self.giving_way + GAIN * (self.share - BUSY)))
        self._last = now, worked

    @asynccontextmanager
    async def sampled(self) -> AsyncIterator[None]:
        """Sample while the context lasts."""
        sampling = asyncio.create_task(self._keep_sampling())
        try:
            yield
        finally:
            sampling.cancel()

    async def _keep_sampling(self) -> None:
        while True:
            self.sample(time.monotonic())
            await asyncio.sleep(SAMPLE_SECONDS)


def seconds_wanted() -> Callable[[], float]:
    """Return what tells how many seconds the calling thread ran or waited for a core.

    Where the system does not count that, only those that it ran.
    """
    try:
        file = Path("/proc/thread-self/schedstat").resolve(strict=True)
        file.read_bytes()
    except OSError:
        return time.thread_time

    def read() -> float:
        ran, waited, _ = file.read_bytes().split()
        return (int(ran) + int(waited)) / 1e9

    return read
