"""A store that Sentinels watch: which server is asked, before, during and after a failover."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from store_process import StoreProcess
from valkey_cluster import is_in_step, wait_until
from valkey_sentinels import Watched, valkey_sentinels

from nextbest_service.errors import StoreUnavailableError
from nextbest_service.store import sentinels
from nextbest_service.store.connection import Store, check_url, connect, connect_for_bulk, without_secrets

TIMEOUT_MS = 1_000
PATIENCE_SECONDS = 60.0


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with valkey_sentinels(tmp_path_factory.mktemp("sentinels")) as running:
        yield running


@asynccontextmanager
async def store_at(url: str) -> AsyncIterator[Store]:
    store = connect(url, TIMEOUT_MS)
    try:
        yield store
    finally:
        await store.aclose()


async def written(store: Store, value: str) -> None:
    """Write a value, and again until the store takes it."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        with contextlib.suppress(StoreUnavailableError):
            (reply,) = await store.run([("SET", "key", value)])
            if reply == b"OK":  # or nobody follows this primary yet
                return
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


def value_in(server: StoreProcess) -> bytes | None:
    """Return what stands in one server."""
    with server.client() as client:
        value = client.get("key")
        assert value is None or isinstance(value, bytes)
        return value


def test_writes_follow_the_primary_there_and_back(watched: Watched) -> None:
    async def story() -> None:
        async with store_at(watched.url) as store:
            for value in ("there", "and back"):
                await failed_over(store, value, watched.primary())

    async def failed_over(store: Store, value: str, old: StoreProcess) -> None:
        await written(store, "before")
        old.kill()
        await asyncio.to_thread(wait_until, lambda: watched.have_left(old))
        await written(store, value)
        assert value_in(watched.primary()) == value.encode()
        old.start()  # it believes to be the primary still, and is told otherwise
        await asyncio.to_thread(wait_until, lambda: is_in_step(old))
        assert value_in(old) == value.encode()

    asyncio.run(story())


def test_a_primary_that_was_demoted_behind_an_open_line_is_left_with_the_first_write_it_refuses(
    watched: Watched,
) -> None:
    async def story() -> None:
        async with store_at(watched.url) as store:
            await written(store, "here")
            primary, nodes = watched.primary(), store.nodes
            assert isinstance(nodes, sentinels.Primary)
            (other, *_) = (it for it in watched.servers if it.port != primary.port)
            with primary.client() as client:
                client.replicaof("127.0.0.1", other.port)  # nobody told the Sentinels
                with pytest.raises(StoreUnavailableError):
                    await store.run([("SET", "key", "nowhere")])
                with pytest.raises(StoreUnavailableError):  # and no replica is taken for a primary
                    await store.run([("PING",)])
                client.replicaof("NO", "ONE")
            await written(store, "here again")

    asyncio.run(story())


def test_a_sentinel_that_is_away_holds_nobody_up(watched: Watched) -> None:
    hosts = ",".join(["127.0.0.1:1", *(f"127.0.0.1:{port}" for port in watched.sentinels)])

    async def story() -> None:
        async with store_at(f"redis+sentinel://{hosts}/customers") as store:
            await written(store, "found")
        async with store_at("redis+sentinel://127.0.0.1:1/customers") as store:
            with pytest.raises(StoreUnavailableError):
                await store.run([("PING",)])
        async with store_at(f"redis+sentinel://{hosts}/unheard_of") as store:
            with pytest.raises(StoreUnavailableError):
                await store.run([("PING",)])

    asyncio.run(story())


def test_commands_of_people_find_the_primary_too(watched: Watched) -> None:
    with connect_for_bulk(watched.url + "/1") as client:
        client.set("key", "of the other database")
    with watched.primary().client() as plain:
        plain.select(1)
        assert plain.get("key") == b"of the other database"


@pytest.mark.parametrize(
    "url",
    sorted(
        [
            "redis+sentinel://host",
            "redis+sentinel://host:26379/",
            "redis+sentinel:///customers",
            "redis+sentinel://host,/customers",
            "redis+sentinel://host:port/customers",
            "redis+sentinel://host/customers/first",
            "redis+sentinel://host/customers?nonsense=1",
        ]
    ),
)
def test_urls_that_mean_nothing_are_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(ValueError, match=r"redis\+sentinel://host:26379") as refused:
        check_url(url.replace("//", "//user:secret@"))
    assert "secret" not in str(refused.value)


def test_a_url_says_how_the_primary_and_the_sentinels_are_spoken_to() -> None:
    url = "rediss+sentinel://me:secret@a:1,[::1]/customers/3?ssl_ca_certs=/ca&sentinel_password=other"
    watched = sentinels.Watched.of(url)
    assert watched.primary("b", 2) == "rediss://me:secret@b:2/3?ssl_ca_certs=%2Fca"
    assert watched.primary("::2", 2).startswith("rediss://me:secret@[::2]:2/3?")
    assert watched.sentinels() == [
        "rediss://a:1?ssl_ca_certs=%2Fca&password=other",
        "rediss://[::1]:26379?ssl_ca_certs=%2Fca&password=other",
    ]
    assert "secret" not in repr(watched)
    assert without_secrets(url) == "rediss+sentinel://a:1,[::1]/customers/3"
