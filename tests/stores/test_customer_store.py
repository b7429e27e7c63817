"""A customer in a real store: written whole, read in one go; what cannot be read is never guessed."""

import asyncio
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import redis

from nextbest_models.affinity import AffinityCounters
from nextbest_models.features import FeatureSpec
from nextbest_models.state import CustomerFeatures
from nextbest_rules.records import Consent, Contact, Event, Kill, Purchase, Ticket
from nextbest_service.store import keys
from nextbest_service.store.connection import connect
from nextbest_service.store.customers import Customer, CustomerStore, Reading, ReadPlan
from nextbest_service.store.features import (
    FeatureReader,
    counters_tag,
    stored_counters,
    stored_vector,
    vector_schema,
)
from nextbest_service.store.keys import Identity
from nextbest_service.store.kills import UNREADABLE, read_kills, remove_kill, write_kill
from nextbest_service.store.registry import AffinityDictionary
from nextbest_service.store.volumes import write_volumes
from nextbest_service.store.writer import BATCH, CustomerRecord, write_customers

NOW_MS = 1_772_420_400_000
ANNA, BEN = Identity("customer", "anna"), Identity("cookie", "b-7")
SPEC = FeatureSpec.from_declarations(
    [],
    [
        {
            "name": "trips",
            "source": "customer",
            "definition": {"aggregate": "count", "of": "trips", "window": "91d"},
            "default": 0.5,
        }
    ],
)
DICTIONARY = AffinityDictionary(b"epoch-01", ())
READER = FeatureReader.of(SPEC, DICTIONARY, {})
FEATURES = CustomerFeatures(np.array([4.0], dtype=np.float32), AffinityCounters.empty(), NOW_MS - 1000)
WHOLE = CustomerRecord(
    identity=ANNA,
    vector=stored_vector(vector_schema(SPEC).id, FEATURES),
    counters=stored_counters(counters_tag(SPEC, DICTIONARY), FEATURES),
    facts={"age": 40, "campaigns": ["spring"]},
    facts_as_of_ms={"age": NOW_MS - 5},
    consents=(Consent(True, NOW_MS, "email", "marketing"),),
    tickets=(Ticket("T1", products=("espresso-machine",)),),
    purchases=(Purchase("fridge", "kitchen", "store", NOW_MS),),
    events=(Event("mention.posted", at_ms=NOW_MS),),
    contacts=(Contact("tip", "DISPLAYED", NOW_MS - 9, "web"), Contact("tip", "CLICKED", NOW_MS - 10, "web")),
)
BARE = CustomerRecord(ANNA, None, None, {})
PARTS = {
    "vector": keys.VECTOR,
    "counters": keys.COUNTERS,
    "facts": keys.FACTS,
    **keys.RECORD_FIELDS,
}


def write(store: redis.Redis, *records: CustomerRecord) -> None:
    list(write_customers(store, records))


def read(url: str, *identities: Identity, plan: ReadPlan | None = None) -> Reading:
    async def load() -> Reading:
        async with connect(url, 2000) as client:
            store = CustomerStore(client)
            return await store.load(identities or (ANNA,), READER, NOW_MS, plan or ReadPlan())

    return asyncio.run(load())


def parts_of(customer: Customer) -> dict[str, Any]:
    return {name: getattr(customer, name) for name in ("facts", *keys.RECORD_FIELDS)}


def test_a_customer_is_read_as_written(valkey: redis.Redis, valkey_url: str) -> None:
    write(valkey, WHOLE)
    customer = read(valkey_url).customer
    assert customer.known
    assert parts_of(customer) == {name: getattr(WHOLE, name) for name in ("facts", *keys.RECORD_FIELDS)}
    assert customer.facts_as_of == {"age": NOW_MS - 5}
    assert customer.features.vector.tolist() == [4.0]
    assert customer.features_as_of_ms == NOW_MS - 1000
    assert (customer.unreadable, customer.defaulted) == ((), ())


def test_a_customer_of_whom_nothing_is_stored_but_the_name_is_known(
    valkey: redis.Redis, valkey_url: str
) -> None:
    write(valkey, BARE)
    customer = read(valkey_url).customer
    assert customer.known
    assert parts_of(customer) == {"facts": {}, **dict.fromkeys(keys.RECORD_FIELDS, ())}
    assert customer.features.vector.tolist() == [0.5]
    assert customer.features_as_of_ms is None
    assert customer.defaulted == ("trips",)


def test_a_stranger_has_no_records_and_no_features(valkey: redis.Redis, valkey_url: str) -> None:
    del valkey
    customer = read(valkey_url).customer
    assert not customer.known
    assert parts_of(customer) == {"facts": {}, **dict.fromkeys(keys.RECORD_FIELDS, ())}
    assert (customer.features_as_of_ms, customer.unreadable) == (None, ())


def test_writing_replaces_all_that_was_there(valkey: redis.Redis, valkey_url: str) -> None:
    write(valkey, WHOLE)
    write(valkey, BARE)
    assert parts_of(read(valkey_url).customer) == {"facts": {}, **dict.fromkeys(keys.RECORD_FIELDS, ())}


