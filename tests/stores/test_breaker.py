"""The breaker: when it opens, what is asked meanwhile, when it closes."""

import asyncio
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis
from store_process import store_process

from nextbest_service.errors import StoreTimeoutError, StoreUnavailableError
from nextbest_service.store.breaker import MOST_UNANSWERED, SHORTEST_SECONDS, Breaker
from nextbest_service.store.connection import Store, connect, guarded
from nextbest_service.store.line import Command

TIMEOUT_MS = 50
PATIENCE_SECONDS = 20.0
BUSY_SECONDS = 0.5  # what a machine with other work may take longer
PING: Command = ("PING",)
LOST = redis.ConnectionError("lost")


@dataclass
class Asked:
    """Counts probes, and answers once it is told to."""

    answers: bool = False
    times: int = 0
    now: float = 0.0

    async def _probe(self) -> None:
        self.times += 1
        if not self.answers:
            raise redis.ConnectionError("still away")

    def breaker(self) -> Breaker:
        """Return a breaker that asks here."""
        return Breaker(self._probe, (redis.RedisError,), clock=lambda: self.now, dice=lambda: 0.5)


def is_open(breaker: Breaker) -> bool:
    return breaker.is_open


async def fail(asked: Asked, breaker: Breaker, times: int, seconds: float) -> None:
    for _ in range(times):
        breaker.unanswered(LOST)
        asked.now += seconds


async def test_it_opens_after_several_in_a_row_and_stays_open_until_a_probe_is_answered() -> None:
    asked = Asked()
    breaker = asked.breaker()
    await fail(asked, breaker, MOST_UNANSWERED - 1, SHORTEST_SECONDS)
    assert not breaker.is_open
    await fail(asked, breaker, 1, SHORTEST_SECONDS)
    assert breaker.is_open
    breaker.answered()  # one of those that were on their way before
    assert is_open(breaker)
    asked.answers = True
    await until(lambda: not breaker.is_open)
    assert (asked.times, breaker.opened) == (1, 1)


async def test_an_answer_between_them_begins_the_count_anew() -> None:
    asked = Asked()
    breaker = asked.breaker()
    for _ in range(5):
        await fail(asked, breaker, MOST_UNANSWERED - 1, SHORTEST_SECONDS)
        breaker.answered()
    assert not breaker.is_open


async def test_what_fails_all_at_once_opens_nothing() -> None:
    """As where this very process stood still, and all that waited was given up in one turn."""
    asked = Asked()
    breaker = asked.breaker()
    await fail(asked, breaker, 100, 0.0)
    assert not breaker.is_open
    asked.now += SHORTEST_SECONDS
    await fail(asked, breaker, 1, 0.0)
    assert is_open(breaker)
    await breaker.aclose()


async def test_one_probe_at_a_time_with_growing_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    sleep = asyncio.sleep

    async def slept(seconds: float) -> None:
        pauses.append(seconds)
        await sleep(0)

    monkeypatch.setattr(asyncio, "sleep", slept)
    asked = Asked()
    breaker = asked.breaker()
    await fail(asked, breaker, 2 * MOST_UNANSWERED, SHORTEST_SECONDS)
    while asked.times < 6:
        await sleep(0)
    asked.answers = True
    while breaker.is_open:
        await sleep(0)
    assert pauses[:6] == [0.1, 0.2, 0.4, 0.8, 1.0, 1.0]
    assert breaker.opened == 1


async def test_a_store_that_hangs_costs_a_few_waits_and_then_none(tmp_path: Path) -> None:
    with store_process(tmp_path / "store") as process:
        store = guarded(connect(process.url, TIMEOUT_MS))
        assert store.breaker is not None
        try:
            await until_answered(store)
            process.hang()
            waits = await given_up_after(store)
            assert MOST_UNANSWERED <= waits <= MOST_UNANSWERED + 2
            with pytest.raises(StoreUnavailableError) as given_up:
                await store.run([PING])
            assert given_up.value.retry_after_ms > 0
            with pytest.raises(StoreUnavailableError):
                await store.sent([PING])
            process.resume()
            await until(lambda: store.breaker is not None and not store.breaker.is_open)
            assert await store.run([PING]) == [b"PONG"]
        finally:
            await store.aclose()


async def test_a_store_that_is_not_there_is_given_up_too(tmp_path: Path) -> None:
    with store_process(tmp_path / "store") as process:
        store = guarded(connect(process.url, TIMEOUT_MS))
        try:
            await until_answered(store)
            process.kill()
            await given_up_after(store)
            process.start()
            await until(lambda: store.breaker is not None and not store.breaker.is_open)
            assert await store.run([PING]) == [b"PONG"]
        finally:
            await store.aclose()


async def test_nobody_waits_longer_for_a_line_than_for_a_reply() -> None:
    """To an address that swallows everything, as behind a firewall."""
    with socket.socket() as full, socket.socket() as first, socket.socket() as second:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for other in (first, second):  # then nobody else is let in
            other.setblocking(False)
            other.connect_ex(full.getsockname())
        store = connect(f"redis://127.0.0.1:{full.getsockname()[1]}", TIMEOUT_MS)
        started = time.monotonic()
        with pytest.raises(StoreTimeoutError):
            await store.run([PING])
        assert time.monotonic() - started < TIMEOUT_MS / 1000 + BUSY_SECONDS
        await store.aclose()


async def given_up_after(store: Store) -> int:
    """Return how many calls it took until the breaker opened."""
    assert store.breaker is not None
    calls = 0
    while not store.breaker.is_open:
        calls += 1
        with pytest.raises(StoreUnavailableError):
            await store.run([PING])
    return calls


async def until_answered(store: Store) -> None:
    """Wait for a first answer: a busy machine may be late with it."""
    for _ in range(50):
        try:
            await store.run([PING])
        except StoreUnavailableError:
            await asyncio.sleep(0.02)
        else:
            return
    raise AssertionError("the store never answered")


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not holds():
            await asyncio.sleep(0.01)
