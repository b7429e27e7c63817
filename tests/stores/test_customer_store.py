"""What a decision reads: the customer, the kills and the volumes, of one moment and in one round trip."""

from collections.abc import Sequence
from typing import Any, cast

import pytest
from persons_in_valkey import World
from samples import NOW_MS
from shoppers import ANNA, CODEC, COOKIE, ONLINE, RING, WHOLE, person_of

from nextbest_rules.records import Kill
from nextbest_service.clock import FixedClock, StoreClock
from nextbest_service.customers.linking import Linking
from nextbest_service.customers.naming import Who
from nextbest_service.customers.person import Member, Person
from nextbest_service.store import keys
from nextbest_service.store.connection import SyncClient
from nextbest_service.store.customer_store import CustomerStore
from nextbest_service.store.customers import Reading, ReadPlan
from nextbest_service.store.given import GivenFeatures
from nextbest_service.store.keys import Identity, held_key, person_key
from nextbest_service.store.kills import UNREADABLE, read_kills, remove_kill, write_kill
from nextbest_service.store.person_codec import Changes
from nextbest_service.store.person_hashes import Answer, Write, fresh_version
from nextbest_service.store.volumes import write_volumes
from nextbest_service.store.writer import BATCH, write_persons

BERT = Identity("customer", "bert")
PLAN = ReadPlan(capped=("loan", "voucher"))


def put(client: SyncClient, *persons: Person) -> None:
    assert sum(write_persons(client, CODEC, persons, NOW_MS)) == len(persons)


async def read(world: World, *identities: Identity, plan: ReadPlan = PLAN, request_id: str = "") -> Reading:
    world.people.codec, world.people.linking = CODEC, Linking(ONLINE, frozenset())
    store = CustomerStore(world.people, FixedClock(NOW_MS))
    return await store.load([RING.ref(identity) for identity in identities or (ANNA,)], request_id, plan)


async def test_a_customer_is_read_under_every_name(world: World, each_valkey: SyncClient) -> None:
    put(each_valkey, person_of(WHOLE, WHOLE))
    for name in (ANNA, COOKIE):
        reading = await read(world, name)
        assert reading.customer.known
        assert reading.customer.members == (RING.ref(ANNA), RING.ref(COOKIE))
        assert reading.found.head == RING.ref(ANNA)


async def test_the_first_name_that_is_known_is_the_customer(world: World, each_valkey: SyncClient) -> None:
    put(each_valkey, person_of(WHOLE))
    reading = await read(world, BERT, ANNA)
    assert reading.customer.members == (RING.ref(ANNA),)
    assert reading.found.unknown == (RING.ref(BERT),)
    assert not (await read(world, BERT)).customer.known


async def test_nobody_knows_somebody_without_a_name(world: World) -> None:
    store = CustomerStore(world.people, FixedClock(NOW_MS))
    assert not (await store.load([], "", PLAN)).customer.known


async def test_the_time_is_the_stores(world: World) -> None:
    reading = await read(world)
    (answers,) = [await world.people.read([])]
    assert 0 <= answers.now_ms - reading.now_ms < 60_000


async def test_a_writer_leaves_nothing_of_what_stood_there(world: World, each_valkey: SyncClient) -> None:
    put(each_valkey, person_of(WHOLE, WHOLE))
    put(each_valkey, person_of(WHOLE._replace(purchases=())))
    customer = (await read(world)).customer
    assert customer.purchases == ()
    assert customer.members == (RING.ref(ANNA),)


def test_every_batch_written_is_counted(each_valkey: SyncClient) -> None:
    persons = (person_of(WHOLE._replace(facts={"n": n})) for n in range(BATCH + 1))
    assert list(write_persons(each_valkey, CODEC, persons, NOW_MS)) == [BATCH, 1]


async def test_a_kill_is_in_the_very_next_reading_and_a_revival_too(
    world: World, each_valkey: SyncClient
) -> None:
    kill = Kill("The rate is wrong.", NOW_MS, NOW_MS + 5, "ops")
    client = cast("Any", each_valkey)
    write_kill(client, "gold-card", Kill("first", 1))
    write_kill(client, "gold-card", kill)
    assert (await read(world)).killed == {"gold-card": kill} == read_kills(client)
    assert remove_kill(client, "gold-card")
    assert not remove_kill(client, "gold-card")
    assert (await read(world)).killed == {}


async def test_a_kill_that_cannot_be_read_kills(world: World, each_valkey: SyncClient) -> None:
    each_valkey.hset(cast(str, keys.KILLS), "gold-card", "damaged")
    write_kill(cast("Any", each_valkey), "loan", Kill("stop", 1))
    assert (await read(world)).killed == {"gold-card": UNREADABLE, "loan": Kill("stop", 1)}


async def test_volumes_are_what_there_was_before_with_what_is_held_or_took_place(
    world: World, each_valkey: SyncClient
) -> None:
    write_volumes(each_valkey, {"voucher": 499, "tip": 7})
    write_volumes(each_valkey, {})
    held = {b"over": NOW_MS, b"held": NOW_MS + 1, b"took place": "+inf"}
    each_valkey.zadd(held_key("voucher"), held)
    assert (await read(world)).volumes == {"loan": 0, "voucher": 501}
    assert (await read(world, plan=ReadPlan())).volumes == {}


