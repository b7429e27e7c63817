"""Writers of one person: whoever comes at the same moment, nothing is lost and nothing is counted twice."""

import asyncio
from dataclasses import replace

from persons_in_valkey import World, bought, buy

from nextbest_service.customers.person import MAX_MEMBERS, Person
from nextbest_service.customers.portion import Reservation
from nextbest_service.errors import ServiceError, StoreUnavailableError, UnknownDecisionError
from nextbest_service.store.found import Ask
from nextbest_service.store.keys import STRANGER, Identity
from nextbest_service.store.people import Commit, Outcome
from nextbest_service.store.updates import TooManyIdentitiesError, Update

ANNA, COOKIE = Identity("customer", "anna"), Identity("cookie", "c1")
RESERVATION = Reservation("a", "0" * 32, 1_000, 10_000)


async def test_forty_writers_at_once_all_count(world: World) -> None:
    await asyncio.gather(*(world.people.update([buy(world, [ANNA], f"p{i}")]) for i in range(40)))
    assert await bought(world, ANNA) == sorted(f"p{i}" for i in range(40))


async def test_a_batch_about_one_person_is_one_write_in_its_order(world: World) -> None:
    results = await world.people.update([buy(world, [ANNA], f"p{i}") for i in range(20)])
    assert results == [f"p{i}" for i in range(20)]
    assert await bought(world, ANNA) == sorted(f"p{i}" for i in range(20))


async def test_lost_replies_neither_lose_nor_repeat_what_was_acknowledged(world: World) -> None:
    world.lose_replies(0.3)
    acknowledged = set()

    async def until_told(product: str) -> None:
        for _ in range(50):
            (result,) = await world.people.update([buy(world, [ANNA], product)])
            if not isinstance(result, ServiceError):
                acknowledged.add(product)
                return

    await asyncio.gather(*(until_told(f"p{i}") for i in range(40)))
    world.lose_replies(0.0)
    assert len(acknowledged) == 40
    assert await bought(world, ANNA) == sorted(acknowledged)


async def test_an_update_that_fails_leaves_its_neighbours_alone(world: World) -> None:
    def refuse(_person: Person, _now_ms: int) -> tuple[Person, str]:
        raise UnknownDecisionError

    who = world.naming.who([ANNA])
    bad = Update(who.refs, who.names, refuse)
    results = await world.people.update([buy(world, [ANNA], "p1"), bad, buy(world, [ANNA], "p2")])
    assert results[0] == "p1"
    assert isinstance(results[1], UnknownDecisionError)
    assert results[2] == "p2"
    assert await bought(world, ANNA) == ["p1", "p2"]


async def test_an_update_that_changes_nothing_writes_nothing(world: World) -> None:
    who = world.naming.who([ANNA, COOKIE])
    await world.people.update([Update(who.refs, who.names, lambda person, _: (person, None))])
    assert await world.keys() == []


async def test_names_that_come_along_are_learnt(world: World) -> None:
    await world.people.update([buy(world, [COOKIE, ANNA], "p1")])
    assert await bought(world, ANNA) == ["p1"]
    assert await bought(world, COOKIE) == ["p1"]
    person = await world.person(COOKIE)
    assert person is not None
    assert person.members[0].identity == ANNA  # the stronger name is the head


async def test_names_that_meet_within_a_batch_are_one_person(world: World) -> None:
    other = Identity("cookie", "c2")
    await world.people.update(
        [buy(world, [COOKIE], "p1"), buy(world, [COOKIE, ANNA], "p2"), buy(world, [ANNA, other], "p3")]
    )
    assert await bought(world, other) == ["p1", "p2", "p3"]


async def test_a_second_name_of_a_kind_that_everybody_has_once_is_not_learnt(world: World) -> None:
    bert = Identity("customer", "bert")
    await world.people.update([buy(world, [ANNA], "p1")])
    await world.people.update([buy(world, [ANNA, bert], "p2")])
    assert await bought(world, ANNA) == ["p1", "p2"]
    assert await bought(world, bert) == []


async def test_names_of_known_persons_are_not_merged_by_an_event(world: World) -> None:
    await world.people.update([buy(world, [ANNA], "p1"), buy(world, [COOKIE], "p2")])
    await world.people.update([buy(world, [ANNA, COOKIE], "p3")])
    assert await bought(world, ANNA) == ["p1", "p3"]
    assert await bought(world, COOKIE) == ["p2"]


