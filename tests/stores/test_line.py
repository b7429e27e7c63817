"""All callers share one line to a server: what goes wrong for one of them harms nobody else."""

import asyncio
import random
import socket
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import redis
import trustme
import uvloop

from nextbest_service.errors import StoreTimeoutError, StoreUnavailableError
from nextbest_service.metrics.durations import ROUND_TRIP_BOUNDS_US, Durations
from nextbest_service.store import line
from nextbest_service.store.connection import Store, connect
from nextbest_service.store.line import Command

Story = Callable[[], Awaitable[None]]
Run = Callable[[Story], None]
TIMEOUT_MS, SLOW_MS, PAUSE_MS, PATIENCE_MS = 300, 1000, 1500, 5000
CALLERS = 400


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def tell(request: pytest.FixtureRequest) -> Run:
    """Run a story in an event loop of either kind."""

    def run(story: Story) -> None:
        with asyncio.Runner(loop_factory=request.param) as runner:
            runner.run(story())  # type: ignore[arg-type]

    return run


@asynccontextmanager
async def store_at(url: str, timeout_ms: int = TIMEOUT_MS) -> AsyncIterator[Store]:
    """Yield a store and close it."""
    store = connect(url, timeout_ms)
    try:
        yield store
    finally:
        await store.aclose()


def test_everybody_gets_their_own_replies_also_when_others_hang_up(
    tell: Run, each_valkey: redis.Redis, each_valkey_url: str
) -> None:
    for number in range(CALLERS):
        each_valkey.set(f"k{number}", f"<{number}>")

    async def story() -> None:
        dice = random.Random(5)
        async with store_at(each_valkey_url, PATIENCE_MS) as store:
            asked = {
                number: asyncio.create_task(store.run([("GET", f"k{number}"), ("EXISTS", f"k{number}")]))
                for number in range(CALLERS)
            }
            while not all(one.done() for one in asked.values()):
                dice.choice([*asked.values()]).cancel()
                await asyncio.sleep(0)
            answered = {number: one.result() for number, one in asked.items() if not one.cancelled()}
            assert 0 < len(answered) < CALLERS
            assert answered == {number: [f"<{number}>".encode(), 1] for number in answered}
            assert await store.run([("GET", "k7")]) == [b"<7>"]

    tell(story)


def test_round_trips_are_timed_of_one_caller_at_a_time(tell: Run, valkey_url: str) -> None:
    async def story() -> None:
        trips = Durations(ROUND_TRIP_BOUNDS_US)
        store = connect(valkey_url, PATIENCE_MS, trips)
        await asyncio.gather(*(store.run([("PING",)]) for _ in range(CALLERS)))
        assert 1 <= sum(trips.counts) < CALLERS / 10
        timed, began = sum(trips.counts), time.perf_counter()
        for _ in range(5):
            await store.run([("PING",)])
        assert sum(trips.counts) == timed + 5
        assert 0 < trips.total_us < (time.perf_counter() - began) * 1e6 + PATIENCE_MS * 1000
        await store.aclose()

    tell(story)


def test_a_store_that_hangs_counts_with_the_time_that_was_waited_for_it(tell: Run, tmp_path: Path) -> None:
    async def story() -> None:
        trips, path = Durations(ROUND_TRIP_BOUNDS_US), str(tmp_path / "silent")
        with socket.socket(socket.AF_UNIX) as server:  # it lets callers in, and says nothing
            server.bind(path)
            server.listen()
            store = connect(f"unix://{path}", TIMEOUT_MS, trips)
            with pytest.raises(StoreUnavailableError):
                await store.run([("PING",)])
            await store.aclose()
        assert sum(trips.counts) == 1
        assert trips.total_us >= TIMEOUT_MS * 900

    tell(story)


def test_what_several_callers_ask_in_one_turn_goes_out_in_one_piece(tell: Run) -> None:
    pieces: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            pieces.append(data)
            writer.write(b":1\r\n" * data.count(b"EXISTS"))

    async def story() -> None:
        async with served(serve) as url, store_at(url) as store:
            await store.run([("EXISTS", "a")])
            await asyncio.gather(*(store.run([("EXISTS", str(number))]) for number in range(20)))

    tell(story)
    assert [piece.count(b"EXISTS") for piece in pieces] == [1, 20]


def test_a_refused_command_is_an_error_in_its_place(
    tell: Run, each_valkey: redis.Redis, each_valkey_url: str
) -> None:
    each_valkey.delete("k")

    async def story() -> None:
        async with store_at(each_valkey_url) as store:
            commands: list[Command] = [("SET", "k", "1"), ("LPUSH", "k", "1"), ("INCR", "k")]
            done, refused, counted = await store.run(commands)
            assert (done, counted) == (b"OK", 2)
            assert isinstance(refused, redis.ResponseError)
            assert "wrong kind of value" in str(refused)

    tell(story)


def test_what_no_server_could_read_is_refused_and_harms_nobody(
    tell: Run, each_valkey: redis.Redis, each_valkey_url: str
) -> None:
    each_valkey.set("k", "0")

    async def story() -> None:
        async with store_at(each_valkey_url) as store:
            with pytest.raises(TypeError):
                await store.run([("SET", "k", "1"), ("SET", "k", object())])
            assert await store.run([("GET", "k")]) == [b"0"]

    tell(story)


