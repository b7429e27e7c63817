"""The decision log: every decision with what it rested on, never lost without a word."""

import asyncio
import json
from datetime import UTC, datetime

import numpy as np
import pytest
import redis
from deciding import ANNA, NOW_MS, HandClock, ask, deciding, offers, question

from nextbest.v1 import decision_pb2
from nextbest_service.decision_log.decisions import DecisionRecord
from nextbest_service.decision_log.entries import Entry, Kind, append
from nextbest_service.decision_log.gaps import read_gap
from nextbest_service.decision_log.logged_decision import LoggedDecision
from nextbest_service.decision_log.outcomes import LoggedOutcome, read_outcome
from nextbest_service.decision_log.plain import plain
from nextbest_service.decision_log.source import LogSource
from nextbest_service.decisions.factors import Factors
from nextbest_service.errors import AuditUnavailableError
from nextbest_service.store.connection import SyncClient
from nextbest_service.store.keys import DECISION_LOG, LOG_ERASURES

REQUIRED = decision_pb2.AUDIT_MODE_REQUIRED


def outcome_of(answer: decision_pb2.DecideResponse, ref: bytes, outcome_id: str = "o1") -> LoggedOutcome:
    """Return that the first proposition of an answer was displayed."""
    return LoggedOutcome(
        source="web",
        id=outcome_id,
        type="DISPLAYED",
        at_ms=NOW_MS,
        received_ms=NOW_MS,
        decision=answer.decision_id,
        customer=ref,
        action=answer.placements[0].propositions[0].action_id,
        placement="home",
        channel="web",
        brand="",
        properties={"seconds": 3.5},
    )


def decisions_in(store: SyncClient) -> list[LoggedDecision]:
    """Return all decisions that are recorded, oldest first."""
    source = LogSource(store)
    return [source.decision(entry) for entry in source.newest(1000) if entry.kind is Kind.DECISION]


def test_a_record_says_what_was_asked_read_compared_and_offered(
    each_valkey: SyncClient, each_valkey_url: str
) -> None:
    async def decide() -> decision_pb2.DecideResponse:
        async with deciding(each_valkey_url, HandClock()) as decider:
            for _ in range(3):
                await ask(decider, question())
            request = question("home", "kiosk", request_id="q1", audit_mode=REQUIRED)
            request.placements[0].excluded_action_ids.append("note")
            return await ask(decider, request)

    answer = asyncio.run(decide())
    (decision,) = [it for it in decisions_in(each_valkey) if it.id == answer.decision_id]
    assert decision.decided_at_ms == NOW_MS
    assert (decision.request_id, decision.channel, decision.known) == ("q1", "web", False)
    assert decision.legend.versions.catalog == answer.versions.catalog
    assert decision.features == {"orders": 0.0}
    assert decision.facts == {}
    count, rows = decision.records["contacts"]
    assert count == 3
    assert dict(rows[0]) == {
        "action": "best",
        "outcome": "RESERVED",
        "at_ms": NOW_MS,
        "channel": "web",
        "brand": "",
    }
    names = decision.legend.actions
    assert [names[row] for row in decision.competition.rows] == ["second", "note"]
    assert decision.competition.propensity.tolist() == pytest.approx([0.8, 0.1])
    assert decision.competition.value.tolist() == [10, 1]
    stopped = {it.stage: [names[row] for row in it.rows] for it in decision.stopped}
    assert stopped == {"contact_caps": ["best"]}
    assert [it.placement for it in decision.placements] == ["home", "kiosk"]
    assert decision.placements[0].excluded == ("note",)
    assert [[it.action for it in placement.offered] for placement in decision.placements] == [
        ["second"],
        ["note"],
    ]
    assert decision.placements[0].offered[0].selection_probability == 1.0
    assert decision.volumes == {"rare": 0}


def test_what_is_recorded_behind_the_answer_is_there_when_the_service_has_stopped(
    valkey_url: str, valkey: SyncClient
) -> None:
    async def decide() -> list[str]:
        async with deciding(valkey_url, HandClock()) as decider:
            return [(await ask(decider, question())).decision_id for _ in range(30)]

    ids = asyncio.run(decide())
    assert [decision.id for decision in decisions_in(valkey)] == ids


