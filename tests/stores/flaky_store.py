"""A store that loses replies: the commands ran, and nobody hears of it. Or one that stops when told.

Or one to which others come first, or that takes its time.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from nextbest_service.errors import StoreUnavailableError
from nextbest_service.store.connection import Store
from nextbest_service.store.line import Command


class StoppedError(Exception):
    """The process ends here, as by a kill."""


@dataclass
class FlakyStore:
    """Runs commands on a real store and loses `share` of the replies, or stops after `stop_after` writes.

    `first` is what somebody else does before the batch of commands at that place, counted from now on, and
    `before_write` what they do before the first writes. Every
    second batch is held up for up to `pause_seconds` before it runs, and every third reply after that.
    """

    store: Store
    share: float = 0.0
    stop_after: int | None = None
    first: dict[int, Callable[[], Awaitable[object]]] = field(default_factory=dict)
    before_write: Callable[[], Awaitable[object]] | None = None
    pause_seconds: float = 0.0
    dice: random.Random = field(default_factory=lambda: random.Random(7))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)

    async def run(self, commands: Sequence[Command]) -> list[Any]:
        """Run the commands; whether the results arrive is another matter."""
        somebody = self.first.pop(0, None)
        self.first = {place - 1: it for place, it in self.first.items()}
        if somebody is not None:
            await somebody()
        writes = any(command[0] == "EVALSHA" for command in commands)
        if writes and self.before_write is not None:
            others, self.before_write = self.before_write, None
            await others()
        await self._pause(1 / 2)
        results = await self.store.run(commands)
        await self._pause(1 / 3)
        if writes:
            if self.stop_after == 0:
                raise StoppedError
            if self.stop_after is not None:
                self.stop_after -= 1
        if self.dice.random() < self.share:
            raise StoreUnavailableError("lost")
        return results

    async def _pause(self, share: float) -> None:
        if self.pause_seconds and self.dice.random() < share:
            await asyncio.sleep(self.dice.random() * self.pause_seconds)
