"""What a decision takes of limits is reserved: caps hold however many ask at once, and nothing stays held."""

import asyncio
from collections import Counter

import pytest
from deciding import ANNA, DAY_MS, LIMITED, MINUTE_MS, NOW_MS, HandClock, ask, deciding, offers, question

from nextbest.v1 import decision_pb2
from nextbest_rules.records import RESERVED, Kill
from nextbest_service.decisions import asking
from nextbest_service.decisions.decider import Decider
from nextbest_service.store.connection import SyncClient
from nextbest_service.store.keys import Identity, held_key, person_key
from nextbest_service.store.kills import write_kill
from nextbest_service.store.people import Commit, Outcome

EVERYTHING = ["best"] * 3 + ["second"] * 3


async def contacts_of(decider: Decider, customer: Identity) -> Counter[str]:
    """Return the contacts that count for a customer, by action."""
    refs = decider.people.naming.who([customer]).refs
    reading = await decider.customers.load(refs, "", decider.generation.plan)
    assert reading.customer.contacts is not None
    assert {contact.outcome for contact in reading.customer.contacts} <= {RESERVED}
    return Counter(contact.action for contact in reading.customer.contacts)


def test_forty_deciders_at_once_reserve_exactly_what_the_cap_allows(
    each_valkey: SyncClient, each_valkey_url: str
) -> None:
    del each_valkey
    many = 5 if "cluster" in each_valkey_url else 20
    customers = [Identity("customer", str(number)) for number in range(many)]

    async def race() -> None:
        async with (
            deciding(each_valkey_url, HandClock()) as one,
            deciding(each_valkey_url, HandClock()) as other,  # another process has locks of its own
        ):
            for customer in customers:
                request = question(of=customer)
                answers = await asyncio.gather(
                    *(ask(decider, request) for decider in (one, other) for _ in range(20))
                )
                given = sorted(name for answer in answers for name in offers(answer))
                assert given == sorted(EVERYTHING + ["note"] * 34)
                assert await contacts_of(one, customer) == {"best": 3, "second": 3}

    asyncio.run(race())


def test_reservations_end_with_their_hold_time(each_valkey: SyncClient, each_valkey_url: str) -> None:
    del each_valkey

    async def decide() -> None:
        clock = HandClock()
        async with deciding(each_valkey_url, clock) as decider:
            for expected in EVERYTHING[:3]:
                assert offers(await ask(decider, question())) == [expected]
            clock.time_ms += 10 * MINUTE_MS - 1
            assert offers(await ask(decider, question())) == ["second"]
            clock.time_ms += 1
            assert offers(await ask(decider, question())) == ["best"]
            assert await contacts_of(decider, ANNA) == {"best": 1, "second": 1}

    asyncio.run(decide())


def test_a_placement_may_hold_longer(valkey_url: str, valkey: SyncClient) -> None:
    del valkey

    async def decide() -> None:
        clock = HandClock()
        async with deciding(valkey_url, clock) as decider:
            for _ in range(3):
                await ask(decider, question("kiosk"))
            clock.time_ms += 60 * MINUTE_MS - 1
            assert offers(await ask(decider, question())) == ["second"]
            clock.time_ms += 1
            assert offers(await ask(decider, question())) == ["best"]

    asyncio.run(decide())


def test_an_action_in_two_placements_is_one_contact(valkey_url: str, valkey: SyncClient) -> None:
    del valkey

    async def decide() -> None:
        async with deciding(valkey_url, HandClock()) as decider:
            answer = await ask(decider, question("home", "kiosk", allow_duplicates=True))
            assert offers(answer) == ["best", "best"]
            assert await contacts_of(decider, ANNA) == {"best": 1}

    asyncio.run(decide())


def test_one_answer_reserves_no_more_than_what_is_left(valkey_url: str, valkey: SyncClient) -> None:
    del valkey

    async def decide() -> None:
        async with deciding(valkey_url, HandClock(), LIMITED.parent / "crowded") as decider:
            assert offers(await ask(decider, question("letter"))) == ["bread", "soap", "alarm"]
            assert offers(await ask(decider, question("letter"))) == ["bread", "alarm", "recipe"]
            assert offers(await ask(decider, question("letter"))) == ["alarm", "recipe", "hint"]
            assert await contacts_of(decider, ANNA) == {"bread": 2, "soap": 1}

    asyncio.run(decide())


def test_what_no_cap_counts_writes_nothing(valkey_url: str, valkey: SyncClient) -> None:
    async def decide() -> None:
        async with deciding(valkey_url, HandClock()) as decider:
            answer = await ask(decider, question(candidate_action_ids=["note"]))
            assert offers(answer) == ["note"]
            (ref,) = decider.people.naming.who([ANNA]).refs
            assert not valkey.exists(person_key(ref))

    asyncio.run(decide())


