"""Keeps callers from waiting for a store that does not answer: they hear so at once, and one probe asks on.

It opens after some round trips in a row without an answer, and closes with the first answer to a probe.
A stall of this process looks the same for a moment, so what fails all at once opens nothing.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable

import structlog

MOST_UNANSWERED = 3
"""So many round trips in a row without an answer open the breaker."""
SHORTEST_SECONDS = 0.04
"""They lie at least so far apart, the last from the first."""
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 1.0
"""Of the pauses between probes, on the average: each is up to a half longer or shorter."""

log = structlog.get_logger()


class Breaker:
    """Counts what a store leaves unanswered. `probe` asks it, and raises one of `no_answer` or returns.

    `is_open` is whether nobody should ask; `opened` is how often that has happened.
    """

    def __init__(
        self,
        probe: Callable[[], Awaitable[None]],
        no_answer: tuple[type[Exception], ...],
        *,
        clock: Callable[[], float] = time.monotonic,
        dice: Callable[[], float] = random.random,
    ) -> None:
        self.is_open = False
        self.opened = 0
        self._probe = probe
        self._no_answer = no_answer
        self._clock = clock
        self._dice = dice
        self._unanswered = 0
        self._since = 0.0
        self._probing: asyncio.Task[None] | None = None

    @property
    def is_quiet(self) -> bool:
        """Whether enough has been said of what is not answered."""
        return self._unanswered > MOST_UNANSWERED

    def answered(self) -> None:
        """Count a round trip that was answered."""
        self._unanswered = 0

    def unanswered(self, error: Exception) -> None:
        """Count a round trip that was not."""
        now = self._clock()
        if not self._unanswered:
            self._since = now
        self._unanswered += 1
        enough = self._unanswered >= MOST_UNANSWERED and now - self._since >= SHORTEST_SECONDS
        if enough and not self.is_open:
            self.is_open = True
            self.opened += 1
            log.error("store_breaker_open", error=type(error).__name__, unanswered=self._unanswered)
            self._probing = asyncio.get_running_loop().create_task(self._close_once_answered(now))

    async def aclose(self) -> None:
        """Ask no more."""
        if self._probing is not None:
            self._probing.cancel()
            await asyncio.gather(self._probing, return_exceptions=True)

    async def _close_once_answered(self, opened: float) -> None:
        pause = FIRST_PAUSE_SECONDS
        while True:
            # The workers of a service do not all ask at the same moment.
            await asyncio.sleep(pause * (0.5 + self._dice()))
            try:
                await self._probe()
            except self._no_answer:
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
            else:
                break
        self.is_open, self._unanswered = False, 0
        log.warning("store_breaker_closed", open_seconds=round(self._clock() - opened, 3))