class Elsewhere:
    """A source that has one feature of everybody."""

    async def read(self, identities: Sequence[Identity]) -> tuple[GivenFeatures, ...]:
        """Return it."""
        return tuple(GivenFeatures({ONLINE.spec.customer_names[0]: 5.0}, NOW_MS) for _ in identities)


@pytest.mark.parametrize("source", [None, Elsewhere()])
async def test_many_customers_are_read_as_each_of_them_would_be(
    world: World, each_valkey: SyncClient, source: Elsewhere | None
) -> None:
    put(each_valkey, person_of(WHOLE, WHOLE))
    write_kill(cast("Any", each_valkey), "loan", Kill("stop", 1))
    write_volumes(each_valkey, {"voucher": 499})
    world.people.codec, world.people.linking = CODEC, Linking(ONLINE, frozenset())
    store = CustomerStore(world.people, FixedClock(NOW_MS), source)
    whose = [Who(names, tuple(map(RING.ref, names))) for names in ((ANNA,), (BERT,), (BERT, COOKIE), (ANNA,))]
    many = await store.load_many(whose, PLAN)
    for who, found in zip(whose, many, strict=True):
        alone = await store.load(who.refs, "", PLAN, who.names)
        vector = pytest.approx(alone.customer.features.vector, rel=1e-3, nan_ok=True)  # it is a little later
        assert found.customer.features.vector == vector
        assert found.customer._replace(features=alone.customer.features) == alone.customer
        assert (found.killed, found.volumes, found.found) == (alone.killed, alone.volumes, alone.found)
        assert 0 <= alone.now_ms - found.now_ms < 60_000
    assert [it.customer.known for it in many] == [True, False, True, True]


async def test_held_volumes_end_by_the_stores_clock(world: World, each_valkey: SyncClient) -> None:
    ahead = StoreClock(3_600_000)
    answers = await world.people.read([])
    each_valkey.zadd(held_key("loan"), {b"soon over": answers.store_ms + 1_800_000})
    for clock, volume in ((StoreClock(), 1), (ahead, 0)):
        reading = await CustomerStore(world.people, clock).load([], "", PLAN)
        assert reading.volumes == {"loan": volume, "voucher": 0}


@pytest.mark.parametrize("number", ["many", "", "1.5"])
async def test_volumes_with_one_that_is_no_number_are_unreadable(
    world: World, each_valkey: SyncClient, number: str
) -> None:
    each_valkey.hset(cast(str, keys.VOLUMES), "loan", number)
    assert (await read(world)).volumes is None
    each_valkey.delete(keys.VOLUMES)
    each_valkey.set(held_key("loan"), "no set")
    assert (await read(world)).volumes is None


async def test_the_answer_to_a_request_comes_along(world: World, each_valkey: SyncClient) -> None:
    put(each_valkey, person_of(WHOLE))
    ref = RING.ref(ANNA)
    unchanged = Write(ref, b"", b"", Changes({}))
    await world.people.hashes.send([unchanged], Answer("r-1", b"the answer", 60_000))
    assert (await read(world, request_id="r-1")).found.answer == b"the answer"
    assert (await read(world, request_id="r-2")).found.answer is None


async def test_a_link_under_way_is_seen_as_done(world: World, each_valkey: SyncClient) -> None:
    portion = WHOLE._replace(facts={"bert": True}, facts_as_of={}, tickets=())
    put(each_valkey, person_of(WHOLE), Person((Member(RING.ref(COOKIE), COOKIE, portion=portion),)))
    pointer = cast(str, person_key(RING.ref(COOKIE)))
    each_valkey.hset(pointer, cast(str, keys.POINTER), cast(str, RING.ref(ANNA)))
    customer = (await read(world, COOKIE)).customer
    assert customer.members == (RING.ref(ANNA), RING.ref(COOKIE))
    assert customer.facts is not None
    assert {"bert", "income"} <= customer.facts.keys()
    each_valkey.hset(pointer, cast(str, keys.FACTS), "damaged")
    assert (await read(world, COOKIE)).customer.members == (RING.ref(ANNA),)


async def test_a_decision_costs_one_round_trip(valkey_url: str, valkey: SyncClient) -> None:
    """The commands of one round trip are processed as one: the server reads its socket once."""
    put(valkey, person_of(WHOLE))
    world = World.at(valkey_url)
    world.people.codec = CODEC
    store, refs = CustomerStore(world.people, FixedClock(NOW_MS)), [RING.ref(ANNA), RING.ref(BERT)]
    await store.load(refs, "r-1", PLAN)
    before = cast("Any", valkey.info("stats"))["total_reads_processed"]
    await store.load(refs, "r-2", PLAN)
    await store.load(refs, "r-3", PLAN)
    after = cast("Any", valkey.info("stats"))["total_reads_processed"]
    await world.store.aclose()
    assert after - before == 2 + 1  # and one to ask for the number


def test_two_versions_are_never_the_same() -> None:
    assert len({fresh_version(NOW_MS) for _ in range(1000)}) == 1000