def test_an_outcome_is_recorded_with_its_proposition(valkey_url: str, valkey: SyncClient) -> None:
    async def decide() -> LoggedOutcome:
        async with deciding(valkey_url, HandClock()) as decider:
            answer = await ask(decider, question())
            outcome = outcome_of(answer, decider.people.naming.who([ANNA]).refs[0])
            await decider.log.record_outcomes([outcome])
            return outcome

    outcome = asyncio.run(decide())
    entries = [entry for entry in LogSource(valkey).newest(10) if entry.kind is Kind.OUTCOME]
    assert [read_outcome(entry) for entry in entries] == [outcome]


def test_the_log_keeps_no_more_than_it_may(valkey_url: str, valkey: SyncClient) -> None:
    async def decide() -> None:
        async with deciding(valkey_url, HandClock(), length=100) as decider:
            for _ in range(500):
                await ask(decider, question(candidate_action_ids=["note"]))

    asyncio.run(decide())
    assert 100 <= valkey.xlen(DECISION_LOG) < 300  # the stream drops whole blocks


def test_a_gap_is_counted_told_in_answers_and_closed_in_the_log(valkey_url: str, valkey: SyncClient) -> None:
    valkey.set(DECISION_LOG, "in the way")  # decisions work, the log does not

    async def decide() -> None:
        async with deciding(valkey_url, HandClock(), room=3) as decider:
            reasons = [[it.reason for it in (await ask(decider, question())).degraded] for _ in range(6)]
            assert ["AUDIT_GAP" in told for told in reasons] == [False] * 4 + [True] * 2
            assert decider.log.dropped == 3
            valkey.delete(DECISION_LOG)
            await decider.log.flush()
            assert not decider.log.gap_is_open
            answer = await ask(decider, question())
            assert "AUDIT_GAP" not in [it.reason for it in answer.degraded]

    asyncio.run(decide())
    entries = LogSource(valkey).newest(10)
    gaps = [read_gap(entry) for entry in entries if entry.kind is Kind.GAP]
    assert (
        sum(gap.lost for gap in gaps) == 3
    )  # two where some were lost while the log was being told of others
    assert {(gap.from_ms, gap.to_ms) for gap in gaps} == {(NOW_MS, NOW_MS)}
    assert len(decisions_in(valkey)) == 4


def test_an_answer_that_must_be_recorded_is_not_given_without_but_is_the_same_later(
    each_valkey: SyncClient, each_valkey_url: str
) -> None:
    each_valkey.set(DECISION_LOG, "in the way")

    async def decide() -> None:
        async with deciding(each_valkey_url, HandClock()) as decider:
            request = question(request_id="q1", audit_mode=REQUIRED)
            for _ in range(3):
                with pytest.raises(AuditUnavailableError) as caught:
                    await ask(decider, request)
                assert caught.value.reason == "AUDIT_UNAVAILABLE"
            each_valkey.delete(DECISION_LOG)
        async with deciding(each_valkey_url, HandClock()) as decider:  # even after a restart
            answer = await ask(decider, request)
            (decision,) = decisions_in(each_valkey)
            assert decision.id == answer.decision_id
            rest = [offers(await ask(decider, question()))[0] for _ in range(3)]
            assert rest == ["best", "best", "second"]  # it was counted once

    asyncio.run(decide())


def test_a_person_is_forgotten_with_all_entries(each_valkey: SyncClient, each_valkey_url: str) -> None:
    async def decide() -> None:
        async with deciding(each_valkey_url, HandClock()) as decider:
            (ref,) = decider.people.naming.who([ANNA]).refs
            answers = [await ask(decider, question()) for _ in range(5)]
            ben = question()
            ben.identities[0].id = "ben"
            bens = await ask(decider, ben)
            await decider.log.flush()
            await decider.log.record_outcomes([outcome_of(answers[0], ref)])
            held = [kind async for kind, _ in decider.log.of_person([ref])]
            assert held == ["decision"] * 5 + ["outcome"]
            assert await decider.log.erase([ref], NOW_MS) == 6
            assert [kind async for kind, _ in decider.log.of_person([ref])] == []
            assert [it.id for it in decisions_in(each_valkey)] == [bens.decision_id]
            assert await decider.log.erase([ref], NOW_MS) == 0
            assert ref not in b"".join(each_valkey.dump(key) for key in (DECISION_LOG, LOG_ERASURES))

    asyncio.run(decide())


