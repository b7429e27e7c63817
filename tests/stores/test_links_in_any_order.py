"""Events, links, unlinks and erasures by two services at once, slow ones that lose replies: all counts once.

When they come between each other is drawn by chance, by seed. `make fuzz` draws more of it.
"""

import asyncio
import itertools
import os
import random
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from market import books, features, order
from persons_in_valkey import World

from nextbest_service.customers.events import apply_event
from nextbest_service.customers.incoming import TrackedEvent
from nextbest_service.customers.intake import origin_of
from nextbest_service.errors import ServiceError, StoreUnavailableError
from nextbest_service.store.connection import SyncClient
from nextbest_service.store.keys import Identity
from nextbest_service.store.updates import Update

MINUTES = float(os.environ.get("FUZZ_MINUTES", "0")) / 24
SEEDS = range(8)
ANNA, *COOKIES = Identity("customer", "anna"), *(Identity("cookie", str(number)) for number in range(5))
NAMES = [ANNA, *COOKIES]
EVENTS = 14
PAUSE_SECONDS, SPREAD_SECONDS, LOSS = 0.01, 0.15, 0.1
TRIES = 300


@dataclass
class Crowd:
    """Two services at one store, and what they are asked for at any moment."""

    worlds: Sequence[World]
    dice: random.Random

    def events(self, orders: Sequence[TrackedEvent]) -> Iterator[Awaitable[None]]:
        """Yield what tells of orders: of some more than once, and under two names."""
        for event in orders:
            for _ in range(self.dice.choice([1, 1, 2, 3])):
                yield self._some_time(
                    self._tracked(event, self.dice.sample(NAMES, self.dice.choice([1, 1, 1, 2])))
                )

    def links(self) -> Iterator[Awaitable[None]]:
        """Yield links that make one person of all names, each twice, and some more."""
        chain = [*itertools.pairwise(NAMES)]
        for pair in [*chain, *chain, *(self.dice.sample(NAMES, 2) for _ in range(4))]:
            yield self._some_time(lambda world, pair=pair: world.links.link(pair, "login", None))

    def unlinks(self, count: int) -> Iterator[Awaitable[None]]:
        """Yield some unlinks."""
        for name in self.dice.choices(NAMES, k=count):
            yield self._some_time(lambda world, name=name: world.links.unlink([name]))

    def erasures(self, count: int) -> Iterator[Awaitable[None]]:
        """Yield some erasures."""
        for name in self.dice.choices(NAMES, k=count):
            yield self._some_time(lambda world, name=name: world.links.erase(name, 1_000))

    async def all_at_once(self, *steps: Iterator[Awaitable[None]]) -> None:
        """Take all steps side by side; then nothing is slow any more, and nothing is lost."""
        for world in self.worlds:
            world.flaky.pause_seconds, world.flaky.share = PAUSE_SECONDS, LOSS
        await asyncio.gather(*itertools.chain(*steps))
        for world in self.worlds:
            world.flaky.pause_seconds, world.flaky.share = 0.0, 0.0

    def _tracked(self, event: TrackedEvent, names: Sequence[Identity]) -> Callable[[World], Awaitable[Any]]:
        async def tracked(world: World) -> None:
            who = world.naming.who(names)
            (result,) = await world.people.update(
                [
                    Update(
                        who.refs,
                        who.names,
                        lambda person, now_ms: apply_event(
                            books(), person, origin_of(person, who, world.naming), event, now_ms
                        ),
                    )
                ]
            )
            if isinstance(result, ServiceError):
                raise result

        return tracked

    async def _some_time(self, step: Callable[[World], Awaitable[Any]]) -> None:
        """Take a step at one of the services, again and again until it is acknowledged."""
        world, wait = self.dice.choice(self.worlds), self.dice.random() * SPREAD_SECONDS
        await asyncio.sleep(wait)
        for _ in range(TRIES):
            try:
                await step(world)
            except StoreUnavailableError:
                await asyncio.sleep(PAUSE_SECONDS / 5)
            else:
                return
        raise AssertionError("it is never acknowledged")


def some_orders() -> list[TrackedEvent]:
    """Return orders of this moment, that can still be taken back."""
    now_ms = time.time_ns() // 1_000_000
    return [order(f"o{number}", now_ms - number) for number in range(EVENTS)]


async def counted(world: World, name: Identity) -> tuple[set[Identity | None], int, float]:
    """Return the names of a person, how many events it remembers, and how many orders its features tell.

    No event is remembered twice.
    """
    person = await world.person(name)
    if person is None:
        return set(), 0, 0.0
    seen = [it.key for portion in person.portions for it in portion.seen]
    assert len(seen) == len({*seen}), "an event is counted twice"
    told = features(person, time.time_ns() // 1_000_000 + 1).get("orders_ever", 0.0)
    return {member.identity for member in person.members}, len(seen), told


def seeds() -> Iterator[int]:
    """Yield the usual seeds, or with `make fuzz` others until the time is up."""
    yield from SEEDS
    until = time.monotonic() + 60 * MINUTES
    while time.monotonic() < until:
        yield random.randrange(1 << 32)


async def tried(url: str, course: Callable[[Crowd], Awaitable[None]]) -> None:
    """Let a course of things happen in an empty store, once for each seed."""
    for seed in seeds():
        worlds = [World.at(url, books()) for _ in range(2)]
        for place, world in enumerate(worlds):
            world.flaky.dice = random.Random(2 * seed + place)
        try:
            await worlds[0].store.nodes.send_everywhere(("FLUSHALL",))
            await course(Crowd(worlds, random.Random(seed)))
        except Exception as error:
            error.add_note(f"seed {seed}")
            raise
        finally:
            for world in worlds:
                await world.store.aclose()


async def test_in_the_end_everybody_linked_is_one_person_who_has_everything_once(
    each_valkey_url: str, each_valkey: SyncClient
) -> None:
    del each_valkey

    async def course(crowd: Crowd) -> None:
        await crowd.all_at_once(crowd.events(some_orders()), crowd.links())
        for name in NAMES:
            assert await counted(crowd.worlds[0], name) == ({*NAMES}, EVENTS, EVENTS)

    await tried(each_valkey_url, course)


async def test_unlinks_lose_nothing_and_count_nothing_twice(
    each_valkey_url: str, each_valkey: SyncClient
) -> None:
    del each_valkey

    async def course(crowd: Crowd) -> None:
        await crowd.all_at_once(crowd.events(some_orders()), crowd.links(), crowd.unlinks(3))
        await crowd.worlds[0].links.link(NAMES, "all", None)
        for name in NAMES:
            assert await counted(crowd.worlds[1], name) == ({*NAMES}, EVENTS, EVENTS)

    await tried(each_valkey_url, course)


async def test_after_erasures_whoever_is_left_can_be_linked_and_has_nothing_twice(
    each_valkey_url: str, each_valkey: SyncClient
) -> None:
    del each_valkey

    async def course(crowd: Crowd) -> None:
        await crowd.all_at_once(
            crowd.events(some_orders()), crowd.links(), crowd.unlinks(3), crowd.erasures(2)
        )
        await crowd.worlds[0].links.link(NAMES, "all", None)
        names, events, orders = await counted(crowd.worlds[1], ANNA)
        assert (names, orders) == ({*NAMES}, events)

    await tried(each_valkey_url, course)
