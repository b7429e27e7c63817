"""Feature states written under yesterday's features are read under today's, once their schema is known."""

from typing import Any, cast

import pytest
from persons_in_valkey import World
from samples import NOW_MS
from shoppers import ANNA, CODEC, KEYS, ONLINE, RING, SPEC, WHOLE, person_of, plain

from nextbest_models.features import FeatureSpec
from nextbest_models.online import OnlineFeatures
from nextbest_service.clock import FixedClock
from nextbest_service.store import keys
from nextbest_service.store.codec import CodecError, seal
from nextbest_service.store.connection import SyncClient
from nextbest_service.store.customer_store import CustomerStore
from nextbest_service.store.customers import Customer, ReadPlan
from nextbest_service.store.feature_codec import FeatureCodec, UnknownSchemaError
from nextbest_service.store.person_codec import PersonCodec
from nextbest_service.store.registry import register_schema
from nextbest_service.store.writer import write_persons


def codec_of(spec: FeatureSpec) -> PersonCodec:
    return PersonCodec(RING, FeatureCodec(OnlineFeatures(spec), KEYS, b"epoch-01"))


LATER = FeatureSpec.from_declarations(
    [{"family": "type", "definition": {"of": "trips", "value": "spend", "unit": 1.0}}],
    [
        {"name": "score", "source": "customer", "definition": {"external": True}, "default": 0.25},
        {"name": "risk", "source": "customer", "definition": {"external": True}, "default": 0.125},
        {
            "name": "spend",
            "source": "customer",
            "definition": {"aggregate": "sum", "of": "trips", "value": "spend"},
            "default": 0.0,
        },
    ],
)


def stored_before(client: SyncClient) -> None:
    list(write_persons(client, CODEC, [person_of(WHOLE)], NOW_MS))


def a_store(world: World, codec: PersonCodec) -> CustomerStore:
    world.people.codec = codec
    return CustomerStore(world.people, FixedClock(NOW_MS))


async def read(store: CustomerStore) -> Customer:
    return (await store.load([RING.ref(ANNA)], "", ReadPlan())).customer


def test_a_state_of_an_unknown_schema_names_it() -> None:
    features, _ = CODEC.features.encode(cast("Any", WHOLE.features))
    with pytest.raises(UnknownSchemaError) as caught:
        codec_of(LATER).features.decode(features, None)
    assert caught.value.schema_id == CODEC.features.schema_id


async def test_features_of_a_schema_that_somebody_registered_meanwhile_are_read(
    world: World, each_valkey: SyncClient
) -> None:
    stored_before(each_valkey)
    store = a_store(world, codec_of(LATER))
    register_schema(each_valkey, CODEC.features)
    customer = await read(store)
    assert dict(zip(LATER.customer_names, customer.features.vector.tolist(), strict=True)) == {
        "score": 0.75,
        "risk": 0.125,
        "spend": 15.0,
    }
    assert customer.features.counters.ids.tolist() == [1, 7]
    assert (customer.defaulted, customer.unreadable) == (("risk",), ())


async def test_features_of_a_schema_that_nobody_registered_are_unreadable_and_asked_for_now_and_then(
    world: World, each_valkey: SyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored_before(each_valkey)
    store = a_store(world, codec_of(LATER))
    assert (await read(store)).unreadable == ("features",)
    register_schema(each_valkey, CODEC.features)
    assert (await read(store)).unreadable == ("features",)
    monkeypatch.setattr("nextbest_service.store.customer_store.SCHEMA_RETRY_SECONDS", 0.0)
    assert (await read(store)).unreadable == ()


async def test_a_damaged_schema_makes_features_unreadable(world: World, each_valkey: SyncClient) -> None:
    stored_before(each_valkey)
    each_valkey.hset(cast(str, keys.STATE_SCHEMAS), cast(str, CODEC.features.schema_id), "damaged")
    assert (await read(a_store(world, codec_of(LATER)))).unreadable == ("features",)


def test_at_the_start_all_registered_schemas_are_learnt_but_damaged_ones(each_valkey: SyncClient) -> None:
    register_schema(each_valkey, CODEC.features)
    each_valkey.hset(cast(str, keys.STATE_SCHEMAS), "damaged!", "damaged")
    later = codec_of(LATER)
    register_schema(each_valkey, later.features)
    person = person_of(WHOLE)
    read = later.decode(person.head, CODEC.changes(None, person).set)
    features = read.members[0].portion.features
    assert features is not None
    assert later.features.features.values(features, NOW_MS) == [0.75, 0.125, 15.0]
    assert len(each_valkey.hgetall(cast(str, keys.STATE_SCHEMAS))) == 3  # type: ignore[arg-type]


def test_a_converted_person_is_not_written_again_as_long_as_it_stays_the_same() -> None:
    later = codec_of(LATER)
    later.learn(CODEC.features.schema)
    person = person_of(WHOLE)
    read = later.decode(person.head, CODEC.changes(None, person).set)
    portion = read.members[0].portion._replace(purchases=())
    changed = read._replace(members=(read.members[0]._replace(portion=portion),))
    assert later.changes(read, changed).set == {}


def test_features_and_counters_are_not_taken_for_one_another_or_for_nothing() -> None:
    features, counters = CODEC.features.encode(cast("Any", WHOLE.features))
    for stored in ((b"", None), (None, b""), (counters, None), (None, features)):
        with pytest.raises(CodecError, match="checksum"):
            CODEC.features.decode(*stored)


def test_sealed_bytes_that_are_no_state_are_refused() -> None:
    for body in (CODEC.features.schema_id, CODEC.features.schema_id + b"\xff\xff"):
        with pytest.raises(CodecError):
            assert CODEC.features.without_counters(seal("features", body)) is None


def test_a_state_of_nothing_takes_no_field() -> None:
    assert CODEC.features.encode(ONLINE.empty) == (None, None)
    assert plain(CODEC.features.decode(None, None)) is None


def test_the_tag_names_the_dictionary_and_the_meaning_of_the_counters() -> None:
    coarser = FeatureSpec.from_declarations(
        [{"family": "type", "definition": {"of": "trips", "value": "spend", "unit": 2.0}}], []
    )
    tags = {
        CODEC.features.tag,
        codec_of(coarser).features.tag,
        FeatureCodec(ONLINE, KEYS, b"epoch-02").tag,
    }
    assert len(tags) == 3
    assert FeatureCodec(OnlineFeatures(SPEC), KEYS, b"epoch-01").tag == CODEC.features.tag
