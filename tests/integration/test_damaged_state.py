"""State that cannot be read as it stands: converted, or refused and said so; never misread, never fatal."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any, cast

import pytest
from corner_shop import ANNA, CUSTOMERS, given, online, prepared, question, state_of
from running_service import Client, Service

from nextbest.v1 import decision_pb2
from nextbest_models.affinity import AffinityKeys
from nextbest_models.features import FeatureSpec
from nextbest_models.online import OnlineFeatures
from nextbest_service.customers.person import Member, Person
from nextbest_service.customers.portion import Portion
from nextbest_service.store import keys
from nextbest_service.store.codec import seal
from nextbest_service.store.connection import SyncClient
from nextbest_service.store.fact_codec import Facts, encode_facts
from nextbest_service.store.feature_codec import FeatureCodec
from nextbest_service.store.keys import Identity, person_key
from nextbest_service.store.preparing import Prepared
from nextbest_service.store.registry import register_schema
from nextbest_service.store.writer import write_persons

ALL_FEATURES = ["days_since_trip", "spend_91d", "trips_91d"]
FAMILIES = [{"family": "category", "definition": {"of": "trips", "value": "spend"}}]
FACTS = encode_facts(Facts(CUSTOMERS[ANNA], {}))
_numbers = count()


@dataclass(frozen=True)
class Visitor:
    """A customer whose stored parts a test replaces."""

    store: SyncClient
    identity: Identity
    prepared: Prepared

    @property
    def keys(self) -> AffinityKeys:
        """The store's affinity keys."""
        return AffinityKeys(self.prepared.dictionary.keys)

    def holds(self, **parts: bytes | None) -> None:
        """Replace parts of the stored state: v (features), a (counters), f(acts); None removes one."""
        client, key = cast("Any", self.store), person_key(self.prepared.codec.ring.ref(self.identity))
        for part, blob in parts.items():
            if blob is None:
                client.hdel(key, part)
            else:
                client.hset(key, part, blob)

    def asks(self, client: Client) -> Any:
        """Return the answer to this customer's question."""
        level = decision_pb2.EXPLAIN_LEVEL_EXCLUSIONS
        wanted = decision_pb2.PlacementRequest(id="home", limit=10)
        return client.decide(question(wanted, of=self.identity, explain_level=level))

    def codec(self, features: OnlineFeatures, epoch: bytes | None = None) -> FeatureCodec:
        """Return how features of other make, or under another dictionary, are written."""
        return FeatureCodec(features, self.keys, epoch or self.prepared.dictionary.epoch)


@pytest.fixture
def visitor(client: Client, shop_store: SyncClient) -> Iterator[Visitor]:
    """A customer like Anna, under a name of their own. The service keeps serving whatever is stored."""
    like_anna = Visitor(shop_store, Identity("customer", f"visitor-{next(_numbers)}"), prepared(shop_store))
    portion = Portion(facts=CUSTOMERS[ANNA], features=state_of(ANNA, like_anna.keys))
    codec, name = like_anna.prepared.codec, like_anna.identity
    person = Person((Member(codec.ring.ref(name), name, portion=portion),))
    list(write_persons(shop_store, codec, [person], 0))
    yield like_anna
    assert client.decide(question()).placements[0].propositions


def counted(name: str, window: str = "91d") -> dict[str, object]:
    """Return a feature that counts trips."""
    definition = {"aggregate": "count", "of": "trips", "window": window}
    return {"name": name, "source": "customer", "definition": definition}


SPENT = {
    "name": "spend_91d",
    "source": "customer",
    "definition": {"aggregate": "sum", "of": "trips", "value": "spend", "window": "91d"},
}


def features_of(*declared: dict[str, object]) -> OnlineFeatures:
    """Return features of other make."""
    return OnlineFeatures(FeatureSpec.from_declarations(FAMILIES, declared))


def written(codec: FeatureCodec, *values: float) -> bytes:
    """Return the stored features of somebody to whom values were given, in the order of the codec's."""
    features, _ = codec.encode(given(*values, features=codec.features))
    assert features is not None
    return features


def reasons(answer: Any) -> list[str]:
    return [item.reason for item in answer.degraded]


def propensities(answer: Any) -> dict[str, float]:
    return {item.action_id: item.propensity for item in answer.placements[0].propositions}


def test_a_sound_visitor_is_answered_as_anna(client: Client, visitor: Visitor) -> None:
    answer = visitor.asks(client)
    assert not answer.degraded
    assert not answer.stale_features
    assert offers(answer) == offers(
        client.decide(question(decision_pb2.PlacementRequest(id="home", limit=10)))
    )


def offers(answer: Any) -> list[tuple[str, float]]:
    return [(it.action_id, it.priority) for it in answer.placements[0].propositions]


