"""The supervisor: it holds the port, owns the store, and sees to it that all workers are there."""

import asyncio
import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count

import structlog
from pydantic import SecretStr

from nextbest_service.clock import machine_ms
from nextbest_service.home import Home, RunningService
from nextbest_service.settings import Settings
from nextbest_service.store.where import store_url
from nextbest_service.workers.endings import BrokenOffError, CrashLoopError
from nextbest_service.workers.port import held_port, joined
from nextbest_service.workers.worker import WORKER, Worker

HOPELESS = (2, 3)
"""Exit codes of a worker that would end the same way again: broken input, something needed is not there."""
MOST_SETBACKS = 8
STABLE_SECONDS = 30.0
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 10.0

log = structlog.get_logger()


def supervise(settings: Settings, command: Sequence[str] = WORKER) -> None:
    """Serve with several workers until SIGTERM or SIGINT; SIGHUP replaces them one after the other.

    `command` starts a worker.

    Raises:
        StartupError: the port is taken, or the embedded store does not start.
        BrokenOffError: the first worker found that nothing can be served, and has said why.
        CrashLoopError: workers kept dying, and none is left.
    """
    home = Home(settings.home)
    own = settings.redis_url.get_secret_value() if settings.redis_url else None
    with held_port(settings.host, settings.port) as port, store_url(home, own) as url:
        own_ones = {"port": port, "redis_url": SecretStr(url), "started_ms": machine_ms()}
        served = settings.model_copy(update=own_ones)
        asyncio.run(Supervisor(served, home, command).run())


@dataclass(eq=False, slots=True)
class _Seat:
    """The place of one worker. Who puts another one there holds the lock."""

    number: int
    worker: Worker | None = None
    setbacks: int = 0
    """How many workers in a row died here before they had served for a while."""
    changing: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def is_ready(self) -> bool:
        return self.worker is not None and self.worker.is_ready


class Supervisor:
    """Keeps `settings.workers` workers at one address."""

    def __init__(self, settings: Settings, home: Home, command: Sequence[str]) -> None:
        self._settings = settings
        self._command = command
        self._home = home
        self._seats = [_Seat(number) for number in range(1, settings.workers + 1)]
        self._alive: set[Worker] = set()
        self._to_roll = asyncio.Event()

    async def run(self) -> None:
        """Start the workers and keep them until a signal says stop; then let all of them end their work."""
        stopping, loop = asyncio.Event(), asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopping.set)
        loop.add_signal_handler(signal.SIGHUP, self._to_roll.set)
        keeping = asyncio.create_task(self._serve())
        stop = asyncio.create_task(stopping.wait())
        try:
            await asyncio.wait({keeping, stop}, return_when=asyncio.FIRST_COMPLETED)
            if keeping.done():
                keeping.result()
        finally:
            self._home.withdraw_service()
            await _ended(keeping, stop)
            await asyncio.gather(*(worker.dismissed() for worker in [*self._alive]))
            log.info("all_workers_stopped")

    async def _serve(self) -> None:
        """Fill all seats, the first one first: what is broken is told once, and compiled once."""
        first, *others = self._seats
        await self._fill(first)
        await asyncio.gather(*(self._fill(seat) for seat in others))
        address = joined(self._settings.host, self._settings.port)
        self._home.announce_service(RunningService(address, os.getpid(), self._admin_address()))
        log.info("all_workers_ready", address=address, workers=len(self._seats))
        tasks = [asyncio.create_task(self._keep(seat)) for seat in self._seats]
        tasks.append(asyncio.create_task(self._roll_when_asked()))
        try:
            await asyncio.gather(*tasks)
        finally:
            await _ended(*tasks)

    def _admin_address(self) -> str:
        """Return where the first worker answers operators; empty where nobody knows or does."""
        port = self._settings.admin_port
        return joined(self._settings.admin_host, port + 1) if port else ""

    async def _fill(self, seat: _Seat) -> None:
        """Start a worker for an empty seat, again and again until one is ready."""
        for attempt in count():
            seat.worker = worker = await self._start(seat.number)
            if await worker.becomes_ready():
                return
            code = await worker.ended()
            if not attempt and seat.number == 1 and code in HOPELESS:
                raise BrokenOffError(code)
            await self._take_setback(seat, worker, code)

    async def _keep(self, seat: _Seat) -> None:
        """Replace whoever dies in a seat."""
        while True:
            worker = seat.worker
            assert worker is not None
            code = await worker.ended()
            async with seat.changing:
                if seat.worker is worker:  # else it was relieved
                    await self._take_setback(seat, worker, code)
                    await self._fill(seat)
                    log.info("worker_replaced", worker=seat.number)

    async def _take_setback(self, seat: _Seat, worker: Worker, code: int) -> None:
        """Note that a worker died, and pause before the next one, longer each time.

        Raises:
            CrashLoopError: it happened too often, and nobody else serves.
        """
        served = asyncio.get_running_loop().time() - worker.ready_at if worker.ready_at else 0.0
        seat.setbacks = 1 if served >= STABLE_SECONDS else seat.setbacks + 1
        pause = _pause(seat.setbacks)
        log.error("worker_died", worker=seat.number, exit_code=code, again_in_seconds=pause)
        if seat.setbacks >= MOST_SETBACKS:
            log.error("crash_loop", worker=seat.number, deaths=seat.setbacks)
            if not any(other.is_ready for other in self._seats):
                raise CrashLoopError(seat.setbacks, code)
        await asyncio.sleep(pause)

    async def _roll_when_asked(self) -> None:
        while True:
            await self._to_roll.wait()
            self._to_roll.clear()
            log.info("rolling_restart")
            for seat in self._seats:
                if not await self._relieve(seat):
                    break  # the others serve as before
            else:
                log.info("rolling_restart_done")

    async def _relieve(self, seat: _Seat) -> bool:
        """Put a new worker in a seat and let the old one go once the new one serves; tell whether it does."""
        async with seat.changing:
            fresh = await self._start(seat.number)
            if not await fresh.becomes_ready():
                log.error("rolling_restart_failed", worker=seat.number, exit_code=await fresh.ended())
                return False
            old, seat.worker, seat.setbacks = seat.worker, fresh, 0
        if old is not None:
            await old.dismissed()
        return True

    async def _start(self, number: int) -> Worker:
        worker = await Worker.start(number, self._settings, self._command)
        self._alive.add(worker)
        worker.when_ended(self._alive.discard)
        return worker


def _pause(setbacks: int) -> float:
    """Return the seconds to wait after so many deaths in a row: none after the first one."""
    if setbacks <= 1:
        return 0.0
    return float(min(FIRST_PAUSE_SECONDS * 2 ** (setbacks - 2), LONGEST_PAUSE_SECONDS))


async def _ended(*tasks: asyncio.Task[object]) -> None:
    """End tasks."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
