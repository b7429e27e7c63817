"""Outcomes through the service: each counts once, and stands in the log and the history before the answer."""

import base64
from collections.abc import Iterator

import grpc
import pytest
import redis
from market import ANNA, BERT, HOUR_MS, NOW_MS, RING
from market_service import Market, market, order, outcome, statuses, value, wrong
from running_service import CANARY

from nextbest.v1 import outcome_pb2, profile_pb2
from nextbest_rules.durations import DAY_MS
from nextbest_service.store.connection import connect_for_bulk
from nextbest_service.store.keys import held_key


@pytest.fixture
def shop(each_valkey_url: str, each_valkey: redis.Redis) -> Iterator[Market]:
    """The market's service over an empty store, of one node and then of three."""
    del each_valkey
    with market(each_valkey_url) as client:
        yield client


@pytest.fixture
def one_shop(valkey_url: str, valkey: redis.Redis) -> Iterator[Market]:
    """The market's service over an empty store of one node."""
    del valkey
    with market(valkey_url) as client:
        yield client


def contacts(shop: Market) -> list[tuple[str, str]]:
    """Return (action, outcome) of Anna's contacts, newest first."""
    name = outcome_pb2.OutcomeType.Name
    found = shop.customer(ANNA).customer.contacts
    return [(it.action_id, name(it.outcome).removeprefix("OUTCOME_TYPE_")) for it in found]


def test_what_happened_to_a_proposition_is_seen_at_once(shop: Market) -> None:
    results = shop.report(
        outcome("DISPLAYED", "1", ANNA, time_unix_ms=NOW_MS - 9),
        outcome("ACCEPTED", "2", ANNA, amount=12.5, time_unix_ms=NOW_MS - 5),
        outcome("REJECTED", "3", ANNA, "wine"),
    )
    assert statuses(results) == ["APPLIED"] * 3
    assert contacts(shop) == [("wine", "REJECTED"), ("cheese", "ACCEPTED"), ("cheese", "DISPLAYED")]
    known = shop.features(ANNA)
    assert (known["yeses"], known["worth"]) == (1.0, 12.5)
    touched = {(it.family, it.key): it.count for it in shop.customer(ANNA).customer.affinities}
    assert touched == {("theme", "hearty"): 1, ("theme", "mild"): 1}


def test_every_outcome_stands_in_the_log_once_with_what_its_token_says(shop: Market) -> None:
    batch = [outcome("DISPLAYED", "1", ANNA), outcome("CLICKED", "2", ANNA, properties={"why": value("red")})]
    shop.report(*batch)
    records = [content for kind, content in shop.export(ANNA) if kind == "outcome"]
    assert [(it["type"], it["id"], it["source"]) for it in records] == [
        ("DISPLAYED", "1", "web"),
        ("CLICKED", "2", "web"),
    ]
    assert records[0]["propensity"] == 0.25
    assert records[0]["decision"] == "d1" * 16
    assert records[1]["properties"] == {"why": "red"}


def test_a_repeated_report_changes_nothing(shop: Market) -> None:
    batch = [outcome("DISPLAYED", "1", ANNA), outcome("ACCEPTED", "2", ANNA, amount=1.0)]
    assert statuses(shop.report(*batch)) == ["APPLIED"] * 2
    assert statuses(shop.report(*batch)) == ["DUPLICATE"] * 2
    assert len(contacts(shop)) == 2
    assert shop.features(ANNA)["yeses"] == 1.0


def test_the_same_id_with_another_body_is_refused_alone(shop: Market) -> None:
    shop.report(outcome("DISPLAYED", "1", ANNA))
    results = shop.report(outcome("CLICKED", "1", ANNA), outcome("CLICKED", "2", ANNA))
    assert statuses(results) == ["REUSED_EVENT_ID", "APPLIED"]


def test_an_outcome_that_tells_no_time_happened_now(shop: Market) -> None:
    shop.report(outcome("CLICKED", "1", ANNA, time_unix_ms=0))
    assert shop.customer(ANNA).customer.contacts[0].time_unix_ms == NOW_MS
    shop.clock.time_ms += HOUR_MS
    assert statuses(shop.report(outcome("CLICKED", "1", ANNA, time_unix_ms=0))) == ["DUPLICATE"]


def test_an_outcome_is_accepted_as_long_as_its_token_lives(shop: Market) -> None:
    shop.clock.time_ms = NOW_MS + 30 * DAY_MS
    assert statuses(shop.report(outcome("CLICKED", "1", ANNA))) == ["APPLIED"]
    shop.clock.time_ms += 1
    results = shop.report(outcome("CLICKED", "2", ANNA), outcome("CLICKED", "1", ANNA))
    assert statuses(results) == ["LATE_OUTCOME", "DUPLICATE"]
    assert results[0].error.code == grpc.StatusCode.FAILED_PRECONDITION.value[0]