def test_features_of_another_schema_are_read_by_name_and_new_ones_begin_empty(
    client: Client, visitor: Visitor
) -> None:
    """The schema is registered after the service started: it learns it from the store."""
    other = visitor.codec(features_of(SPENT, counted("retired"), counted("trips_91d")))
    register_schema(visitor.store, other)
    visitor.holds(v=written(other, 7.5, 99.0, 4.0))
    converted = visitor.asks(client)
    assert not converted.degraded
    assert not converted.stale_features
    visitor.holds(v=written(visitor.codec(online()), 4.0, 7.5))
    assert propensities(converted) == propensities(visitor.asks(client))


def test_a_feature_that_kept_its_name_but_not_its_meaning_begins_empty(
    client: Client, visitor: Visitor
) -> None:
    """Anna's nine trips make her a regular; nine trips of another meaning do not."""
    other = visitor.codec(features_of(counted("trips_91d", "28d"), SPENT))
    register_schema(visitor.store, other)
    visitor.holds(v=written(other, 9.0, 210.5))
    answer = visitor.asks(client)
    assert not answer.degraded
    assert "delivery" not in propensities(answer)
    assert "spring-wine" in propensities(answer)


def unreadable_features(visitor: Visitor, case: str) -> bytes:
    sound = written(visitor.codec(online()), 9.0, 1.0, 1.0)
    match case:
        case "unknown schema":
            return written(visitor.codec(features_of(counted("never_registered"))), 1.0)
        case "torn":
            return sound[:-3]
        case "nothing behind the schema":
            return seal("features", visitor.codec(online()).schema_id)
        case "empty":
            return b""
        case "foreign":
            return b'{"trips": 9}'
        case _:
            return FACTS


@pytest.mark.parametrize(
    "case", ["unknown schema", "torn", "nothing behind the schema", "empty", "foreign", "facts"]
)
def test_features_that_cannot_be_read_take_their_defaults_and_are_reported(
    client: Client, visitor: Visitor, case: str
) -> None:
    visitor.holds(v=unreadable_features(visitor, case))
    answer = visitor.asks(client)
    (degraded,) = answer.degraded
    assert degraded.reason == "STATE_UNREADABLE"
    assert degraded.rung == decision_pb2.DEGRADATION_RUNG_FULL_MODEL
    assert list(answer.stale_features) == ALL_FEATURES
    assert answer.customer_known


def test_somebody_of_whom_nothing_was_counted_is_no_case_of_damage(client: Client, visitor: Visitor) -> None:
    visitor.holds(v=None, a=None)
    answer = visitor.asks(client)
    assert not answer.degraded
    assert not answer.stale_features


def test_an_unknown_schema_is_not_looked_up_at_every_request(client: Client, visitor: Visitor) -> None:
    def lookups() -> int:
        statistics = cast("Any", visitor.store.info("commandstats"))
        return int(statistics.get("cmdstat_hget", {"calls": 0})["calls"])

    visitor.holds(v=written(visitor.codec(features_of(counted("asked_for_often"))), 1.0))
    before = lookups()
    for _ in range(5):
        assert reasons(visitor.asks(client)) == ["STATE_UNREADABLE"]
    assert lookups() == before + 1


def test_a_damaged_schema_in_the_registry_is_as_good_as_none(client: Client, visitor: Visitor) -> None:
    lost = visitor.codec(features_of(counted("lost")))
    cast("Any", visitor.store).hset(keys.STATE_SCHEMAS, lost.schema_id, b"\x93\x01\x02")
    visitor.holds(v=written(lost, 1.0))
    assert reasons(visitor.asks(client)) == ["STATE_UNREADABLE"]
    visitor.store.hdel(cast(str, keys.STATE_SCHEMAS), cast(str, lost.schema_id))


@pytest.mark.parametrize("case", ["another dictionary", "torn", "foreign"])
def test_counters_that_cannot_be_read_count_nothing_and_are_reported(
    client: Client, visitor: Visitor, case: str
) -> None:
    sound = visitor.asks(client)
    state = state_of(ANNA, visitor.keys)
    _, own = visitor.codec(online()).encode(state)
    _, others = visitor.codec(online(), b"elsewher").encode(state)
    assert own is not None
    visitor.holds(a={"another dictionary": others, "torn": own[:-1], "foreign": b"apples=4"}[case])
    answer = visitor.asks(client)
    assert reasons(answer) == ["STATE_UNREADABLE"]
    assert not answer.stale_features
    visitor.holds(a=None)
    absent = visitor.asks(client)
    assert propensities(answer) == propensities(absent) != propensities(sound)
    assert not absent.degraded


@pytest.mark.parametrize("blob", [FACTS[:-1], b"", b"campaigns", seal("counters", FACTS[1:-4])])
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
    visitor.holds(v=b"x", a=b"y", f=b"z", i=b"i")
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
