"""Decisions while the store hangs, or time is short: simpler, in time, and within all closed rules."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import deciding as deciding_module
import pytest
from deciding import ANNA, NOW_MS, HandClock, deciding, offers, question
from store_process import StoreProcess, store_process

from nextbest.v1 import action_pb2, decision_pb2
from nextbest_rules import Direction, Placement
from nextbest_rules.records import Kill
from nextbest_service.api.decision_servicer import DecisionServicer
from nextbest_service.customers.care import Care
from nextbest_service.decision_log.log import DecisionLog
from nextbest_service.decisions.decider import Decider
from nextbest_service.decisions.decision import PlacementDecision
from nextbest_service.decisions.last_known import LastKnown
from nextbest_service.decisions.pace import Pace
from nextbest_service.decisions.request import PlacementRequest
from nextbest_service.errors import AuditUnavailableError, StoreUnavailableError
from nextbest_service.store.connection import connect, connect_for_bulk, guarded
from nextbest_service.store.keys import Identity
from nextbest_service.store.links import Links

STRANDED = Path(__file__).parents[1] / "catalogs" / "stranded"
TIMEOUT_MS = 50
BUSY_SECONDS = 0.5  # what a machine with other work may take longer
BEN = Identity("customer", "ben")
LAST_KNOWN = decision_pb2.DEGRADATION_RUNG_LAST_KNOWN_GOOD
FALLBACK = decision_pb2.DEGRADATION_RUNG_PLACEMENT_FALLBACK
STATIC = decision_pb2.DEGRADATION_RUNG_STATIC_PRIORITY


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreProcess]:
    with store_process(tmp_path_factory.mktemp("store")) as running:
        yield running


@asynccontextmanager
async def decided(process: StoreProcess) -> AsyncIterator[Decider]:
    """Yield a decider that has answered before, so that all lines are open."""
    with connect_for_bulk(process.url) as bulk:
        bulk.flushall()
    async with deciding(process.url, HandClock(), STRANDED, timeout_ms=TIMEOUT_MS, room=100) as decider:
        await until(lambda: warmed(decider))
        try:
            yield decider
        finally:
            process.resume()


async def ask(
    decider: Decider, request: decision_pb2.DecideRequest, seconds: float = 30.0
) -> decision_pb2.DecideResponse:
    return decision_pb2.DecideResponse.FromString(await servicer(decider, seconds).decide(request, None))


async def warmed(decider: Decider) -> bool:
    answer = await ask(decider, question(of=Identity("customer", "warm")))
    return {it.reason for it in answer.degraded} <= {"MODEL_UNAVAILABLE"}


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        while not await holds():
            await asyncio.sleep(0.01)


def run(story: Callable[[], Coroutine[object, object, None]]) -> None:
    asyncio.run(story())


def rungs(answer: decision_pb2.DecideResponse) -> list[tuple[str, int, str]]:
    return [(it.placement_id, it.rung, it.reason) for it in answer.degraded]


def test_what_was_answered_last_is_given_again_within_closed_rules(process: StoreProcess) -> None:
    async def story() -> None:
        async with decided(process) as decider:
            before = await ask(decider, question("home"))
            assert offers(before) == ["best", "note"]
            process.hang()
            started = time.monotonic()
            answer = await ask(decider, question("home"))
            assert time.monotonic() - started < TIMEOUT_MS / 1000 + BUSY_SECONDS
            assert offers(answer) == ["note"]  # a cap may count the best by now
            (shown,) = answer.placements[0].propositions
            assert shown.selection_type == action_pb2.SELECTION_TYPE_LAST_KNOWN_GOOD
            assert rungs(answer) == [("home", LAST_KNOWN, "STORE_TIMEOUT")]
            assert shown.token
            assert answer.decided_at_unix_ms == NOW_MS
            assert not answer.customer_known

    run(story)


def test_who_was_never_answered_gets_the_fallback_if_no_closed_rule_could_stop_it(
    process: StoreProcess,
) -> None:
    async def story() -> None:
        async with decided(process) as decider:
            process.hang()
            answer = await ask(decider, question("home", "corner", "shelf", of=BEN))
            assert [[it.action_id for it in place.propositions] for place in answer.placements] == [
                ["hint"],
                [],
                [],
            ]
            assert rungs(answer) == [
                (place, FALLBACK, "STORE_TIMEOUT") for place in ("home", "corner", "shelf")
            ]

    run(story)


def test_that_somebody_cannot_be_read_does_not_make_them_a_stranger(process: StoreProcess) -> None:
    async def story() -> None:
        async with decided(process) as decider:
            wide = question("home")
            wide.placements[0].limit = 10
            assert "welcome" in offers(await ask(decider, wide))
            process.hang()
            assert offers(await ask(decider, wide)) == ["note", "tip"]

    run(story)


def test_nobody_is_contacted_whom_nobody_can_read(process: StoreProcess) -> None:
    async def story() -> None:
        async with decided(process) as decider:
            before = await ask(decider, question("letter"))
            assert offers(before)
            process.hang()
            answer = await ask(decider, question("letter"))
            assert offers(answer) == []
            assert rungs(answer) == [("letter", FALLBACK, "STORE_TIMEOUT")]

    run(story)


def test_what_an_operator_stopped_stays_stopped(process: StoreProcess) -> None:
    async def story() -> None:
        async with decided(process) as decider:
            assert offers(await ask(decider, question("home"))) == ["best", "note"]
            decider.last_known.stop({"note": Kill("no more", NOW_MS)})
            process.hang()
            assert offers(await ask(decider, question("home"))) == ["hint"]

    run(story)


def test_a_wish_of_the_caller_holds_and_exclusions_say_why(process: StoreProcess) -> None:
    async def story() -> None:
        async with decided(process) as decider:
            await ask(decider, question("home"))
            process.hang()
            wish = question("home", explain_level=decision_pb2.EXPLAIN_LEVEL_EXCLUSIONS)
            wish.placements[0].excluded_action_ids.append("note")
            answer = await ask(decider, wish)
            assert offers(answer) == ["hint"]
            told = {it.action_id: it.rule_id for it in answer.exclusions}
            unread = dict.fromkeys(("note", "tip"), "customer_unread")
            assert told == {"best": "three_each", "welcome": "strangers", **unread}

    run(story)


def test_full_answers_come_back_with_the_store(process: StoreProcess) -> None:
    async def story() -> None:
        async with decided(process) as decider:
            process.hang()
            assert (await ask(decider, question("home"))).degraded
            process.resume()
            await until(lambda: warmed(decider))

    run(story)


def test_what_was_read_and_cannot_be_reserved_is_answered_without_what_a_cap_counts(
    process: StoreProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> None:
        async with decided(process) as decider:
            people = type(decider.people)
            commit = people.commit

            async def hung(self: object, written: object) -> object:
                process.hang()
                return await commit(self, written)  # type: ignore[arg-type]

            monkeypatch.setattr(people, "commit", hung)
            answer = await ask(decider, question("home", request_id="r-1"))
            assert offers(answer) == ["note", "tip"]
            assert [it.reason for it in answer.degraded] == ["MODEL_UNAVAILABLE", "STORE_TIMEOUT"]

    run(story)


def test_a_store_without_room_is_read_all_the_same(process: StoreProcess) -> None:
    """Without a request id nothing is written before the customer is read; with one, whose the id is."""

    async def story() -> None:
        async with decided(process) as decider:
            with process.client() as operator:
                operator.config_set("maxmemory", "1mb")  # less than it holds already
                for request in (question("home"), question("home", request_id="r-1")):
                    answer = await ask(decider, request)
                    assert offers(answer) == ["note", "tip"]  # and not the best, which a cap counts
                    assert [it.reason for it in answer.degraded] == ["MODEL_UNAVAILABLE", "STORE_UNAVAILABLE"]
                operator.config_set("maxmemory", "0")
            answer = await ask(decider, question("home", request_id="r-1"))
            assert offers(answer) == ["best", "note"]  # what was answered meanwhile is not remembered

    run(story)


def test_a_store_that_is_cut_off_from_its_replicas_is_not_believed(process: StoreProcess) -> None:
    """Another one may have taken over, and know of a "no" that this one has not heard."""

    async def story() -> None:
        async with decided(process) as decider:
            with process.client() as operator:
                operator.config_set("min-replicas-to-write", "1")
                answer = await ask(decider, question("home", request_id="r-1"))
                operator.config_set("min-replicas-to-write", "0")
            assert rungs(answer) == [("home", FALLBACK, "STORE_UNAVAILABLE")]

    run(story)


def test_an_answer_that_must_be_recorded_first_is_refused(process: StoreProcess) -> None:
    async def story() -> None:
        async with decided(process) as decider:
            process.hang()
            audited = question("home", audit_mode=decision_pb2.AUDIT_MODE_REQUIRED)
            with pytest.raises(AuditUnavailableError):
                await ask(decider, audited)

    run(story)


def test_degraded_decisions_are_recorded_with_their_rung_once_the_store_is_back(
    process: StoreProcess,
) -> None:
    async def story() -> None:
        async with decided(process) as decider:
            await ask(decider, question("home"))
            process.hang()
            answers = [await ask(decider, question("home", of=who)) for who in (ANNA, BEN)]
            dry = await ask(decider, question("home", dry_run=True))
            process.resume()
            await until(lambda: flushed(decider.log))
            records = {}
            for who in (ANNA, BEN):
                refs = decider.people.naming.who([who]).refs
                async for _, record in decider.log.of_person(refs):
                    records[record["id"]] = record
            kinds = [
                (records[it.decision_id]["selection_type"], records[it.decision_id]["degraded"])
                for it in answers
            ]
            assert kinds == [("LAST_KNOWN_GOOD", ["STORE_TIMEOUT"]), ("FALLBACK", ["STORE_TIMEOUT"])]
            assert dry.decision_id not in records

    run(story)


async def flushed(log: DecisionLog) -> bool:
    return not log.waiting


def test_erasing_or_unlinking_somebody_forgets_what_they_were_answered(process: StoreProcess) -> None:
    async def story() -> None:
        async with decided(process) as decider:
            for who in (ANNA, BEN):
                await ask(decider, question("home", of=who))
            refs = [decider.people.naming.who([who]).refs for who in (ANNA, BEN)]
            assert all(decider.last_known.of(own) for own in refs)
            care = Care(decider.people, Links(decider.people), None, None, decider.log, decider.last_known)  # type: ignore[arg-type]
            await care.unlink([BEN], "test")
            assert [bool(decider.last_known.of(own)) for own in refs] == [True, False]

    run(story)


def test_a_deadline_that_no_reading_can_keep_is_kept_without(process: StoreProcess) -> None:
    async def story() -> None:
        async with decided(process) as decider:
            await ask(decider, question("home"))
            for seconds in (0.0, 0.0025):
                started = time.monotonic()
                content = await servicer(decider, seconds).decide(question("home"), None)
                assert time.monotonic() - started < BUSY_SECONDS
                answer = decision_pb2.DecideResponse.FromString(content)
                assert offers(answer) == ["note"]
                assert rungs(answer) == [("home", LAST_KNOWN, "DEADLINE_SHORT")]

    run(story)


def test_a_hanging_store_is_waited_for_no_longer_than_the_deadline(process: StoreProcess) -> None:
    async def story() -> None:
        async with deciding(process.url, HandClock(), STRANDED, timeout_ms=20_000) as decider:
            await ask(decider, question("home"))
            process.hang()
            started = time.monotonic()
            content = await servicer(decider, 0.1).decide(question("home"), None)
            assert time.monotonic() - started < 0.1 + BUSY_SECONDS
            assert rungs(decision_pb2.DecideResponse.FromString(content)) == [
                ("home", LAST_KNOWN, "DEADLINE_SHORT")
            ]
            process.resume()

    run(story)


def test_where_the_model_would_take_too_long_the_static_priority_ranks(process: StoreProcess) -> None:
    async def story() -> None:
        async with decided(process) as decider:
            slow = replace(decider, pace=Pace(average_ns=int(1e9)))
            content = await servicer(slow, 1.0).decide(question("home"), None)
            answer = decision_pb2.DecideResponse.FromString(content)
            assert offers(answer) == ["best", "note"]
            assert rungs(answer) == [("", STATIC, "DEADLINE_SHORT")]

    run(story)


def servicer(decider: Decider, seconds: float) -> DecisionServicer:
    return DecisionServicer(lambda: decider, patience=seconds)


def test_with_a_breaker_nobody_waits_for_a_store_that_hangs(
    process: StoreProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deciding_module, "connect", lambda url, ms: guarded(connect(url, ms)))

    async def story() -> None:
        async with decided(process) as decider:
            await ask(decider, question("home"))
            process.hang()
            breaker = decider.people.hashes.store.breaker
            assert breaker is not None
            while not breaker.is_open:
                await ask(decider, question("home"))
            started = time.monotonic()
            answers = [await ask(decider, question("home")) for _ in range(50)]
            assert time.monotonic() - started < 50 * 0.01 + BUSY_SECONDS
            assert {offers(it)[0] for it in answers} == {"note"}
            assert {rungs(it)[0] for it in answers} == {("home", LAST_KNOWN, "STORE_UNAVAILABLE")}
            process.resume()
            await until(lambda: warmed(decider))

    run(story)


def test_who_waits_for_ever_hears_of_it(process: StoreProcess) -> None:
    """Such as a campaign, which comes again later."""

    async def story() -> None:
        async with decided(process) as decider:
            process.hang()
            with pytest.raises(StoreUnavailableError):
                await DecisionServicer(lambda: decider).decide(question("home"), None)

    run(story)


def test_the_memory_is_bounded_by_number_and_by_age() -> None:
    now = [0.0]
    last_known = LastKnown(persons=2, seconds=10.0, clock=lambda: now[0])
    for name in (b"a", b"b", b"a", b"c"):
        last_known.remember(name, ())
    assert [*last_known._answers] == [b"a", b"c"]
    placement = Placement("home", "Home", ("web",), Direction.INBOUND, frozenset(), 1, 1)
    home = PlacementDecision(PlacementRequest(placement, 1, 0), ())
    last_known.remember(b"a", [home])
    now[0] = 9.0
    last_known.remember(b"b", [home])
    now[0] = 11.0
    assert (last_known.of([b"a"]), last_known.of([b"b"])) == ({}, {"home": []})
    last_known = LastKnown(persons=0)
    last_known.remember(b"a", ())
    assert len(last_known) == 0
