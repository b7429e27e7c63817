"""Puts load on a server, in two ways, and says when each answer came.

Closed: so many calls are always open; the next one goes out as one comes back. It finds out how much a server
can do, and says nothing about latency, for whoever waits asks less.

Open: calls go out when a plan says, however slow the answers are. Latency counts from the planned moment, so
that a stall of the server, or of this generator, counts against everybody who would have called meanwhile.
"""

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from benchmarks.load.pacing import Pacer
from benchmarks.load.wire import Connection

Nanoseconds: TypeAlias = NDArray[np.int64]

CONNECTIONS = 8
SAMPLED = 50
"""One of so many answers is kept, to be looked at."""
PATIENCE_SECONDS = 5.0
_UNANSWERED = -1
_PAUSE_SECONDS = 0.005


@dataclass(frozen=True, slots=True)
class Target:
    """What is called: a method of a server, with requests as `wire.message` framed them."""

    host: str
    port: int
    method: str
    requests: Sequence[bytes]
    metadata: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class Driven:
    """What came of some load.

    `answered` are all good answers, also those after the end of a closed loop, which count no further.
    `planned_ns`, `sent_ns` and `answered_ns` have one entry per call in the order of sending, by
    `time.monotonic_ns`; a call that failed or was never answered is an error, and has no latency. `answers`
    are a sample, as gRPC frames them.
    """

    planned_ns: Nanoseconds
    sent_ns: Nanoseconds
    answered_ns: Nanoseconds
    answered: int
    errors: int
    seconds: float
    answers: tuple[bytes, ...]

    @property
    def calls(self) -> int:
        """How many calls were answered well."""
        return int((self.answered_ns != _UNANSWERED).sum())

    @property
    def rate(self) -> float:
        """Good answers per second."""
        return self.calls / self.seconds

    @property
    def latencies_ms(self) -> NDArray[np.float64]:
        """From the planned moment to the answer, of each call that was answered well."""
        good = self.answered_ns != _UNANSWERED
        return np.asarray((self.answered_ns[good] - self.planned_ns[good]) / 1e6)

    @property
    def lateness_ms(self) -> NDArray[np.float64]:
        """How much later than planned each call went out: the generator's own part of latency."""
        return np.asarray((self.sent_ns - self.planned_ns) / 1e6)


async def closed(
    target: Target, concurrency: int, seconds: float, first: int = 0, sampled: int = SAMPLED
) -> Driven:
    """Keep so many calls open for some time. `first` is the number of the first request."""
    load = _Load(target, first, sampled)
    async with load.connected(min(CONNECTIONS, concurrency)):
        started_ns = time.monotonic_ns()
        ends_ns = started_ns + round(seconds * 1e9)

        def send_next() -> None:
            now_ns = time.monotonic_ns()
            if now_ns < ends_ns:
                load.send(now_ns)

        load.after = send_next
        for _ in range(concurrency):
            send_next()
        await asyncio.sleep(seconds)
        return await load.finished(seconds, until_ns=ends_ns)


async def open_loop(target: Target, offsets_ns: Nanoseconds, first: int = 0) -> Driven:
    """Send a call at each of the planned moments, counted from now; then wait for the last answers."""
    load = _Load(target, first, SAMPLED)
    async with load.connected(CONNECTIONS):
        planned = (time.monotonic_ns() + 2_000_000 + offsets_ns).tolist()
        sending, place = asyncio.Event(), 0

        def send_due() -> None:
            nonlocal place
            while place < len(planned) and planned[place] <= time.monotonic_ns():
                load.send(planned[place])
                place += 1
            if place < len(planned):
                pacer.at(planned[place])
            else:
                sending.set()

        pacer = Pacer(send_due)
        try:
            send_due()
            await sending.wait()
        finally:
            pacer.close()
        return await load.finished(max(1, planned[-1] - planned[0]) / 1e9)


def poisson_plan(rate: float, seconds: float, seed: int) -> Nanoseconds:
    """Return when calls of independent callers come: at random, so many per second on average."""
    calls = max(1, round(rate * seconds))
    gaps = np.random.default_rng(seed).exponential(1e9 / rate, calls)
    return np.cumsum(gaps).astype(np.int64)


@dataclass(slots=True)
class _Load:
    """Calls on their way."""

    target: Target
    first: int
    sampled: int
    connections: list[Connection] = field(default_factory=list)
    planned: list[int] = field(default_factory=list)
    sent: list[int] = field(default_factory=list)
    answered: list[int] = field(default_factory=list)
    answers: list[bytes] = field(default_factory=list)
    open: int = 0
    errors: int = 0
    after: Callable[[], None] = lambda: None

    @asynccontextmanager
    async def connected(self, connections: int) -> AsyncIterator[None]:
        target, loop = self.target, asyncio.get_running_loop()
        authority = f"{target.host}:{target.port}"
        for _ in range(connections):
            _, connection = await loop.create_connection(
                lambda: Connection(target.method, authority, self._done, target.metadata),
                target.host,
                target.port,
            )
            self.connections.append(connection)
        with _without_collector():
            try:
                yield
            finally:
                for connection in self.connections:
                    connection.close()

    def send(self, planned_ns: int) -> None:
        """Send the next request."""
        number, requests = len(self.planned), self.target.requests
        self.planned.append(planned_ns)
        self.sent.append(time.monotonic_ns())
        self.answered.append(_UNANSWERED)
        self.open += 1
        connection = self.connections[number % len(self.connections)]
        connection.call(number, requests[(self.first + number) % len(requests)])

    async def finished(self, seconds: float, until_ns: int | None = None) -> Driven:
        """Wait for the last answers, and return what came of all; those after `until_ns` do not count."""
        self.after = _nothing
        waited = 0.0
        while self.open and waited < PATIENCE_SECONDS:
            await asyncio.sleep(_PAUSE_SECONDS)
            waited += _PAUSE_SECONDS
        planned, sent, answered = (np.array(it, np.int64) for it in (self.planned, self.sent, self.answered))
        good = int((answered != _UNANSWERED).sum())
        if until_ns is not None:
            early = (answered == _UNANSWERED) | (answered <= until_ns)
            planned, sent, answered = planned[early], sent[early], answered[early]
        return Driven(planned, sent, answered, good, self.errors + self.open, seconds, tuple(self.answers))

    def _done(self, number: int, ok: bool, answer: bytes) -> None:
        self.open -= 1
        if ok:
            self.answered[number] = time.monotonic_ns()
            if not number % self.sampled:
                self.answers.append(answer)
            self.after()
        else:
            self.errors += 1
            # Not at once: a server that has gone away fails every call in no time.
            asyncio.get_running_loop().call_later(_PAUSE_SECONDS, self._after_error)

    def _after_error(self) -> None:
        self.after()  # whatever it is by then


def _nothing() -> None:
    pass


@contextmanager
def _without_collector() -> Iterator[None]:
    """Keep Python's garbage collector out of latencies."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
