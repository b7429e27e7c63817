"""The load generator tells the truth: about latency, failures, and what it sent. Real gRPC servers."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc.aio
import numpy as np
import pytest

from benchmarks.load.driving import Driven, Target, closed, open_loop, poisson_plan
from benchmarks.load.wire import message

Handler = Callable[[bytes, Any], Awaitable[bytes]]
ANSWER = b"the answer " * 200


@asynccontextmanager
async def served(handler: Handler, requests: tuple[bytes, ...] = (b"question",)) -> AsyncIterator[Target]:
    server = grpc.aio.server()
    methods = {"Ask": grpc.unary_unary_rpc_method_handler(handler)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Echo", methods),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield Target("127.0.0.1", port, "/test.Echo/Ask", tuple(map(message, requests)))
    finally:
        await server.stop(0)


async def answer(_request: bytes, _context: object) -> bytes:
    return ANSWER


def test_every_request_reaches_the_server_and_every_answer_comes_back_whole() -> None:
    asked = list[bytes]()

    async def remember(request: bytes, _context: object) -> bytes:
        asked.append(request)
        return request * 10_000  # more than one frame

    async def run() -> Driven:
        async with served(remember, (b"one", b"two", b"three")) as target:
            return await open_loop(target, poisson_plan(200, 0.5, seed=1))

    driven = asyncio.run(run())
    assert (driven.errors, driven.answered, len(asked)) == (0, 100, 100)
    assert {asked.count(it) for it in (b"one", b"two", b"three")} == {33, 34}
    assert driven.answers[0] == message(b"one" * 10_000)


def test_a_stalled_server_counts_against_everybody_who_called_meanwhile() -> None:
    """A server that stands still for 300 ms makes about 60 of 200 calls per second late, not one."""
    calls = 0

    async def stall_once(_request: bytes, _context: object) -> bytes:
        nonlocal calls
        calls += 1
        if calls == 50:
            await stall.acquire()
            asyncio.get_running_loop().call_later(0.3, stall.release)
        async with stall:
            return ANSWER

    stall = asyncio.Lock()

    async def run() -> Driven:
        async with served(stall_once) as target:
            return await open_loop(target, poisson_plan(200, 1.0, seed=1))

    driven = asyncio.run(run())
    assert driven.errors == 0
    assert (driven.latencies_ms > 50).sum() >= 35


def test_a_stalled_generator_counts_too() -> None:
    """Calls that should have gone out during a pause of the generator are late from the planned moment on."""

    async def run() -> Driven:
        async with served(answer) as target:
            asyncio.get_running_loop().call_later(0.3, time.sleep, 0.3)
            return await open_loop(target, poisson_plan(200, 1.0, seed=1))

    driven = asyncio.run(run())
    assert (driven.lateness_ms > 50).sum() >= 35
    assert (driven.latencies_ms >= driven.lateness_ms - 1e-6).all()


def test_calls_go_out_when_they_are_planned_whatever_the_server_does() -> None:
    async def slow(_request: bytes, _context: object) -> bytes:
        await asyncio.sleep(0.5)
        return ANSWER

    async def run() -> Driven:
        async with served(slow) as target:
            return await open_loop(target, poisson_plan(100, 1.0, seed=1))

    driven = asyncio.run(run())
    assert driven.answered == 100
    assert np.median(driven.lateness_ms) < 50  # nobody waited for an answer before the next call
    assert np.median(driven.latencies_ms) >= 500


@pytest.mark.parametrize("how", ["a status", "an exception", "no such method"])
def test_every_answer_but_ok_is_an_error(how: str) -> None:
    async def sometimes(request: bytes, context: Any) -> bytes:
        if request == b"bad":
            if how == "an exception":
                raise ValueError(how)
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "no")
        return ANSWER

    async def run() -> Driven:
        async with served(sometimes, (b"good", b"bad", b"good")) as target:
            method = "/test.Echo/Other" if how == "no such method" else target.method
            asked = Target(target.host, target.port, method, target.requests)
            return await open_loop(asked, poisson_plan(300, 0.5, seed=1))

    driven = asyncio.run(run())
    assert driven.errors == (150 if how == "no such method" else 50)
    assert driven.answered + driven.errors == 150
    assert len(driven.latencies_ms) == driven.answered


def test_a_server_that_goes_away_is_an_error_and_no_endless_loop() -> None:
    called = asyncio.Event()

    async def notice(request: bytes, context: object) -> bytes:
        called.set()
        return await answer(request, context)

    async def run() -> Driven:
        async with served(notice) as target:
            load = asyncio.create_task(closed(target, 8, 3.0))
            await called.wait()
            await asyncio.sleep(0.2)
        return await load

    driven = asyncio.run(run())
    assert driven.answered > 0
    assert 8 <= driven.errors < 6_000


def test_a_closed_loop_keeps_as_many_calls_open_as_it_was_told() -> None:
    waiting = most = 0

    async def count(_request: bytes, _context: object) -> bytes:
        nonlocal waiting, most
        waiting += 1
        most = max(most, waiting)
        await asyncio.sleep(0.01)
        waiting -= 1
        return ANSWER

    async def run() -> Driven:
        async with served(count) as target:
            return await closed(target, 12, 0.5)

    driven = asyncio.run(run())
    assert most == 12
    assert driven.errors == 0
    assert driven.rate == pytest.approx(driven.calls / 0.5)


def test_plans_have_the_rate_asked_for_and_repeat() -> None:
    plan = poisson_plan(1_000, 20.0, seed=5)
    assert len(plan) == 20_000
    assert (np.diff(plan) >= 0).all()
    assert plan[-1] == pytest.approx(20e9, rel=0.05)
    assert (plan == poisson_plan(1_000, 20.0, seed=5)).all()
