"""Links and unlinks: whatever happens at the same moment, or stops half way, every purchase is there once."""

import asyncio
import contextlib
import random
from itertools import pairwise

import pytest
from flaky_store import StoppedError
from persons_in_valkey import World, bought, buy

from nextbest_service.errors import InvalidRequestError, ServiceError, StoreUnavailableError
from nextbest_service.store.keys import Identity
from nextbest_service.store.links import Linked

ANNA, BERT = Identity("customer", "anna"), Identity("customer", "bert")
COOKIE, TABLET = Identity("cookie", "c1"), Identity("device", "tablet")
EIGHT = [ANNA, COOKIE, TABLET, *(Identity("cookie", f"x{number}") for number in range(5))]


async def a_shopper_under_each(world: World, *names: Identity) -> None:
    await world.people.update([buy(world, [name], f"by {name.id}") for name in names])


def products_of(*names: Identity) -> list[str]:
    return sorted(f"by {name.id}" for name in names)


async def test_a_link_makes_one_person_of_two(world: World) -> None:
    await a_shopper_under_each(world, ANNA, COOKIE)
    linked = await world.links.link([COOKIE, ANNA], "login", None)
    assert linked.merged
    assert [member.identity for member in linked.person.members] == [ANNA, COOKIE]
    assert await bought(world, ANNA) == await bought(world, COOKIE) == products_of(ANNA, COOKIE)


async def test_a_repeated_link_changes_nothing(world: World) -> None:
    await a_shopper_under_each(world, ANNA, COOKIE)
    await world.links.link([COOKIE, ANNA], "login", None)
    again = await world.links.link([ANNA, COOKIE], "login", None)
    assert not again.merged
    assert await bought(world, ANNA) == products_of(ANNA, COOKIE)


async def test_a_link_of_strangers_makes_them_one_before_anything_happens(world: World) -> None:
    assert not (await world.links.link([COOKIE, ANNA], "login", None)).merged
    await a_shopper_under_each(world, COOKIE)
    assert await bought(world, ANNA) == products_of(COOKIE)


async def test_a_link_says_who_made_it_and_when(world: World) -> None:
    await a_shopper_under_each(world, ANNA, COOKIE)
    linked = await world.links.link([COOKIE, ANNA], "web-login", 1_234)
    assert [(it.since_ms, it.source) for it in linked.person.members] == [(0, ""), (1_234, "web-login")]


async def test_a_chain_of_links_makes_one_person(world: World) -> None:
    await a_shopper_under_each(world, *EIGHT)
    for one, other in pairwise(EIGHT[::-1]):
        await world.links.link([one, other], "chain", None)
    for name in EIGHT:
        assert await bought(world, name) == products_of(*EIGHT)


async def test_two_customer_numbers_are_two_persons(world: World) -> None:
    await a_shopper_under_each(world, ANNA, BERT)
    with pytest.raises(InvalidRequestError):
        await world.links.link([ANNA, BERT], "mistake", None)
    assert await bought(world, ANNA) == products_of(ANNA)
    assert await bought(world, BERT) == products_of(BERT)


async def test_a_second_customer_number_is_refused_also_where_nobody_knows_it_yet(world: World) -> None:
    await world.links.link([COOKIE, ANNA], "login", None)
    with pytest.raises(InvalidRequestError):
        await world.links.link([COOKIE, BERT], "mistake", None)
    assert await world.person(BERT) is None


@pytest.mark.parametrize("place", range(6))
async def test_who_is_born_while_a_link_is_under_way_is_linked_all_the_same(world: World, place: int) -> None:
    await a_shopper_under_each(world, ANNA)
    world.come_first(place, lambda: a_shopper_under_each(world, COOKIE))
    linked = await world.links.link([COOKIE, ANNA], "login", None)
    assert {member.identity for member in linked.person.members} == {ANNA, COOKIE}
    await a_shopper_under_each(world, COOKIE)  # if the link was done before
    assert await bought(world, ANNA) == await bought(world, COOKIE) == products_of(ANNA, COOKIE)


