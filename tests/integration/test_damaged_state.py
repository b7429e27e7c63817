"""State that cannot be read as it stands: converted, or refused and said so; never misread, never fatal."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np
import pytest
import redis
from corner_shop import ANNA, CUSTOMERS, NOW_MS, catalog, question, spec, state_of, vector
from running_service import Client, Service

from nextbest.v1 import decision_pb2
from nextbest_models.affinity import AffinityKeys
from nextbest_models.state import CustomerFeatures
from nextbest_service.decisions.generation import catalog_affinity_keys
from nextbest_service.store.codec import StoredVector, encode_counters, encode_facts, encode_vector
from nextbest_service.store.connection import connect
from nextbest_service.store.customers import CustomerStore, ReadPlan
from nextbest_service.store.features import (
    FeatureReader,
    counters_tag,
    stored_counters,
    stored_vector,
    vector_schema,
)
from nextbest_service.store.keys import VECTOR_SCHEMAS, Identity
from nextbest_service.store.registry import (
    AffinityDictionary,
    read_vector_schemas,
    register_affinity_keys,
    register_vector_schema,
)
from nextbest_service.store.vectors import VectorSchema

COLUMNS = dict(zip(spec().customer_names, vector_schema(spec()).columns, strict=True))
ALL_STALE = ["days_since_trip", "spend_91d", "trips_91d"]
_numbers = count()


@dataclass(frozen=True)
class Visitor:
    """A customer whose stored parts a test replaces."""

    store: redis.Redis
    identity: Identity
    dictionary: AffinityDictionary

    def holds(self, **parts: bytes | None) -> None:
        """Replace parts of the stored state: v(ector), a (counters), f(acts); None removes one."""
        for part, blob in parts.items():
            if blob is None:
                self.store.hdel(self.identity.customer_key, part)
            else:
                self.store.hset(self.identity.customer_key, part, blob)

    def asks(self, client: Client) -> Any:
        """Return the answer to this customer's question."""
        level = decision_pb2.EXPLAIN_LEVEL_EXCLUSIONS
        wanted = decision_pb2.PlacementRequest(id="home", limit=10)
        return client.decide(question(wanted, of=self.identity, explain_level=level))


@pytest.fixture
def visitor(client: Client, shop_store: redis.Redis) -> Iterator[Visitor]:
    """A customer like Anna, under a name of their own. The service keeps serving whatever is stored."""
    dictionary = register_affinity_keys(shop_store, catalog_affinity_keys(catalog()))
    state = state_of(ANNA, AffinityKeys(dictionary.keys))
    like_anna = Visitor(shop_store, Identity("customer", f"visitor-{next(_numbers)}"), dictionary)
    like_anna.holds(
        v=encode_vector(stored_vector(vector_schema(spec()).id, state)),
        a=encode_counters(stored_counters(counters_tag(spec(), dictionary), state)),
        f=encode_facts(CUSTOMERS[ANNA]),
    )
    yield like_anna
    assert client.decide(question()).placements[0].propositions


def schema(*names: str) -> VectorSchema:
    """Return a schema of other make: any features of today in any order; other names mean other things."""
    return VectorSchema(tuple(COLUMNS.get(name, (name, "another meaning")) for name in names))


def vector_of(made_by: VectorSchema, *values: float) -> bytes:
    return encode_vector(StoredVector(made_by.id, NOW_MS, np.array(values, dtype=np.float32)))


def native(*values: float) -> bytes:
    return encode_vector(
        stored_vector(vector_schema(spec()).id, CustomerFeatures(vector(*values), None, NOW_MS))
    )  # type: ignore[arg-type]


def reasons(answer: Any) -> list[str]:
    return [item.reason for item in answer.degraded]


def propensities(answer: Any) -> dict[str, float]:
    return {item.action_id: item.propensity for item in answer.placements[0].propositions}


def test_a_sound_visitor_is_answered_as_anna(client: Client, visitor: Visitor) -> None:
    answer = visitor.asks(client)
    assert not answer.degraded
    assert not answer.stale_features
    assert (
        answer.placements
        == client.decide(question(decision_pb2.PlacementRequest(id="home", limit=10))).placements
    )


