"""Somebody is erased while others take names away, at every moment, and stop half way or are late."""

import asyncio
import contextlib

import pytest
from flaky_store import StoppedError
from persons_in_valkey import World, bought, buy

from nextbest_service.store.keys import Identity

ANNA, COOKIE, TABLET = Identity("customer", "anna"), Identity("cookie", "c1"), Identity("device", "tablet")
THREE = [ANNA, COOKIE, TABLET]


async def three_in_one(world: World) -> None:
    """Let each of three names buy something, and make one person of them."""
    await world.people.update([buy(world, [name], f"by {name.id}") for name in THREE])
    await world.links.link(THREE, "login", None)


@pytest.mark.parametrize("place", range(14))
@pytest.mark.parametrize("unlinked", [ANNA, COOKIE])
@pytest.mark.parametrize("first", ["erase", "unlink"])
async def test_who_is_erased_while_somebody_leaves_is_gone_and_nobody_is_left_in_pieces(
    world: World, first: str, unlinked: Identity, place: int
) -> None:
    await three_in_one(world)
    steps = {
        "erase": lambda: world.links.erase(TABLET, 60_000),
        "unlink": lambda: world.links.unlink([unlinked]),
    }
    world.come_first(place, steps.pop(first))
    (other,) = steps.values()
    await other()
    late, world.flaky.first = [*world.flaky.first.values()], {}
    for step in late:
        await step()
    await check_that_the_tablet_is_gone_and_nobody_is_left_in_pieces(world)


@pytest.mark.parametrize("place", range(12))
@pytest.mark.parametrize("writes", range(4))
@pytest.mark.parametrize("unlinked", [ANNA, COOKIE])
async def test_who_is_erased_while_an_unlink_stops_half_way_is_gone_and_nobody_is_left_in_pieces(
    world: World, each_valkey_url: str, unlinked: Identity, writes: int, place: int
) -> None:
    await three_in_one(world)
    other = World.at(each_valkey_url)
    other.stop_after(writes)

    async def stop_half_way() -> None:
        with contextlib.suppress(StoppedError):
            await other.links.unlink([unlinked])

    world.come_first(place, stop_half_way)
    await world.links.erase(TABLET, 60_000)
    await other.store.aclose()
    world.flaky.first.clear()
    await check_that_the_tablet_is_gone_and_nobody_is_left_in_pieces(world)


@pytest.mark.parametrize("place", range(12))
@pytest.mark.parametrize("unlinked", [ANNA, COOKIE])
async def test_who_is_erased_while_an_unlink_writes_late_is_gone_and_nobody_is_left_in_pieces(
    world: World, each_valkey_url: str, unlinked: Identity, place: int
) -> None:
    await three_in_one(world)
    other, has_read, may_write, has_stopped = World.at(each_valkey_url), *(asyncio.Event() for _ in range(3))

    async def wait() -> None:
        has_read.set()
        await may_write.wait()

    async def go_on_late() -> None:
        may_write.set()
        await has_stopped.wait()

    async def unlink() -> None:
        with contextlib.suppress(StoppedError):
            await other.links.unlink([unlinked])
        has_stopped.set()

    other.flaky.before_write = wait
    other.stop_after(0)
    late = asyncio.create_task(unlink())
    await has_read.wait()
    world.come_first(place, go_on_late)
    await world.links.erase(TABLET, 60_000)
    may_write.set()
    await late
    await other.store.aclose()
    world.flaky.first.clear()
    await check_that_the_tablet_is_gone_and_nobody_is_left_in_pieces(world)


async def check_that_the_tablet_is_gone_and_nobody_is_left_in_pieces(world: World) -> None:
    assert await bought(world, TABLET) == []
    for name in (ANNA, COOKIE):
        assert await bought(world, name) in ([], [f"by {name.id}"])
    left = await world.everything_bought(THREE)
    await world.people.update([buy(world, [name], f"later {name.id}") for name in THREE])
    await world.links.link(THREE, "again", None)
    everything = sorted([*left, *(f"later {name.id}" for name in THREE)])
    for name in THREE:
        assert await bought(world, name) == everything
    for name in THREE:
        await world.links.unlink([name])
    await world.links.link(THREE, "again", None)
    assert await bought(world, TABLET) == everything
