"""Looks every second whether files have changed, and loads them anew once they stay as they are."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

from nextbest_service.errors import StartupError
from nextbest_service.home import write_atomically
from nextbest_service.models_in_use import ModelUseError
from nextbest_service.reload.reloader import Reloader
from nextbest_service.reload.results import Outcome
from nextbest_service.reload.sources import Look, Sources

SECONDS = 1.0
FIRST_PAUSE_SECONDS = 2.0
LONGEST_PAUSE_SECONDS = 60.0


@dataclass(slots=True)
class Settling:
    """Tells when a change is over: files look the same twice in a row, and not as when it was last told."""

    told: Look | None = None
    _seen: Look | None = None

    def is_due(self, look: Look) -> bool:
        """Take a look, and tell whether it is time to load what is there."""
        moved, self._seen = look != self._seen, look
        if moved or look == self.told:
            return False
        self.told = look
        return True


@dataclass(slots=True)
class Orders:
    """A file by which one worker asks all others of a service to load anew."""

    path: Path
    _read: str = ""

    @classmethod
    def of(cls, directory: Path) -> "Orders":
        """Return the orders of the services that keep what was good in a directory; past ones are over."""
        orders = cls(directory / "order")
        orders.is_new()
        return orders

    def give(self) -> None:
        """Ask all others.

        Raises:
            OSError: the file cannot be written.
        """
        self._read = uuid4().hex
        write_atomically(self.path, self._read)

    def is_new(self) -> bool:
        """Tell whether somebody else has asked since."""
        try:
            found = self.path.read_text()
        except OSError:
            return False
        new, self._read = found != self._read, found
        return new


@dataclass(slots=True)
class Watch:
    """Reloads what has changed. `orders` are heeded even where `files` are not watched."""

    reloader: Reloader
    sources: Sources
    orders: Orders | None = None
    files: bool = True
    settling: Settling = field(default_factory=Settling)
    now: Callable[[], float] = time.monotonic
    _not_before: float = 0.0
    _pause: float = FIRST_PAUSE_SECONDS

    async def run(self) -> None:
        """Keep what serves, then look until cancelled."""
        await self.reloader.keep_what_serves()
        while True:
            await asyncio.sleep(SECONDS)
            await self.look()

    async def look(self) -> None:
        """Look once."""
        if self.orders is not None and await asyncio.to_thread(self.orders.is_new):
            await self._reload("order")
        elif self.files and self.now() >= self._not_before:
            name = self.reloader.generation.catalog.name
            if self.settling.is_due(await asyncio.to_thread(appearance, self.sources, name)):
                await self._reload("watch")

    async def _reload(self, why: str) -> None:
        found = await self.reloader.reload(why)
        if found.outcome is Outcome.POSTPONED:
            self.settling.told = None
            self._not_before = self.now() + self._pause
            self._pause = min(2 * self._pause, LONGEST_PAUSE_SECONDS)
        else:
            self._pause = FIRST_PAUSE_SECONDS


def appearance(sources: Sources, catalog: str) -> Look:
    """Return how the files of a service look; what keeps them from being found is a look of its own."""
    try:
        return sources.look(catalog)
    except (StartupError, ModelUseError, OSError) as error:
        return ((str(error), 0, 0, 0),)