async def test_nobody_has_more_names_than_the_limit(world: World) -> None:
    await world.people.update([buy(world, [ANNA, Identity("cookie", f"{i}")], f"p{i}") for i in range(70)])
    person = await world.person(ANNA)
    assert person is not None
    assert len(person.members) == MAX_MEMBERS
    (result,) = await world.people.update([buy(world, [ANNA, Identity("cookie", "more")], "p9")])
    assert isinstance(result, TooManyIdentitiesError)


async def test_a_reservation_is_written_only_for_the_person_as_it_was_read(world: World) -> None:
    who = world.naming.who([ANNA])
    (found,) = (await world.people.read([Ask(who.refs)])).found
    first, second = (
        Commit(found, who.refs[0], ANNA, (RESERVATION._replace(decision=f"{i:032x}"),)) for i in (1, 2)
    )
    assert await world.people.commit(first) is Outcome.WRITTEN
    assert await world.people.commit(first) is Outcome.WRITTEN
    assert await world.people.commit(second) is Outcome.CHANGED
    person = await world.person(ANNA)
    assert person is not None
    assert [it.decision for it in person.portion(who.refs[0]).reservations] == [f"{1:032x}"]


async def test_of_forty_reservations_at_once_one_wins_even_if_replies_are_lost(world: World) -> None:
    who = world.naming.who([ANNA])
    (found,) = (await world.people.read([Ask(who.refs)])).found
    world.lose_replies(0.3)

    async def reserve(number: int) -> Outcome | bytes | None:
        commit = Commit(found, who.refs[0], ANNA, (RESERVATION._replace(decision=f"{number:032x}"),))
        for _ in range(50):
            try:
                return await world.people.commit(commit)
            except StoreUnavailableError:
                continue
        return None

    outcomes = await asyncio.gather(*map(reserve, range(40)))
    assert outcomes.count(Outcome.WRITTEN) == 1
    assert outcomes.count(Outcome.CHANGED) == 39


async def test_an_answer_is_remembered_with_its_reservation_and_given_again(world: World) -> None:
    who = world.naming.who([ANNA])
    (found,) = (await world.people.read([Ask(who.refs)])).found
    commit = Commit(found, who.refs[0], ANNA, (RESERVATION,), "r1", b"first", 60_000)
    assert await world.people.commit(commit) is Outcome.WRITTEN
    assert await world.people.commit(commit) is Outcome.WRITTEN
    later = replace(commit, answer=b"second", reservations=(RESERVATION._replace(decision="f" * 32),))
    assert await world.people.commit(later) == b"first"
    (found,) = (await world.people.read([Ask(who.refs, request_id="r1")])).found
    assert found.answer == b"first"


async def test_an_answer_is_remembered_of_somebody_of_whom_nothing_else_is_known(world: World) -> None:
    who = world.naming.who([ANNA])
    (found,) = (await world.people.read([Ask(who.refs)])).found
    assert (
        await world.people.commit(Commit(found, who.refs[0], ANNA, (), "r1", b"x", 60_000)) is Outcome.WRITTEN
    )
    (found,) = (await world.people.read([Ask(who.refs, request_id="r1")])).found
    assert (found.head, found.answer) == (None, b"x")


async def test_a_lost_script_is_loaded_again(world: World) -> None:
    await world.people.update([buy(world, [ANNA], "p1")])
    await world.flush_scripts()
    await world.people.update([buy(world, [ANNA], "p2")])
    assert await bought(world, ANNA) == ["p1", "p2"]


async def test_somebody_whom_we_only_proposed_to_stays_a_stranger_until_we_are_told_anything(
    world: World,
) -> None:
    who = world.naming.who([ANNA])

    async def is_stranger() -> bool:
        (found,) = (await world.people.read([Ask(who.refs)])).found
        return STRANGER in found.fields

    (found,) = (await world.people.read([Ask(who.refs)])).found
    await world.people.commit(Commit(found, who.refs[0], ANNA, (RESERVATION,)))
    assert await is_stranger()
    await world.people.update([replace(buy(world, [ANNA], "of an outcome"), since_ms=0)])
    assert await is_stranger()
    await world.people.update([buy(world, [ANNA], "told")])
    assert not await is_stranger()
