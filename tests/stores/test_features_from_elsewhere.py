"""Features that stay in Feast: read with the customer, under every name, never in the way of a decision."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import pytest
from persons_in_valkey import World
from samples import NOW_MS
from shoppers import ANNA, CODEC, COOKIE, ONLINE, RING, SPEC, WHOLE, person_of, trips

from nextbest_rules.durations import DAY_MS
from nextbest_service.clock import FixedClock
from nextbest_service.customers.linking import Linking
from nextbest_service.customers.person import Member, Person
from nextbest_service.customers.portion import Portion
from nextbest_service.feast.layout import KeyType
from nextbest_service.feast.mapping import FeastMapping, FeastView, external_features
from nextbest_service.feast.reader import FeastReader
from nextbest_service.store.connection import SyncClient, connect
from nextbest_service.store.customer_store import CustomerStore
from nextbest_service.store.customers import Customer, ReadPlan
from nextbest_service.store.given import FeatureSource, GivenFeatures
from nextbest_service.store.keys import Identity
from nextbest_service.store.writer import write_persons

GOLDEN = json.loads(
    (Path(__file__).parents[1] / "golden" / "feast" / "online_store.json").read_text(encoding="utf-8")
)
VIEW = FeastView("customer_no_stats", "customer", "customer_no", KeyType.STRING, {"score": "spend"})
FEAST_MS = 1_772_346_600_250
CUSTOMER = Identity("customer", "4711")


class Kept:
    """A source that holds what it is told to, by name."""

    def __init__(self, given: dict[Identity, GivenFeatures], seconds: float = 0.0) -> None:
        self.given = given
        self.seconds = seconds
        self.asked: list[tuple[Identity, ...]] = []

    async def read(self, identities: Sequence[Identity]) -> tuple[GivenFeatures, ...]:
        """Return what is held."""
        self.asked.append(tuple(identities))
        await asyncio.sleep(self.seconds)
        return tuple(self.given[it] for it in identities if it in self.given)


def put(client: SyncClient, *persons: Person) -> None:
    assert sum(write_persons(client, CODEC, persons, NOW_MS)) == len(persons)


async def read(world: World, source: FeatureSource, *names: Identity) -> Customer:
    world.people.codec, world.people.linking = CODEC, Linking(ONLINE, frozenset())
    store = CustomerStore(world.people, FixedClock(NOW_MS), source)
    reading = await store.load([RING.ref(name) for name in names], "", ReadPlan(), names)
    return reading.customer


def value(customer: Customer, feature: str) -> float:
    return float(customer.features.vector[SPEC.customer_names.index(feature)])


async def test_a_feature_comes_from_the_real_bytes_of_feast(
    world: World, each_valkey: SyncClient, each_valkey_url: str
) -> None:
    for key, fields in GOLDEN["hashes"].items():
        mapping = {bytes.fromhex(name): bytes.fromhex(blob) for name, blob in fields.items()}
        each_valkey.hset(cast(str, bytes.fromhex(key)), mapping=cast("dict[str, bytes]", mapping))
    put(each_valkey, Person((Member(RING.ref(CUSTOMER), CUSTOMER, portion=Portion(features=trips(1))),)))
    reader = FeastReader(connect(each_valkey_url, 1000), FeastMapping(GOLDEN["project"], (VIEW,)))
    try:
        customer = await read(world, reader, CUSTOMER)
    finally:
        await reader.aclose()
    assert customer.known
    assert (value(customer, "score"), value(customer, "spend")) == (pytest.approx(123.45), 5.0)
    assert customer.features_as_of == {"score": FEAST_MS}
    assert customer.defaulted == ()


async def test_the_newer_of_two_given_values_stands(world: World, each_valkey: SyncClient) -> None:
    put(each_valkey, person_of(WHOLE))  # score 0.75, given a day ago
    newer = Kept({ANNA: GivenFeatures({"score": 0.125}, NOW_MS - 1)})
    older = Kept({ANNA: GivenFeatures({"score": 0.125}, NOW_MS - 2 * DAY_MS)})
    assert value(await read(world, newer, ANNA), "score") == 0.125
    assert value(await read(world, older, ANNA), "score") == 0.75


async def test_other_names_of_the_person_are_asked_for_too(world: World, each_valkey: SyncClient) -> None:
    put(each_valkey, person_of(Portion(features=trips(1)), Portion()))
    source = Kept({ANNA: GivenFeatures({"score": 0.125}, NOW_MS)})
    assert value(await read(world, source, COOKIE), "score") == 0.125
    assert source.asked == [(COOKIE,), (ANNA,)]


async def test_one_name_is_asked_for_once_while_the_store_is_read(
    world: World, each_valkey: SyncClient
) -> None:
    put(each_valkey, person_of(Portion(features=trips(1))))
    source = Kept({ANNA: GivenFeatures({"score": 0.125}, NOW_MS)})
    await read(world, source, ANNA)
    assert source.asked == [(ANNA,)]


async def test_somebody_whom_only_the_source_knows_has_features_and_is_not_known(
    world: World, each_valkey: SyncClient
) -> None:
    del each_valkey
    customer = await read(world, Kept({ANNA: GivenFeatures({"score": 0.125}, NOW_MS)}), ANNA)
    assert (customer.known, value(customer, "score"), value(customer, "spend")) == (False, 0.125, 0.0)


async def test_what_the_source_does_not_hold_is_missing_and_takes_its_default(
    world: World, each_valkey: SyncClient
) -> None:
    put(each_valkey, person_of(Portion(features=trips(1))))
    customer = await read(world, Kept({}), ANNA)
    assert (value(customer, "score"), customer.defaulted) == (0.25, ("score",))


def test_only_features_from_outside_may_be_mapped() -> None:
    assert external_features(SPEC) == {"score"}