def test_every_batch_written_is_counted(valkey: redis.Redis) -> None:
    records = [CustomerRecord(Identity("customer", str(n)), None, None, {}) for n in range(BATCH + 1)]
    assert list(write_customers(valkey, records)) == [BATCH, 1]
    assert len(valkey.keys("nb:{customer:*")) == BATCH + 1


def test_the_first_identity_that_is_known_is_the_customer(valkey: redis.Redis, valkey_url: str) -> None:
    write(valkey, WHOLE, CustomerRecord(BEN, None, None, {"age": 17}))
    assert read(valkey_url, Identity("cookie", "new"), BEN, ANNA).customer.facts == {"age": 17}


@pytest.mark.parametrize("damaged", PARTS)
def test_a_damaged_part_is_unreadable_and_the_rest_lives_on(
    valkey: redis.Redis, valkey_url: str, damaged: str
) -> None:
    write(valkey, WHOLE)
    valkey.hset(ANNA.customer_key, PARTS[damaged], b"\x91\x01damaged")
    customer = read(valkey_url).customer
    assert customer.unreadable == (damaged,)
    for name, value in parts_of(customer).items():
        assert value == (None if name == damaged else getattr(WHOLE, name))
    assert (customer.facts_as_of is None) == (damaged == "facts")
    assert (customer.features_as_of_ms is None) == (damaged == "vector")


def test_all_parts_may_be_damaged(valkey: redis.Redis, valkey_url: str) -> None:
    for field in PARTS.values():
        valkey.hset(ANNA.customer_key, field, b"")
    customer = read(valkey_url).customer
    assert customer.known
    assert customer.unreadable == tuple(PARTS)
    assert set(parts_of(customer).values()) == {None}


@pytest.mark.parametrize("planned", [(), ("tickets",), ("contacts", "consents")])
def test_only_the_planned_records_are_read(
    valkey: redis.Redis, valkey_url: str, planned: Sequence[str]
) -> None:
    write(valkey, WHOLE)
    for name in keys.RECORD_FIELDS.keys() - set(planned):
        valkey.hset(ANNA.customer_key, keys.RECORD_FIELDS[name], b"never looked at")
    customer = read(valkey_url, plan=ReadPlan(records=tuple(planned))).customer
    assert customer.unreadable == ()
    for name in keys.RECORD_FIELDS:
        assert getattr(customer, name) == (getattr(WHOLE, name) if name in planned else ())


def test_a_kill_is_in_the_very_next_reading_and_a_revival_too(valkey: redis.Redis, valkey_url: str) -> None:
    kill = Kill("The rate is wrong.", NOW_MS, NOW_MS + 5, "ops")
    write_kill(valkey, "gold-card", Kill("first", 1))
    write_kill(valkey, "gold-card", kill)
    assert read(valkey_url).killed == {"gold-card": kill} == read_kills(valkey)
    assert remove_kill(valkey, "gold-card")
    assert not remove_kill(valkey, "gold-card")
    assert read(valkey_url).killed == {}


def test_a_kill_that_cannot_be_read_kills(valkey: redis.Redis, valkey_url: str) -> None:
    valkey.hset(keys.KILLS, "gold-card", b"damaged")
    write_kill(valkey, "loan", Kill("stop", 1))
    assert read(valkey_url).killed == {"gold-card": UNREADABLE, "loan": Kill("stop", 1)}


def test_the_volumes_of_all_capped_actions_are_read_and_of_no_others(
    valkey: redis.Redis, valkey_url: str
) -> None:
    write_volumes(valkey, {"voucher": 499, "tip": 7})
    write_volumes(valkey, {})
    assert read(valkey_url, plan=ReadPlan(capped=("loan", "voucher"))).volumes == {"loan": 0, "voucher": 499}
    assert read(valkey_url).volumes == {}


@pytest.mark.parametrize("number", [b"many", b"", b"1.5"])
def test_volumes_with_one_that_is_no_number_are_unreadable(
    valkey: redis.Redis, valkey_url: str, number: bytes
) -> None:
    write_volumes(valkey, {"voucher": 1})
    valkey.hset(keys.VOLUMES, "loan", number)
    assert read(valkey_url, plan=ReadPlan(capped=("loan", "voucher"))).volumes is None


def test_a_decision_costs_one_round_trip(valkey: redis.Redis, valkey_url: str) -> None:
    """The commands of one round trip are processed as one: the server reads its socket once."""
    write(valkey, WHOLE)

    async def reads_for_two_loads() -> int:
        async with connect(valkey_url, 2000) as client:
            store, plan = CustomerStore(client), ReadPlan(capped=("loan",))
            await store.load((ANNA, BEN), READER, NOW_MS, plan)
            before = valkey.info("stats")["total_reads_processed"]
            await store.load((ANNA, BEN), READER, NOW_MS, plan)
            await store.load((ANNA, BEN), READER, NOW_MS, plan)
            return int(valkey.info("stats")["total_reads_processed"]) - int(before)

    assert asyncio.run(reads_for_two_loads()) == 2 + 1  # and one to ask for the number
