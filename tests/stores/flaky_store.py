"""A store that loses replies: the commands ran, and nobody hears of it. Or one that stops when told."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from nextbest_service.errors import StoreUnavailableError
from nextbest_service.store.connection import Store
from nextbest_service.store.line import Command


class StoppedError(Exception):
    """The process ends here, as by a kill."""


@dataclass
class FlakyStore:
    """Runs commands on a real store and loses `share` of the replies, or stops after `writes` batches."""

    store: Store
    share: float = 0.0
    stop_after: int | None = None
    dice: random.Random = field(default_factory=lambda: random.Random(7))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)

    async def run(self, commands: Sequence[Command]) -> list[Any]:
        """Run the commands; whether the results arrive is another matter."""
        results = await self.store.run(commands)
        if any(command[0] == "EVALSHA" for command in commands):
            if self.stop_after == 0:
                raise StoppedError
            if self.stop_after is not None:
                self.stop_after -= 1
        if self.dice.random() < self.share:
            raise StoreUnavailableError("lost")
        return results
