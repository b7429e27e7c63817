"""Who decides: this process, several on this machine, or those of a Dask cluster. All look like executors."""

import asyncio
import atexit
import gc
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

import uvloop

from nextbest_models.distributed import dask_client
from nextbest_service.batch.engine import Decided, Engine, Part
from nextbest_service.batch.job import Job
from nextbest_service.bulk.sources import Source

P = ParamSpec("P")
R = TypeVar("R")
ALONE_ROWS = 10_000
"""Up to so many rows a second process would take longer to start than it saves."""
MOST_WORKERS = 64


def workers_for(source: Source) -> int:
    """Return a sensible number of processes for a file: one, or one per core up to four."""
    return 1 if source.size <= ALONE_ROWS else max(1, min(os.cpu_count() or 1, 4))


@contextmanager
def local_workers(count: int) -> Iterator[Executor]:
    """Yield this process, or so many others, as workers."""
    if count == 1:
        with _Here() as here:
            yield here
        return
    # Spawned, for a fork would take numba's and LightGBM's threads along half.
    spawning = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(count, mp_context=spawning, initializer=_leave_interrupts) as pool:
        try:
            yield pool
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _leave_interrupts() -> None:
    """Let whoever started this process say what is to be said when somebody presses Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextmanager
def dask_workers(where: str) -> Iterator[tuple[Executor, int]]:
    """Yield the workers of a Dask cluster, and how many they are: `local:N`, or a scheduler's address.

    Raises:
        DaskError: Dask is not installed, or nobody answers.
    """
    with dask_client(where) as client:
        count = len(client.scheduler_info(n_workers=-1)["workers"])
        # Not pure: a part that is decided again may be decided otherwise.
        yield client.get_executor(pure=False, retries=1), max(count, 1)


def decide_part(job: Job, part: Part) -> Decided:
    """Decide a part in this process, whose engine stays open for the next one.

    Raises:
        StartupError: the store does not answer.
    """
    with _TURN:
        return _engine(job).decide(part)


def close_engine() -> None:
    """Close the engine of this process, if there is one."""
    with _TURN:
        if _OPEN:
            _OPEN.pop().close()


@dataclass(frozen=True, slots=True)
class _OpenEngine:
    """An engine with the event loop that it lives on."""

    engine: Engine
    runner: asyncio.Runner
    closing: Any

    @classmethod
    def of(cls, job: Job) -> "_OpenEngine":
        runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        context = Engine.opened(job)
        try:
            return cls(runner.run(context.__aenter__()), runner, context)
        except BaseException:
            runner.close()
            raise

    def decide(self, part: Part) -> Decided:
        was_on = gc.isenabled()
        gc.disable()  # nothing here holds itself
        try:
            return self.runner.run(self.engine.decide(part))
        finally:
            gc.collect(0)
            if was_on:
                gc.enable()

    def close(self) -> None:
        self.runner.run(self.closing.__aexit__(None, None, None))
        self.runner.close()


_TURN = threading.Lock()
"""Dask's workers have threads, and an engine has one event loop."""
_OPEN: list[_OpenEngine] = []
atexit.register(close_engine)


def _engine(job: Job) -> _OpenEngine:
    if _OPEN and _OPEN[0].engine.job != job:
        _OPEN.pop().close()
    if not _OPEN:
        _OPEN.append(_OpenEngine.of(job))
    return _OPEN[0]


class _Here(Executor):
    """Does at once what it is asked for, in this process."""

    def submit(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> "Future[R]":
        future = Future[R]()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        del wait, cancel_futures
        close_engine()
