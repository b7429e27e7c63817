"""A request id gets one answer: the same bytes again, counted once, and never for another question."""

import asyncio
import time
from pathlib import Path
from typing import Any, cast

import grpc
import pytest
from deciding import ANNA, LIMITED, HandClock, ask, ask_for_bytes, deciding, offers, question

from nextbest_service.decisions.remembered import ReusedRequestIdError
from nextbest_service.store.connection import SyncClient
from nextbest_service.store.keys import DECISION_LOG, Identity


def test_the_same_question_again_gets_the_same_bytes_and_counts_once(
    each_valkey: SyncClient, each_valkey_url: str
) -> None:
    async def decide() -> None:
        async with deciding(each_valkey_url, HandClock()) as decider:
            request = question("home", "kiosk", request_id="q1", explain_level=2)
            first = await ask_for_bytes(decider, request)
            for _ in range(10):
                assert await ask_for_bytes(decider, request) == first
            assert offers(await ask(decider, question())) == ["best"]
            await decider.log.flush()
            assert each_valkey.xlen(DECISION_LOG) == 2
            (ref,) = decider.people.naming.who([ANNA]).refs
            person, _ = await decider.people.person(ref)
            assert person is not None
            actions = [it.action for portion in person.portions for it in portion.reservations]
            assert sorted(actions) == ["best", "best", "second"]

    asyncio.run(decide())


def test_many_at_once_with_one_id_get_one_answer(each_valkey: SyncClient, each_valkey_url: str) -> None:
    del each_valkey

    async def race() -> None:
        async with (
            deciding(each_valkey_url, HandClock()) as one,
            deciding(each_valkey_url, HandClock()) as other,
        ):
            request = question(request_id="at once")
            answers = await asyncio.gather(
                *(ask_for_bytes(decider, request) for decider in (one, other) for _ in range(15))
            )
            assert len(set(answers)) == 1
            rest = [offers(await ask(one, question()))[0] for _ in range(3)]
            assert rest == ["best", "best", "second"]

    asyncio.run(race())


def test_an_answer_without_reservations_is_remembered_too(valkey_url: str, valkey: SyncClient) -> None:
    del valkey

    async def decide() -> None:
        async with deciding(valkey_url, HandClock()) as decider:
            request = question(request_id="plain", candidate_action_ids=["note"])
            assert await ask_for_bytes(decider, request) == await ask_for_bytes(decider, request)

    asyncio.run(decide())


@pytest.mark.parametrize(
    "other",
    [
        question("kiosk", request_id="q1"),
        question(request_id="q1", include_content=True),
        question(request_id="q1", audit_mode=2),
        question(request_id="q1", of=Identity("customer", "ben")),
    ],
    ids=["other placements", "with content", "with audit", "about somebody else"],
)
def test_a_request_id_with_another_body_is_refused(
    valkey_url: str, valkey: SyncClient, other: object
) -> None:
    del valkey

    async def decide() -> None:
        async with deciding(valkey_url, HandClock()) as decider:
            await ask(decider, question(request_id="q1"))
            with pytest.raises(ReusedRequestIdError) as caught:
                await ask(decider, other)  # type: ignore[arg-type]
            assert caught.value.status is grpc.StatusCode.ALREADY_EXISTS
            assert caught.value.reason == "REUSED_REQUEST_ID"
            assert "q1" not in caught.value.message

    asyncio.run(decide())


def test_of_two_questions_at_once_under_one_request_id_one_is_refused(
    valkey_url: str, valkey: SyncClient
) -> None:
    del valkey

    async def decide() -> None:
        async with deciding(valkey_url, HandClock()) as decider:
            two = question(request_id="q1"), question("kiosk", request_id="q1")
            results = await asyncio.gather(*(ask(decider, it) for it in two), return_exceptions=True)
            assert sum(isinstance(result, ReusedRequestIdError) for result in results) == 1

    asyncio.run(decide())


def test_what_stands_in_the_store_for_a_request_id_shows_neither_it_nor_the_question(
    valkey_url: str, valkey: SyncClient
) -> None:
    async def decide() -> None:
        async with deciding(valkey_url, HandClock()) as decider:
            await ask(decider, question(request_id="q1-canary"))

    asyncio.run(decide())
    claims: Any = valkey.keys("nb:q:*")
    assert len(claims) == 1
    assert valkey.pttl(claims[0]) > 0
    assert b"canary" not in b"".join(claims) + cast(bytes, valkey.get(claims[0]))


def test_an_answer_is_forgotten_after_twice_the_hold_time(
    valkey_url: str, valkey: SyncClient, tmp_path: Path
) -> None:
    del valkey
    for file in LIMITED.rglob("*.yaml"):
        copy = tmp_path / file.relative_to(LIMITED)
        copy.parent.mkdir(exist_ok=True)
        copy.write_text(file.read_text().replace("hold: 10m", "hold: 1s"))

    async def decide() -> None:
        async with deciding(valkey_url, HandClock(), tmp_path) as decider:
            first = await ask(decider, question(request_id="q1"))
            time.sleep(0.9)
            assert await ask(decider, question(request_id="q1")) == first
            time.sleep(1.2)
            assert (await ask(decider, question(request_id="q1"))).decision_id != first.decision_id

    asyncio.run(decide())