def test_who_asks_a_store_that_hangs_waits_no_longer_than_agreed_and_it_is_found_again(
    tell: Run, valkey: redis.Redis, valkey_url: str
) -> None:
    async def story() -> None:
        async with store_at(valkey_url) as store:
            await store.run([("SET", "k", "1")])
            valkey.execute_command("CLIENT", "PAUSE", PAUSE_MS, "ALL")
            started = time.perf_counter()
            both = await asyncio.gather(
                store.run([("INCR", "k")]), store.run([("GET", "k")]), return_exceptions=True
            )
            assert [*map(type, both)] == [StoreTimeoutError] * 2
            assert time.perf_counter() - started < 0.8 * PAUSE_MS / 1000
            await asyncio.sleep(PAUSE_MS / 1000)
            (found,) = await store.run([("GET", "k")])
            assert found in (b"1", b"2")  # whether the late command still ran, nobody can know

    tell(story)


def test_a_line_that_brings_no_replies_is_not_asked_again(tell: Run) -> None:
    lines: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines.append(len(lines))
        while await reader.read(100):
            if len(lines) > 1:
                writer.write(b"+PONG\r\n")

    async def story() -> None:
        async with served(serve) as url, store_at(url) as store:
            with pytest.raises(StoreUnavailableError):
                await store.run([("PING",)])
            assert await store.run([("PING",)]) == [b"PONG"]

    tell(story)


def test_who_asks_later_than_others_is_not_given_up_with_them(tell: Run) -> None:
    """The server is slow, not dead: it answers what came last after all."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"first\r\n")
        await asyncio.sleep(1.2 * SLOW_MS / 1000)
        writer.write(b"+late\r\n+in time\r\n")
        await reader.read()

    async def story() -> None:
        async with served(serve) as url, store_at(url, SLOW_MS) as store:
            early = asyncio.create_task(store.run([("GET", "first")]))
            await asyncio.sleep(0.6 * SLOW_MS / 1000)
            late = await store.run([("GET", "second")])
            assert late == [b"in time"]
            with pytest.raises(StoreUnavailableError):
                await early

    tell(story)


def test_all_who_wait_hear_at_once_that_the_store_is_gone_and_the_next_one_connects_anew(
    tell: Run, valkey: redis.Redis, valkey_url: str
) -> None:
    async def story() -> None:
        async with store_at(valkey_url, PATIENCE_MS) as store:
            (own,) = await store.run([("CLIENT", "ID")])
            valkey.execute_command("CLIENT", "PAUSE", 200, "ALL")
            waiting = [asyncio.create_task(store.run([("PING",)])) for _ in range(3)]
            await asyncio.sleep(0.05)
            valkey.execute_command("CLIENT", "KILL", "ID", own)
            started = time.perf_counter()
            results = await asyncio.gather(*waiting, return_exceptions=True)
            assert time.perf_counter() - started < 2
            assert [*map(type, results)] == [StoreUnavailableError] * 3
            assert await store.run([("PING",)]) == [b"PONG"]

    tell(story)


def test_bytes_that_are_no_replies_end_the_line(tell: Run) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await reader.read()

    async def story() -> None:
        async with served(serve) as url, store_at(url, PATIENCE_MS) as store:
            started = time.perf_counter()
            with pytest.raises(StoreUnavailableError):
                await store.run([("PING",)])
            assert time.perf_counter() - started < PATIENCE_MS / 2000

    tell(story)


def test_more_callers_than_any_answer_could_be_in_time_for_are_turned_away(
    tell: Run, valkey_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line, "MOST_WAITING", 10)

    async def story() -> None:
        async with store_at(valkey_url) as store:
            await store.run([("PING",)])
            asked = [store.run([("PING",)]) for _ in range(15)]
            results = await asyncio.gather(*asked, return_exceptions=True)
            assert results[:10] == [[b"PONG"]] * 10
            assert [*map(type, results[10:])] == [StoreUnavailableError] * 5

    tell(story)


@pytest.mark.parametrize("password", ["se:cr/et", "wrong"])
def test_users_and_databases_in_the_url_count(password: str, tell: Run, valkey: redis.Redis) -> None:
    valkey.execute_command("ACL", "SETUSER", "anna", "on", ">se:cr/et", "~*", "+@all")
    port = listening(valkey)
    url = f"redis://anna:{quote(password, safe='')}@127.0.0.1:{port}/3"

    async def story() -> None:
        async with store_at(url) as store:
            if password == "wrong":
                with pytest.raises(StoreUnavailableError):
                    await store.run([("PING",)])
            else:
                who, info = await store.run([("ACL", "WHOAMI"), ("CLIENT", "INFO")])
                assert who == b"anna"
                assert b" db=3 " in info

    try:
        tell(story)
    finally:
        valkey.execute_command("CONFIG", "SET", "port", 0)
        valkey.execute_command("ACL", "DELUSER", "anna")


def listening(valkey: redis.Redis) -> int:
    """Let a store listen on a free port, too, and return it."""
    for _ in range(10):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port: int = free.getsockname()[1]
        try:
            valkey.execute_command("CONFIG", "SET", "port", port)
        except redis.ResponseError:  # somebody else was quicker
            continue
        return port
    raise AssertionError("no port is free")


def test_tls_is_spoken_and_certificates_are_checked(tell: Run, tmp_path: Path) -> None:
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(100):
            writer.write(b"+PONG\r\n")
        writer.close()

    async def story() -> None:
        async with served(serve, ssl=context) as url:
            secure = url.replace("redis://127.0.0.1", "rediss://localhost")
            async with store_at(f"{secure}?ssl_ca_certs={tmp_path}/ca.pem") as store:
                assert await store.run([("PING",)]) == [b"PONG"]
            async with store_at(secure) as careful:
                with pytest.raises(StoreUnavailableError):
                    await careful.run([("PING",)])

    tell(story)


@asynccontextmanager
async def served(
    serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]], **options: Any
) -> AsyncIterator[str]:
    """Yield the URL of a server that does what no real store can be made to do."""

    async def serve_and_close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()

    server = await asyncio.start_server(serve_and_close, "127.0.0.1", 0, **options)
    async with server:
        yield f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}"