def test_a_person_can_read_what_is_recorded(valkey_url: str, valkey: SyncClient) -> None:
    del valkey

    async def decide() -> None:
        async with deciding(valkey_url, HandClock()) as decider:
            (ref,) = decider.people.naming.who([ANNA]).refs
            answer = await ask(decider, question())
            await decider.log.flush()
            await decider.log.record_outcomes([outcome_of(answer, ref)])
            decision, outcome = [plain async for _, plain in decider.log.of_person([ref])]
            assert decision["decided_at"] == "2024-03-15T10:00:00.000+00:00"
            assert decision["candidates"][0]["action"] == "best"  # type: ignore[index]
            assert outcome["decision"] == answer.decision_id
            assert outcome["properties"] == {"seconds": 3.5}

    asyncio.run(decide())


def test_a_damaged_entry_hides_no_other(valkey_url: str, valkey: redis.Redis) -> None:
    async def decide() -> None:
        async with deciding(valkey_url, HandClock()) as decider:
            (ref,) = decider.people.naming.who([ANNA]).refs
            await ask(decider, question())
            await decider.log.flush()
            for body in (b"", b"12345678", b"12345678" + b"\xff" * 50):
                valkey.execute_command(*append(Entry(Kind.DECISION, b"\0" * 16, ref, body), 1000))
                valkey.execute_command(*append(Entry(Kind.OUTCOME, b"\0" * 16, ref, body), 1000))
            valkey.xadd(DECISION_LOG, {"k": "new kind"})
            await ask(decider, question())
            await decider.log.flush()
            assert [kind async for kind, _ in decider.log.of_person([ref])] == ["decision"] * 2

    asyncio.run(decide())


def test_a_record_that_cannot_be_packed_costs_no_other(
    valkey_url: str, valkey: SyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack = DecisionRecord.entry

    def sometimes(record: DecisionRecord) -> Entry:
        if record.decision.basis.request.request_id == "broken":
            raise OverflowError
        return pack(record)

    monkeypatch.setattr(DecisionRecord, "entry", sometimes)

    async def decide() -> None:
        async with deciding(valkey_url, HandClock()) as decider:
            for request_id in ("a", "broken", "b"):
                await ask(decider, question(request_id=request_id))
            await decider.log.flush()
            assert decider.log.dropped == 1

    asyncio.run(decide())
    assert [it.request_id for it in decisions_in(valkey)] == ["a", "b"]
    (gap,) = [read_gap(entry) for entry in LogSource(valkey).newest(10) if entry.kind is Kind.GAP]
    assert gap.lost == 1


def test_a_figure_other_than_declared_is_recorded(valkey_url: str, valkey: SyncClient) -> None:
    async def decide() -> None:
        async with deciding(valkey_url, HandClock()) as decider:
            records: list[DecisionRecord] = []
            offered = decider.log.offer
            decider.log.offer = records.append  # type: ignore[method-assign]
            await ask(decider, question())
            decider.log.offer = offered  # type: ignore[method-assign]
            decision = records[0].decision
            factors = decision.basis.factors
            changed = Factors.of(
                rows=factors.rows,
                propensity=factors.propensity,
                value=factors.value * [1.0, 3.0, 1.0],
                context_weight=np.array([1.0, 1.25, 1.0]),
                lever=factors.lever * [1.0, 1.0, 0.5],
                pinned=np.array([False, False, True]),
                maturity=factors.maturity,
                strength=factors.strength,
            )
            decision = decision._replace(basis=decision.basis._replace(factors=changed))
            decider.log.offer(records[0]._replace(decision=decision))

    asyncio.run(decide())
    (decision,) = decisions_in(valkey)
    assert decision.competition.value.tolist() == [10, 30, 1]
    assert decision.competition.lever.tolist() == [1, 1, 0.5]
    assert decision.competition.context_weight.tolist() == [1, 1.25, 1]
    assert decision.competition.pinned.tolist() == [False, False, True]


def test_plain_records_are_strict_json() -> None:
    told = plain(
        {"missing": float("nan"), "rows": [(1, float("inf"))], "when": datetime(2024, 3, 15, tzinfo=UTC)}
    )
    assert json.loads(json.dumps(told, allow_nan=False)) == {
        "missing": None,
        "rows": [[1, None]],
        "when": "2024-03-15T00:00:00+00:00",
    }
