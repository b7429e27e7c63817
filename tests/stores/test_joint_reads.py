"""Who asks in the same turn reads together, and nobody gets what is another one's."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import pytest
import redis
from samples import NOW_MS
from shoppers import CODEC, RING, person_of

from nextbest_service.clock import FixedClock
from nextbest_service.customers.portion import Portion
from nextbest_service.errors import StoreTimeoutError, StoreUnavailableError
from nextbest_service.store import joint_reads
from nextbest_service.store.connection import connect
from nextbest_service.store.customers import ReadPlan
from nextbest_service.store.joint_reads import JointReads
from nextbest_service.store.keys import Identity, Ref, person_key

PLAN, PEOPLE = ReadPlan(capped=("loan",)), 60


@asynccontextmanager
async def reads_at(url: str) -> AsyncIterator[JointReads]:
    """Yield joint reads on a store."""
    store = connect(url, 1000)
    try:
        await store.run([("PING",)])
        yield JointReads(store, FixedClock(NOW_MS))
    finally:
        await store.aclose()


def everybody(client: redis.Redis) -> list[Ref]:
    """Put some people into a store, each with a number, and return their refs."""
    refs = []
    for number in range(PEOPLE):
        fields = CODEC.changes(None, person_of(Portion(facts={"number": number}))).set
        refs.append(RING.ref(Identity("customer", str(number))))
        client.hset(cast(str, person_key(refs[-1])), mapping=cast(dict[str, bytes], fields))
    return refs


def calls(client: redis.Redis, command: str) -> int:
    """Return how often a store ran a command."""
    return int(client.info("commandstats").get(f"cmdstat_{command}", {"calls": 0})["calls"])


async def test_everybody_gets_their_own_also_when_others_hang_up(
    valkey: redis.Redis, valkey_url: str
) -> None:
    refs, dice = everybody(valkey), random.Random(7)
    own = {ref: valkey.hgetall(cast(str, person_key(ref))) for ref in refs}
    async with reads_at(valkey_url) as reads:

        async def ask(*asked: Ref) -> bool:
            await asyncio.sleep(dice.random() / 500)
            _, stored = await reads.read(asked, PLAN, NOW_MS)
            return stored == {ref: own[ref] for ref in asked}

        for _ in range(20):
            asks = [
                asyncio.create_task(ask(*dice.sample(refs, dice.choice((1, 1, 1, 2, 3)))))
                for _ in range(PEOPLE)
            ]
            while not all(it.done() for it in asks):
                dice.choice(asks).cancel()
                await asyncio.sleep(0)
            answered = [it.result() for it in asks if not it.cancelled()]
            assert all(answered)
            assert await ask(*refs)


async def test_the_moment_is_asked_for_once_for_all(valkey: redis.Redis, valkey_url: str) -> None:
    refs = everybody(valkey)
    async with reads_at(valkey_url) as reads:
        before = calls(valkey, "time"), calls(valkey, "zcount"), calls(valkey, "hgetall")
        found = await asyncio.gather(*(reads.read((ref,), PLAN, NOW_MS) for ref in refs))
        after = calls(valkey, "time"), calls(valkey, "zcount"), calls(valkey, "hgetall")
        assert [b - a for a, b in zip(before, after, strict=True)] == [1, 1, len(refs) + 1]
        assert len({id(moment) for moment, _ in found}) == 1
        other = ReadPlan()
        moments = await asyncio.gather(*(reads.read(refs[:1], it, NOW_MS) for it in (PLAN, other, PLAN)))
        assert [moment.volumes for moment, _ in moments] == [{"loan": 0}, {}, {"loan": 0}]


async def test_a_hash_that_is_none_fails_its_caller_alone(valkey: redis.Redis, valkey_url: str) -> None:
    refs = everybody(valkey)
    valkey.set(cast(str, person_key(b"twelve bytes")), "no hash")
    async with reads_at(valkey_url) as reads:
        asked = [reads.read((ref,), PLAN, NOW_MS) for ref in (refs[0], b"twelve bytes", refs[1])]
        first, refused, last = await asyncio.gather(*asked, return_exceptions=True)
    assert isinstance(refused, StoreUnavailableError)
    assert not isinstance(first, BaseException)
    assert not isinstance(last, BaseException)


async def test_where_the_store_hangs_all_hear_of_it_and_the_next_one_asks_anew(
    valkey: redis.Redis, valkey_url: str
) -> None:
    refs = everybody(valkey)
    store = connect(valkey_url, 200)
    reads = JointReads(store, FixedClock(NOW_MS))
    try:
        await reads.read(refs[:1], PLAN, NOW_MS)  # the line opens with the first one
        valkey.execute_command("CLIENT", "PAUSE", 600, "ALL")
        asked = [reads.read((ref,), PLAN, NOW_MS) for ref in refs[:3]]
        results = await asyncio.gather(*asked, return_exceptions=True)
        assert [*map(type, results)] == [StoreTimeoutError] * 3
        await asyncio.sleep(0.6)
        _, stored = await reads.read(refs[:1], PLAN, NOW_MS)
        assert stored[refs[0]]
    finally:
        await store.aclose()


async def test_more_than_any_answer_could_be_in_time_for_are_turned_away(
    valkey: redis.Redis, valkey_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    refs = everybody(valkey)
    monkeypatch.setattr(joint_reads, "MOST_WAITING", 5)
    async with reads_at(valkey_url) as reads:
        for _ in range(2):  # who was answered waits no more
            asked = [reads.read((ref,), PLAN, NOW_MS) for ref in refs[:8]]
            results = await asyncio.gather(*asked, return_exceptions=True)
            assert [isinstance(it, StoreUnavailableError) for it in results] == [False] * 5 + [True] * 3