def test_a_vector_of_another_schema_is_read_by_name_and_the_rest_takes_its_default(
    client: Client, visitor: Visitor
) -> None:
    """The schema is registered after the service started: it learns it from the store."""
    other = schema("spend_91d", "retired_feature", "trips_91d")
    register_vector_schema(visitor.store, other)
    visitor.holds(v=vector_of(other, 7.5, 99.0, 4.0))
    converted = visitor.asks(client)
    assert list(converted.stale_features) == ["days_since_trip"]
    assert not converted.degraded
    visitor.holds(v=native(4.0, 7.5, 60.0))
    assert propensities(converted) == propensities(visitor.asks(client))


def test_a_feature_that_kept_its_name_but_not_its_meaning_takes_its_default(
    client: Client, visitor: Visitor
) -> None:
    """Anna's nine trips make her a regular; nine trips of another meaning do not."""
    renamed = VectorSchema(
        (("trips_91d", "another meaning"), COLUMNS["spend_91d"], COLUMNS["days_since_trip"])
    )
    register_vector_schema(visitor.store, renamed)
    visitor.holds(v=vector_of(renamed, 9.0, 210.5, 2.0))
    answer = visitor.asks(client)
    assert list(answer.stale_features) == ["trips_91d"]
    assert "delivery" not in propensities(answer)
    assert "spring-wine" in propensities(answer)


def test_stale_features_are_sorted(client: Client, visitor: Visitor) -> None:
    nothing = schema("retired_feature")
    register_vector_schema(visitor.store, nothing)
    visitor.holds(v=vector_of(nothing, 1.0))
    assert list(visitor.asks(client).stale_features) == ALL_STALE


UNREADABLE_VECTORS = {
    "unknown schema": vector_of(schema("never", "registered"), 1.0, 2.0),
    "too short for its schema": vector_of(vector_schema(spec()), 9.0),
    "too long for its schema": vector_of(vector_schema(spec()), 9.0, 1.0, 1.0, 1.0),
    "torn": native(9.0, 1.0, 1.0)[:-3],
    "empty": b"",
    "foreign": b'{"trips": 9}',
    "facts": encode_facts({"trips_91d": 9.0}),
}


@pytest.mark.parametrize("case", UNREADABLE_VECTORS)
def test_a_vector_that_cannot_be_read_gives_defaults_and_is_reported(
    client: Client, visitor: Visitor, case: str
) -> None:
    visitor.holds(v=UNREADABLE_VECTORS[case])
    answer = visitor.asks(client)
    (degraded,) = answer.degraded
    assert degraded.reason == "STATE_UNREADABLE"
    assert degraded.rung == decision_pb2.DEGRADATION_RUNG_FULL_MODEL
    assert list(answer.stale_features) == ALL_STALE
    assert answer.customer_known
    visitor.holds(v=None)
    absent = visitor.asks(client)
    assert propensities(answer) == propensities(absent)
    assert not absent.degraded
    assert list(absent.stale_features) == ALL_STALE


def test_the_age_of_an_unreadable_vector_does_not_age_the_defaults(
    shop_store_url: str, visitor: Visitor
) -> None:
    lost = StoredVector(vector_schema(spec()).id, NOW_MS - 10**10, np.zeros(1, dtype=np.float32))
    visitor.holds(v=encode_vector(lost))
    reader = FeatureReader.of(spec(), visitor.dictionary, {})

    async def load() -> CustomerFeatures:
        async with connect(shop_store_url, 1000) as connection:
            reading = await CustomerStore(connection).load([visitor.identity], reader, NOW_MS, ReadPlan())
            return reading.customer.features

    features = asyncio.run(load())
    assert features.as_of_ms == NOW_MS
    assert features.vector.tobytes() == spec().customer_defaults.tobytes()


def test_an_unknown_schema_is_not_looked_up_at_every_request(client: Client, visitor: Visitor) -> None:
    def lookups() -> int:
        return int(visitor.store.info("commandstats").get("cmdstat_hget", {"calls": 0})["calls"])

    visitor.holds(v=vector_of(schema("asked", "for", "often"), 1.0, 2.0, 3.0))
    before = lookups()
    for _ in range(5):
        assert reasons(visitor.asks(client)) == ["STATE_UNREADABLE"]
    assert lookups() == before + 1


def test_a_damaged_schema_in_the_registry_is_as_good_as_none(client: Client, visitor: Visitor) -> None:
    lost = schema("lost")
    visitor.store.hset(VECTOR_SCHEMAS, lost.id, b"\x93\x01\x02")
    visitor.holds(v=vector_of(lost, 1.0))
    assert reasons(visitor.asks(client)) == ["STATE_UNREADABLE"]
    assert lost.id not in read_vector_schemas(visitor.store)
    visitor.store.hdel(VECTOR_SCHEMAS, lost.id)


