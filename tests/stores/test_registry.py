"""What all customers' state is written under only ever grows."""

from concurrent.futures import ThreadPoolExecutor

import redis

from nextbest_service.store import keys
from nextbest_service.store.registry import (
    read_vector_schemas,
    register_affinity_keys,
    register_vector_schema,
)
from nextbest_service.store.vectors import VectorSchema


def test_an_affinity_key_keeps_its_id_when_others_join(valkey: redis.Redis) -> None:
    first = register_affinity_keys(valkey, [("category", "MILK"), ("category", "BREAD")])
    second = register_affinity_keys(valkey, [("category", "APPLES"), ("category", "MILK")])
    assert first.keys == (("category", "BREAD"), ("category", "MILK"))
    assert second.keys == (*first.keys, ("category", "APPLES"))
    assert second.epoch == first.epoch


def test_a_dictionary_that_was_lost_comes_back_under_another_epoch(valkey: redis.Redis) -> None:
    before = register_affinity_keys(valkey, [("category", "MILK")])
    valkey.delete(keys.AFFINITY_KEYS, keys.AFFINITY_EPOCH)
    assert register_affinity_keys(valkey, [("category", "BREAD")]).epoch != before.epoch


def test_concurrent_registrations_never_give_two_keys_one_id(valkey: redis.Redis) -> None:
    shares = [
        [("category", str(number)) for number in range(start, start + 900)] for start in range(0, 2400, 300)
    ]
    with ThreadPoolExecutor(8) as pool:
        dictionaries = list(pool.map(lambda share: register_affinity_keys(valkey, share), shares))
    final = register_affinity_keys(valkey, [])
    assert len(final.keys) == len(set(final.keys)) == 3000
    assert {dictionary.epoch for dictionary in dictionaries} == {final.epoch}
    for dictionary in dictionaries:
        assert final.keys[: len(dictionary.keys)] == dictionary.keys


def test_keys_of_any_text_are_kept_apart(valkey: redis.Redis) -> None:
    wanted = [("a", "b:c"), ("a:b", "c"), ("a", "Đường {kính}")]
    assert set(register_affinity_keys(valkey, wanted).keys) == set(wanted)


def test_registered_schemas_are_found_by_the_id_in_the_vectors(valkey: redis.Redis) -> None:
    schema = VectorSchema.of([("trips", {"aggregate": "count"})])
    register_vector_schema(valkey, schema)
    register_vector_schema(valkey, schema)
    assert read_vector_schemas(valkey) == {schema.id: schema}
