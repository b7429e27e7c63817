"""The product book: one round trip per batch, and what was read is good for a minute."""

import redis

from nextbest_service.store import keys
from nextbest_service.store.connection import Store, connect
from nextbest_service.store.line import Command
from nextbest_service.store.products import FRESH_SECONDS, ProductBook, product_commands

BOOK = {"brie": {"category": ("dairy", "soft")}, "merlot": {"category": ("wine",), "region": ("south",)}}


class CountingStore:
    """A store that counts its round trips."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.trips = 0

    async def run(self, commands: list[Command]) -> list[object]:
        """Run commands."""
        self.trips += 1
        return await self.store.run(commands)


class Desk:
    """A product book over a real store, with a watch that is moved by hand."""

    def __init__(self, url: str, room: int = 100) -> None:
        self.store = CountingStore(connect(url, 2000))
        self.seconds = 0.0
        self.book = ProductBook(self.store, room, lambda: self.seconds)  # type: ignore[arg-type]


def write(valkey: redis.Redis, book: dict[str, dict[str, tuple[str, ...]]]) -> None:
    """Write products into the store."""
    for command in product_commands(book):
        valkey.execute_command(*command)


async def test_products_come_with_their_keys_and_unknown_ones_not_at_all(
    each_valkey_url: str, each_valkey: redis.Redis
) -> None:
    write(each_valkey, BOOK)
    desk = Desk(each_valkey_url)
    assert await desk.book.keys_of(["brie", "merlot", "unheard-of", "brie"]) == BOOK
    assert desk.store.trips == 1
    await desk.store.store.aclose()


async def test_what_was_read_is_good_for_a_minute_also_that_there_is_nothing(
    valkey_url: str, valkey: redis.Redis
) -> None:
    desk = Desk(valkey_url)
    assert await desk.book.keys_of(["brie"]) == {}
    write(valkey, BOOK)
    desk.seconds = FRESH_SECONDS
    assert await desk.book.keys_of(["brie"]) == {}
    assert desk.store.trips == 1
    desk.seconds = FRESH_SECONDS + 1
    assert await desk.book.keys_of(["brie"]) == {"brie": BOOK["brie"]}
    assert desk.store.trips == 2
    await desk.store.store.aclose()


async def test_of_too_many_products_those_asked_for_last_stay(valkey_url: str, valkey: redis.Redis) -> None:
    write(valkey, BOOK)
    desk = Desk(valkey_url, room=1)
    await desk.book.keys_of(["brie"])
    await desk.book.keys_of(["merlot"])
    await desk.book.keys_of(["merlot"])
    assert desk.store.trips == 2
    await desk.book.keys_of(["brie"])
    assert desk.store.trips == 3
    await desk.store.store.aclose()


async def test_a_damaged_product_has_no_keys(valkey_url: str, valkey: redis.Redis) -> None:
    write(valkey, BOOK)
    for blob in (b"\xc1", b"\x93\x01\x02\x03", b""):
        valkey.hset(keys.PRODUCTS, "brie", blob)  # type: ignore[arg-type]
        desk = Desk(valkey_url)
        assert await desk.book.keys_of(["brie", "merlot"]) == {"merlot": BOOK["merlot"]}
        await desk.store.store.aclose()


async def test_no_product_is_no_question(valkey_url: str) -> None:
    desk = Desk(valkey_url)
    assert await desk.book.keys_of([]) == {}
    assert desk.store.trips == 0