@pytest.mark.parametrize("seed", range(6))
async def test_links_purchases_and_unlinks_at_once_lose_nothing(world: World, seed: int) -> None:
    dice = random.Random(seed)
    acknowledged: list[str] = []

    async def shop(number: int) -> None:
        (result,) = await world.people.update([buy(world, [dice.choice(EIGHT)], f"p{number}")])
        assert not isinstance(result, ServiceError)
        acknowledged.append(f"p{number}")

    async def link() -> None:
        await world.links.link(dice.sample(EIGHT, 2), "", None)

    async def unlink() -> None:
        await world.links.unlink([dice.choice(EIGHT)])

    steps = (
        [shop(number) for number in range(40)] + [link() for _ in range(12)] + [unlink() for _ in range(4)]
    )
    dice.shuffle(steps)
    await asyncio.gather(*steps)
    assert await world.everything_bought(EIGHT) == sorted(acknowledged)
    await world.links.link(EIGHT, "all", None)
    for name in EIGHT:
        assert await bought(world, name) == sorted(acknowledged)


async def test_links_with_lost_replies_lose_nothing(world: World) -> None:
    await a_shopper_under_each(world, *EIGHT)
    world.lose_replies(0.3)

    async def link(one: Identity, other: Identity) -> Linked:
        for _ in range(50):
            try:
                return await world.links.link([one, other], "", None)
            except StoreUnavailableError:
                continue
        raise AssertionError("never linked")

    await asyncio.gather(*(link(one, other) for one, other in pairwise(EIGHT)))
    world.lose_replies(0.0)
    for name in EIGHT:
        assert await bought(world, name) == products_of(*EIGHT)


@pytest.mark.parametrize("writes", range(4))
async def test_a_link_that_stopped_half_way_is_seen_whole_or_not_at_all_and_can_be_finished(
    world: World, writes: int
) -> None:
    await a_shopper_under_each(world, ANNA, COOKIE)
    world.stop_after(writes)
    with contextlib.suppress(StoppedError):
        await world.links.link([COOKIE, ANNA], "login", None)
    world.go_on()
    assert await world.everything_bought([ANNA, COOKIE]) == products_of(ANNA, COOKIE)
    assert await bought(world, COOKIE) in (products_of(COOKIE), products_of(ANNA, COOKIE))
    await world.people.update([buy(world, [COOKIE], "later")])
    assert await world.everything_bought([ANNA, COOKIE]) == sorted([*products_of(ANNA, COOKIE), "later"])
    await world.links.link([COOKIE, ANNA], "login", None)
    assert await bought(world, ANNA) == sorted([*products_of(ANNA, COOKIE), "later"])


HALF_LINKED = [COOKIE, TABLET]
"""Two who are one person, on their way to Anna when she is erased."""


async def anna_goes_while_others_are_about_to_join(world: World) -> None:
    await a_shopper_under_each(world, ANNA, *HALF_LINKED)
    await world.links.link(HALF_LINKED, "login", None)
    world.stop_after(0)
    with contextlib.suppress(StoppedError):
        await world.links.link([COOKIE, ANNA], "login", None)
    world.go_on()
    await world.links.erase(ANNA, 60_000)


@pytest.mark.parametrize("name", HALF_LINKED)
async def test_who_was_about_to_join_somebody_erased_is_as_before(world: World, name: Identity) -> None:
    await anna_goes_while_others_are_about_to_join(world)
    assert await bought(world, name) == products_of(*HALF_LINKED)
    (result,) = await world.people.update([buy(world, [name], "later")])
    assert result == "later"
    await a_shopper_under_each(world, ANNA)
    for one in HALF_LINKED:
        assert await bought(world, one) == sorted([*products_of(*HALF_LINKED), "later"])
    assert await bought(world, ANNA) == products_of(ANNA)


@pytest.mark.parametrize("name", HALF_LINKED)
async def test_who_was_about_to_join_somebody_erased_can_join_and_leave_and_be_erased(
    world: World, name: Identity
) -> None:
    await anna_goes_while_others_are_about_to_join(world)
    await world.links.link([name, ANNA], "login", None)
    assert await bought(world, ANNA) == products_of(*HALF_LINKED)
    await world.links.unlink([name])
    assert await bought(world, name) == products_of(name)
    for one in (ANNA, *HALF_LINKED):
        await world.links.erase(one, 60_000)
    assert all(key.startswith(b"nb:x:") for key in await world.keys())