def test_a_schema_that_comes_later_is_learnt_without_a_restart(
    shop_store_url: str, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nextbest_service.store.customers.SCHEMA_RETRY_SECONDS", 0.0)
    late = schema("trips_91d", "spend_91d")
    visitor.holds(v=vector_of(late, 3.0, 4.0))
    reader = FeatureReader.of(spec(), visitor.dictionary, {})

    async def before_and_after() -> list[tuple[str, ...]]:
        async with connect(shop_store_url, 1000) as connection:
            customers = CustomerStore(connection)
            first = (await customers.load([visitor.identity], reader, NOW_MS, ReadPlan())).customer
            register_vector_schema(visitor.store, late)
            second = (await customers.load([visitor.identity], reader, NOW_MS, ReadPlan())).customer
            return [first.unreadable, second.unreadable]

    assert asyncio.run(before_and_after()) == [("vector",), ()]


def counters_of(visitor: Visitor, epoch: bytes) -> bytes:
    dictionary = AffinityDictionary(epoch, visitor.dictionary.keys)
    state = state_of(ANNA, AffinityKeys(dictionary.keys))
    return encode_counters(stored_counters(counters_tag(spec(), dictionary), state))


@pytest.mark.parametrize("case", ["another dictionary", "torn", "foreign", "one column too few"])
def test_counters_that_cannot_be_read_count_nothing_and_are_reported(
    client: Client, visitor: Visitor, case: str
) -> None:
    sound = visitor.asks(client)
    state = state_of(ANNA, AffinityKeys(visitor.dictionary.keys))
    stored = stored_counters(counters_tag(spec(), visitor.dictionary), state)
    visitor.holds(
        a={
            "another dictionary": counters_of(visitor, b"elsewhere"),
            "torn": counters_of(visitor, visitor.dictionary.epoch)[:-1],
            "foreign": b"apples=4",
            "one column too few": encode_counters(
                type(stored)(stored.tag, NOW_MS, stored.ids, stored.columns[:2])
            ),
        }[case]
    )
    answer = visitor.asks(client)
    assert reasons(answer) == ["STATE_UNREADABLE"]
    assert not answer.stale_features
    visitor.holds(a=None)
    absent = visitor.asks(client)
    assert propensities(answer) == propensities(absent) != propensities(sound)
    assert not absent.degraded


@pytest.mark.parametrize("blob", [encode_facts(CUSTOMERS[ANNA])[:-1], b"", b"campaigns", native(1, 2, 3)])
def test_rules_fail_closed_on_facts_that_cannot_be_read(
    client: Client, visitor: Visitor, blob: bytes
) -> None:
    """`campaigns` has a default and `debt` may be absent: neither may be assumed of facts that are there."""
    visitor.holds(f=blob)
    answer = visitor.asks(client)
    assert reasons(answer) == ["STATE_UNREADABLE"]
    assert answer.customer_known
    assert set(propensities(answer)) == {"delivery", "pie-recipe", "storage-tip"}
    stopped = {item.action_id: item for item in answer.exclusions}
    assert stopped["spring-apples"].rule_id == "campaign_was_sent"
    assert "facts.campaigns is unknown" in stopped["spring-apples"].actual
    assert stopped["credit"].rule_id == "no_credit_in_debt"


def test_facts_that_are_absent_take_their_defaults(client: Client, visitor: Visitor) -> None:
    visitor.holds(f=None)
    answer = visitor.asks(client)
    assert not answer.degraded
    assert "credit" in propensities(answer)
    assert "spring-apples" not in propensities(answer)


def test_all_parts_may_be_damaged_at_once(client: Client, visitor: Visitor) -> None:
    visitor.holds(v=b"x", a=b"y", f=b"z")
    answer = visitor.asks(client)
    assert reasons(answer) == ["STATE_UNREADABLE"]
    assert set(propensities(answer)) == {"pie-recipe", "storage-tip"}


def test_the_log_names_the_damaged_part_and_not_the_customer(
    client: Client, shop: Service, visitor: Visitor
) -> None:
    visitor.holds(f=b"damaged")
    visitor.asks(client)
    assert shop.events("customer_state_unreadable")[-1]["part"] == "facts"
    assert visitor.identity.id not in shop.log()