def test_volumes_are_confirmed_and_released(shop: Market) -> None:
    shown, failed = "0a" * 16, "0b" * 16
    with connect_for_bulk(shop.url) as store:
        for decision in (shown, failed):
            store.zadd(held_key("bread"), {bytes.fromhex(decision): NOW_MS + HOUR_MS})
        shop.report(
            outcome("DISPLAYED", "1", ANNA, "bread", decision=shown),
            outcome("FAILED", "2", ANNA, "bread", decision=failed),
        )
        assert store.zrange(held_key("bread"), 0, -1, withscores=True) == [
            (bytes.fromhex(shown), float("inf"))
        ]


def test_who_unsubscribes_withdraws_the_consent_for_the_channel(shop: Market) -> None:
    shop.report(outcome("UNSUBSCRIBED", "1", ANNA, channel="email"))
    (word,) = shop.customer(ANNA).customer.consents
    assert (word.channel, word.purpose, word.state) == ("email", "", profile_pb2.CONSENT_STATE_DENIED)


def test_an_outcome_about_somebody_erased_since_is_refused_and_brings_nobody_back(shop: Market) -> None:
    shop.track(order("o1", ANNA))
    shop.erase(ANNA)
    results = shop.report(outcome("CLICKED", "1", ANNA), outcome("CLICKED", "2", BERT))
    assert statuses(results) == ["UNKNOWN_DECISION", "APPLIED"]
    assert results[0].error.code == grpc.StatusCode.NOT_FOUND.value[0]
    assert not shop.customer(ANNA).known


def test_a_decision_made_after_an_erasure_has_outcomes_again(shop: Market) -> None:
    shop.track(order("o1", ANNA))
    shop.erase(ANNA)
    again = outcome("CLICKED", "1", ANNA, decided_at_ms=NOW_MS + 1, decision="e1" * 16)
    assert statuses(shop.report(again)) == ["APPLIED"]


def bad_outcomes() -> Iterator[tuple[str, outcome_pb2.Outcome, list[str], str]]:
    """Yield outcomes that are wrong: what is wrong, the fields, the reason."""
    invalid, token = "INVALID_REQUEST", "INVALID_TOKEN"

    def one(**fields: object) -> outcome_pb2.Outcome:
        made = outcome("CLICKED", "x", ANNA)
        made.MergeFrom(outcome_pb2.Outcome(**fields))
        return made

    def without(field: str) -> outcome_pb2.Outcome:
        made = outcome("CLICKED", "x", ANNA)
        made.ClearField(field)
        return made

    yield "no id", without("id"), ["id"], invalid
    yield "no source", without("source"), ["source"], invalid
    yield "no type", without("type"), ["type"], invalid
    yield "type", one(type=99), ["type"], invalid
    yield "negative", one(amount=-1.0), ["amount"], invalid
    yield "nan", one(amount=float("nan")), ["amount"], invalid
    yield "ahead", one(time_unix_ms=NOW_MS + 5 * 60_000 + 1), ["time_unix_ms"], invalid
    yield "before 1970", one(time_unix_ms=-1), ["time_unix_ms"], invalid
    yield "property", one(properties={"shoe": value(1)}), ['properties["shoe"]'], invalid
    yield "no token", without("token"), [], token
    yield "no token of ours", one(token=CANARY), [], token
    forged = bytearray(base64.urlsafe_b64decode(outcome("CLICKED", "x", ANNA).token + "=="))
    forged[17:29] = RING.ref(BERT)
    yield "forged", one(token=base64.urlsafe_b64encode(forged).decode().rstrip("=")), [], token


BAD = [*bad_outcomes()]


@pytest.mark.parametrize(("bad", "fields", "reason"), [it[1:] for it in BAD], ids=[it[0] for it in BAD])
def test_a_bad_outcome_is_refused_alone(
    one_shop: Market, bad: outcome_pb2.Outcome, fields: list[str], reason: str
) -> None:
    results = one_shop.report(outcome("CLICKED", "1", BERT), bad, outcome("CLICKED", "2", BERT))
    assert statuses(results) == ["APPLIED", reason, "APPLIED"]
    assert wrong(results[1]) == [f"outcomes[1].{field}" for field in fields]
    assert CANARY not in str(results)
    assert not one_shop.customer(ANNA).known


@pytest.mark.parametrize("number", [0, 1001])
def test_a_batch_has_one_to_a_thousand_outcomes(shop: Market, number: int) -> None:
    request = outcome_pb2.ReportOutcomesRequest(outcomes=[outcome("CLICKED", "1", ANNA)] * number)
    refusal = shop.refusal("ReportOutcomes", request)
    assert (refusal.status, refusal.fields) == (grpc.StatusCode.INVALID_ARGUMENT, ["outcomes"])