def test_a_dry_run_leaves_the_store_as_it_was(each_valkey: SyncClient, each_valkey_url: str) -> None:
    async def decide() -> None:
        async with deciding(each_valkey_url, HandClock()) as decider:
            await ask(decider, question())
            await decider.log.flush()
            before = everything_in(each_valkey)
            for _ in range(5):
                answer = await ask(decider, question(dry_run=True, request_id="again"))
                assert offers(answer) == ["best"]
                assert answer.decision_id
                assert not answer.placements[0].propositions[0].token
            await ask(decider, question("letter", dry_run=True))
            await decider.log.flush()
            assert everything_in(each_valkey) == before

    asyncio.run(decide())


def everything_in(store: SyncClient) -> dict[bytes, bytes]:
    """Return every key of a store with its content."""
    return {key: store.dump(key) for key in sorted(store.scan_iter(count=1000))}


def test_a_volume_cap_holds_over_all_customers(each_valkey: SyncClient, each_valkey_url: str) -> None:
    each_valkey.hset("nb:{volumes}", "rare", 2)  # before we counted

    async def race() -> None:
        async with deciding(each_valkey_url, HandClock()) as decider:
            requests = [question("letter", of=Identity("customer", str(number))) for number in range(30)]
            answers = await asyncio.gather(*(ask(decider, request) for request in requests))
            assert Counter(name for answer in answers for name in offers(answer)) == {"rare": 3, "best": 27}
            assert each_valkey.zcard(held_key("rare")) == 3

    asyncio.run(race())


def test_volumes_are_given_back_confirmed_or_forgotten(each_valkey: SyncClient, each_valkey_url: str) -> None:
    del each_valkey

    async def decide() -> None:
        clock = HandClock()

        async def letters(decider: Decider, *customers: str) -> list[decision_pb2.DecideResponse]:
            return [await ask(decider, question("letter", of=Identity("customer", it))) for it in customers]

        async with deciding(each_valkey_url, clock) as decider:
            answers = await letters(decider, "a", "b", "c", "d", "e", "f")
            assert [offers(it)[0] for it in answers] == ["rare"] * 5 + ["best"]
            shown, failed = answers[0].decision_id, answers[1].decision_id
            await decider.volumes.confirm([("rare", shown), ("best", shown)])
            await decider.volumes.release([("rare", failed), ("rare", shown)])
            assert [offers(it)[0] for it in await letters(decider, "g", "h")] == ["rare", "best"]
            clock.time_ms += DAY_MS
            later = await letters(decider, "i", "j", "k", "l", "m")
            assert [offers(it)[0] for it in later] == ["rare"] * 4 + ["best"]

    asyncio.run(decide())


def test_where_others_keep_changing_a_customer_only_unlimited_actions_are_left(
    valkey_url: str, valkey: SyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    del valkey
    monkeypatch.setattr(asking, "MOST_TRIES", 0)

    async def decide() -> None:
        async with deciding(valkey_url, HandClock()) as decider:
            answer = await ask(decider, question(request_id="busy"))
            assert offers(answer) == ["note"]
            assert [it.reason for it in answer.degraded][-1] == "CUSTOMER_BUSY"

    asyncio.run(decide())


def test_a_damaged_customer_gets_what_needs_no_reservation(valkey_url: str, valkey: SyncClient) -> None:
    async def decide() -> None:
        async with deciding(valkey_url, HandClock()) as decider:
            await ask(decider, question())
            (ref,) = decider.people.naming.who([ANNA]).refs
            valkey.hset(person_key(ref), "i", b"damaged")
            before = valkey.hgetall(person_key(ref))
            answer = await ask(decider, question())
            assert offers(answer) == ["note"]
            assert "STATE_UNREADABLE" in [it.reason for it in answer.degraded]
            assert valkey.hgetall(person_key(ref)) == before

    asyncio.run(decide())


def test_a_known_identity_keeps_the_reservation_else_the_strongest(
    valkey_url: str, valkey: SyncClient
) -> None:
    del valkey
    cookie = Identity("cookie", "c1")

    async def decide() -> None:
        async with deciding(valkey_url, HandClock()) as decider:
            request = question(of=cookie)
            request.identities.add(namespace="customer", id="anna")
            await ask(decider, request)
            assert await contacts_of(decider, ANNA) == {"best": 1}
            assert await contacts_of(decider, cookie) == {}
            await ask(decider, question(of=cookie))
            await ask(decider, request)  # now the cookie is known, and comes first
            assert await contacts_of(decider, cookie) == {"best": 2}

    asyncio.run(decide())


def test_a_volume_that_a_lost_try_held_is_given_back(valkey_url: str, valkey: SyncClient) -> None:
    async def decide() -> None:
        async with deciding(valkey_url, HandClock()) as decider:
            commit = decider.people.commit

            async def loses_once(_commit: Commit) -> Outcome | bytes:
                assert valkey.zcard(held_key("rare")) == 1
                write_kill(valkey, "rare", Kill("stopped in the meantime", NOW_MS))
                decider.people.commit = commit  # type: ignore[method-assign]
                return Outcome.CHANGED

            decider.people.commit = loses_once  # type: ignore[method-assign]
            request = question("letter")
            request.placements[0].limit = 2
            assert offers(await ask(decider, request)) == ["best", "second"]
            assert valkey.zcard(held_key("rare")) == 0

    asyncio.run(decide())
