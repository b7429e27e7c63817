"""What all customers' state is written under only ever grows."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest
from persons_in_valkey import World

from nextbest_service.store import keys
from nextbest_service.store.connection import SyncClient
from nextbest_service.store.registry import (
    AffinityDictionary,
    AffinityIds,
    register_affinity_keys,
)


def test_an_affinity_key_keeps_its_id_when_others_join(each_valkey: SyncClient) -> None:
    first = register_affinity_keys(each_valkey, [("category", "MILK"), ("category", "BREAD")])
    second = register_affinity_keys(each_valkey, [("category", "APPLES"), ("category", "MILK")])
    assert first.keys == (("category", "BREAD"), ("category", "MILK"))
    assert second.keys == (*first.keys, ("category", "APPLES"))
    assert second.epoch == first.epoch


def test_a_dictionary_that_was_lost_comes_back_under_another_epoch(each_valkey: SyncClient) -> None:
    before = register_affinity_keys(each_valkey, [("category", "MILK")])
    each_valkey.delete(keys.AFFINITY_KEYS)
    each_valkey.delete(keys.AFFINITY_EPOCH)
    assert register_affinity_keys(each_valkey, [("category", "BREAD")]).epoch != before.epoch


def test_concurrent_registrations_never_give_two_keys_one_id(each_valkey: SyncClient) -> None:
    shares = [
        [("category", str(number)) for number in range(start, start + 900)] for start in range(0, 2400, 300)
    ]
    with ThreadPoolExecutor(8) as pool:
        dictionaries = list(pool.map(lambda share: register_affinity_keys(each_valkey, share), shares))
    final = register_affinity_keys(each_valkey, [])
    assert len(final.keys) == len(set(final.keys)) == 3000
    assert {dictionary.epoch for dictionary in dictionaries} == {final.epoch}
    for dictionary in dictionaries:
        assert final.keys[: len(dictionary.keys)] == dictionary.keys


def test_keys_of_any_text_are_kept_apart(each_valkey: SyncClient) -> None:
    wanted = [("a", "b:c"), ("a:b", "c"), ("a", "Đường {kính}")]
    assert set(register_affinity_keys(each_valkey, wanted).keys) == set(wanted)


async def test_keys_that_a_running_service_meets_get_ids_that_everybody_shares(
    world: World, each_valkey: SyncClient
) -> None:
    milk, bread, eggs = (("category", name) for name in ("MILK", "BREAD", "EGGS"))
    dictionary = register_affinity_keys(each_valkey, [milk])
    one, other = (AffinityIds.of(world.store, dictionary) for _ in range(2))
    await asyncio.gather(one.meet([bread, milk]), other.meet([eggs, bread]))
    await one.meet([eggs])
    assert one.known[milk] == 0
    assert one.known == {**one.known, **other.known}
    assert register_affinity_keys(each_valkey, []).keys == tuple(sorted(one.known, key=one.known.__getitem__))


async def test_known_keys_are_not_asked_for(world: World) -> None:
    ids = AffinityIds.of(world.store, AffinityDictionary(b"epoch-01", (("category", "MILK"),)))
    await world.store.aclose()
    world.flaky.share = 1.0
    await ids.meet([("category", "MILK")])


async def test_ids_of_a_dictionary_that_was_replaced_are_not_mixed_in(
    world: World, each_valkey: SyncClient
) -> None:
    ids = AffinityIds.of(world.store, AffinityDictionary(b"epoch-00", (("category", "MILK"),)))
    register_affinity_keys(each_valkey, [])
    await ids.meet([("category", "BREAD")])
    assert ids.known == {("category", "MILK"): 0}


async def test_there_is_a_limit_to_the_keys(
    world: World, each_valkey: SyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nextbest_service.store.registry.MOST_AFFINITY_KEYS", 3)
    ids = AffinityIds.of(world.store, register_affinity_keys(each_valkey, []))
    await ids.meet([("category", str(number)) for number in range(5)])
    assert sorted(ids.known.values()) == [0, 1, 2]
    await ids.meet([("category", "9")])
    assert len(ids.known) == 3
