"""A worker as its supervisor sees it: a process, what it says over its pipe, and the watch over it."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self

import structlog

from nextbest_service.settings import Settings
from nextbest_service.workers.orders import Orders
from nextbest_service.workers.pulse import BEAT_SECONDS, READY

WORKER = (sys.executable, "-m", "nextbest_service.workers")
START_SECONDS = 300.0
"""A worker that is not ready yet may be silent so long: the first start on a machine compiles."""
STOP_SECONDS = 5.0
"""What a worker may take to end beyond the grace for calls in flight."""
_CHUNK = 4096

log = structlog.get_logger()


@dataclass(eq=False, slots=True)
class Worker:
    """A process that was started, watched until it ends."""

    number: int
    settings: Settings
    process: asyncio.subprocess.Process
    heard: float
    """When it last gave a sign of life, by the event loop's clock."""
    ready_at: float | None = None
    _settled: asyncio.Event = field(default_factory=asyncio.Event)
    """It is ready, or has ended."""
    _ended: asyncio.Task[int] = field(init=False)

    @classmethod
    async def start(cls, number: int, settings: Settings, command: Sequence[str] = WORKER) -> Self:
        """Start a worker by a command and give it its orders."""
        ours, theirs = os.pipe()
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=subprocess.PIPE,
                pass_fds=(theirs,),
                start_new_session=True,  # Ctrl-C must reach the supervisor alone: it has an order to keep
            )
        finally:
            os.close(theirs)
        os.set_blocking(ours, False)
        worker = cls(number, settings, process, asyncio.get_running_loop().time())
        worker._ended = asyncio.create_task(worker._watched(ours))
        assert process.stdin is not None
        with suppress(ConnectionError):  # it ended at once, which will be seen
            process.stdin.write(Orders(number, theirs, settings).to_json())
            await process.stdin.drain()
        process.stdin.close()
        return worker

    @property
    def is_ready(self) -> bool:
        """Whether it serves."""
        return self.ready_at is not None and not self._ended.done()

    async def becomes_ready(self) -> bool:
        """Wait until it serves, and tell whether it does: it may have ended before."""
        await self._settled.wait()
        return self.is_ready

    async def ended(self) -> int:
        """Wait until its process is gone and return the exit code, negative for a signal."""
        return await asyncio.shield(self._ended)

    def when_ended(self, tell: Callable[[Self], object]) -> None:
        """Have something called with it once it is gone."""
        self._ended.add_done_callback(lambda _: tell(self))

    async def dismissed(self) -> None:
        """Let it end what it has begun, and wait until it is gone."""
        self._signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(self.settings.drain_seconds + STOP_SECONDS):
                await self.ended()
        except TimeoutError:
            log.error("worker_killed", worker=self.number, why="it did not stop in time")
            self._signal(signal.SIGKILL)
            await self.ended()

    async def _watched(self, pipe: int) -> int:
        loop = asyncio.get_running_loop()
        loop.add_reader(pipe, self._hear, pipe)
        watch = asyncio.create_task(self._watch())
        try:
            return await self.process.wait()
        finally:
            watch.cancel()
            loop.remove_reader(pipe)
            os.close(pipe)
            self._settled.set()

    def _hear(self, pipe: int) -> None:
        loop = asyncio.get_running_loop()
        said = os.read(pipe, _CHUNK)
        if not said:  # it has closed its end, and is about to go
            loop.remove_reader(pipe)
            return
        self.heard = loop.time()
        if READY in said:
            self.ready_at = self.heard
            self._settled.set()

    async def _watch(self) -> None:
        """Kill the process once it has been silent for too long."""
        loop = asyncio.get_running_loop()
        while True:
            expected = loop.time() + BEAT_SECONDS
            await asyncio.sleep(BEAT_SECONDS)
            # Where we were held up ourselves, so may have been everybody: that is no silence.
            self.heard += max(0.0, loop.time() - expected)
            limit = START_SECONDS if self.ready_at is None else self.settings.watchdog_seconds
            if loop.time() - self.heard > limit:
                log.error("worker_killed", worker=self.number, why=f"no sign of life for {limit:g} s")
                self._signal(signal.SIGKILL)
                return

    def _signal(self, number: int) -> None:
        with suppress(ProcessLookupError):
            self.process.send_signal(number)