@pytest.mark.parametrize("name", HALF_LINKED)
@pytest.mark.parametrize("change", ["unlink", "erase"])
async def test_who_was_about_to_join_somebody_erased_can_leave_or_go_at_once(
    world: World, name: Identity, change: str
) -> None:
    await anna_goes_while_others_are_about_to_join(world)
    if change == "unlink":
        assert await world.links.unlink([name]) == (name,)
        assert [await bought(world, one) for one in HALF_LINKED] == [products_of(one) for one in HALF_LINKED]
    else:
        await world.links.erase(name, 60_000)
        assert all(key.startswith(b"nb:x:") for key in await world.keys())


async def test_an_unlink_takes_along_what_came_in_under_the_name(world: World) -> None:
    await a_shopper_under_each(world, ANNA, COOKIE)
    await world.links.link([COOKIE, ANNA, TABLET], "login", None)
    await world.people.update([buy(world, [TABLET], "by tablet")])
    assert await world.links.unlink([TABLET]) == (TABLET,)
    assert await bought(world, TABLET) == ["by tablet"]
    assert await bought(world, ANNA) == await bought(world, COOKIE) == products_of(ANNA, COOKIE)
    assert await world.links.unlink([TABLET]) == ()


async def test_an_unlink_of_the_strongest_name_leaves_the_others_together(world: World) -> None:
    await a_shopper_under_each(world, ANNA, COOKIE, TABLET)
    await world.links.link([ANNA, COOKIE, TABLET], "login", None)
    assert await world.links.unlink([ANNA]) == (ANNA,)
    assert await bought(world, ANNA) == products_of(ANNA)
    assert await bought(world, COOKIE) == await bought(world, TABLET) == products_of(COOKIE, TABLET)


@pytest.mark.parametrize("name", [ANNA, TABLET])
@pytest.mark.parametrize("writes", range(4))
async def test_an_unlink_that_stopped_half_way_loses_nothing_and_can_be_repeated(
    world: World, name: Identity, writes: int
) -> None:
    await a_shopper_under_each(world, ANNA, COOKIE, TABLET)
    await world.links.link([ANNA, COOKIE, TABLET], "login", None)
    world.stop_after(writes)
    with contextlib.suppress(StoppedError):
        await world.links.unlink([name])
    world.go_on()
    assert await world.everything_bought([ANNA, COOKIE, TABLET]) == products_of(ANNA, COOKIE, TABLET)
    await world.links.unlink([name])
    assert await bought(world, name) == products_of(name)


async def test_an_erased_person_leaves_only_tombstones(world: World) -> None:
    await a_shopper_under_each(world, ANNA, COOKIE)
    await world.links.link([ANNA, COOKIE], "login", None)
    erased = await world.links.erase(COOKIE, 60_000)
    assert erased is not None
    assert erased.person is not None
    assert all(key.startswith(b"nb:x:") for key in await world.keys())
    assert await bought(world, ANNA) == await bought(world, COOKIE) == []
    assert await world.links.erase(COOKIE, 60_000) is None


async def test_somebody_erased_can_come_back_as_a_stranger(world: World) -> None:
    await a_shopper_under_each(world, ANNA, COOKIE)
    await world.links.link([ANNA, COOKIE], "login", None)
    await world.links.erase(ANNA, 60_000)
    await a_shopper_under_each(world, COOKIE)
    assert await bought(world, COOKIE) == products_of(COOKIE)
    assert await bought(world, ANNA) == []


@pytest.mark.parametrize("writes", range(2))
async def test_an_erasure_that_stopped_half_way_can_be_repeated_by_any_name(
    world: World, writes: int
) -> None:
    await a_shopper_under_each(world, ANNA, COOKIE)
    await world.links.link([ANNA, COOKIE], "login", None)
    world.stop_after(writes)
    with contextlib.suppress(StoppedError):
        await world.links.erase(ANNA, 60_000)
    world.go_on()
    for name in (ANNA, COOKIE):
        await world.links.erase(name, 60_000)
    assert all(key.startswith(b"nb:x:") for key in await world.keys())
