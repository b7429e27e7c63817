"""How a serving process stands in the world: alone, or as one of several workers."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol

from nextbest_service.home import Home, RunningService
from nextbest_service.workers.pulse import READY, beat, tell


class Role(Protocol):
    """What a process that serves does besides."""

    @property
    def number(self) -> int:
        """Which of several workers it is, from 1; 0 where it is alone."""

    @property
    def listens_early(self) -> bool:
        """Whether the port opens before anything can be answered but health."""

    @property
    def listening(self) -> Sequence[tuple[str, int]]:
        """The options of gRPC for the port."""

    def on_duty(self, stop: Callable[[], object]) -> AbstractAsyncContextManager[None]:
        """Return what the role asks for while the event loop runs; `stop` ends the service."""

    def announce_admin(self, address: str) -> None:
        """Note where operators are answered."""

    def announce(self, address: str) -> None:
        """Tell that the service is ready."""

    def withdraw(self) -> None:
        """Take that back: the service is about to stop."""


@dataclass(frozen=True, slots=True)
class Alone:
    """The only process of its service. It has the port to itself, and tells in the home where it answers."""

    home: Home
    number: int = 0
    listens_early: bool = True
    _admin: list[str] = field(default_factory=list)

    @property
    def listening(self) -> Sequence[tuple[str, int]]:
        """Nobody else gets the port: otherwise two services would share it without a word."""
        return (("grpc.so_reuseport", 0),)

    @asynccontextmanager
    async def on_duty(self, stop: Callable[[], object]) -> AsyncIterator[None]:
        """Nothing to do."""
        del stop
        yield

    def announce_admin(self, address: str) -> None:
        """Note where operators are answered: it is written down with the rest."""
        self._admin[:] = [address]

    def announce(self, address: str) -> None:
        """Write down where the service answers."""
        self.home.announce_service(RunningService(address, os.getpid(), *self._admin))

    def withdraw(self) -> None:
        """Forget where it answered."""
        self.home.withdraw_service()


@dataclass(frozen=True, slots=True)
class OneOfMany:
    """One of several workers, with a pipe to the supervisor, which knows the port and tells where it is."""

    number: int
    pipe: int
    connection_age_seconds: float
    listens_early: bool = False
    """Callers would come to it while others could answer them."""

    @property
    def listening(self) -> Sequence[tuple[str, int]]:
        """Share the port, and send callers on after a while, so that they spread over the workers again.

        gRPC varies the age by a tenth, and lets calls in flight end.
        """
        return (
            ("grpc.so_reuseport", 1),
            ("grpc.max_connection_age_ms", round(self.connection_age_seconds * 1000)),
        )

    @asynccontextmanager
    async def on_duty(self, stop: Callable[[], object]) -> AsyncIterator[None]:
        """Beat, and stop once the supervisor is gone."""
        beating = asyncio.create_task(beat(self.pipe, stop))
        try:
            yield
        finally:
            beating.cancel()

    def announce_admin(self, address: str) -> None:
        """Leave that to the supervisor, which knows the ports."""

    def announce(self, address: str) -> None:
        """Tell the supervisor, which knows the address."""
        del address
        tell(self.pipe, READY)

    def withdraw(self) -> None:
        """Leave that to the supervisor."""
