"""What is held about a person can be shown, given out and forgotten."""

from collections import Counter
from collections.abc import Iterator

import grpc
import pytest
import redis
from market import ANNA, BERT, COOKIE, NOW_MS, RING
from market_service import Market, event, market, name, order, outcome, profile, value
from running_service import CANARY

from nextbest.v1 import customer_pb2, profile_pb2
from nextbest_service.store.connection import connect_for_bulk
from nextbest_service.store.keys import Identity


@pytest.fixture
def shop(each_valkey_url: str, each_valkey: redis.Redis) -> Iterator[Market]:
    """The market's service over an empty store, of one node and then of three."""
    del each_valkey
    with market(each_valkey_url) as client:
        yield client


def live(shop: Market, *who: Identity) -> None:
    """Let somebody do everything."""
    yes = profile_pb2.Consent(channel="email", state=profile_pb2.CONSENT_STATE_GRANTED)
    shop.upsert(profile(*who, attributes={"pet": "cat", "age": 4}, consents=[yes], features={"score": 0.5}))
    shop.track(
        order("o1", *who),
        event("ticket.opened", "t1", *who, subject="T-1", properties={"severity": value("high")}),
        event("mention.posted", "m1", *who, subject="x/1"),
    )
    shop.report(outcome("DISPLAYED", "1", who[0]), outcome("ACCEPTED", "2", who[0], amount=3.0))


def test_nobody_is_no_error(shop: Market) -> None:
    answer = shop.customer(ANNA)
    assert not answer.known
    assert answer == customer_pb2.GetCustomerResponse()
    assert shop.export(ANNA) == []


def test_the_view_shows_everything_that_decisions_know(shop: Market) -> None:
    live(shop, ANNA, COOKIE)
    customer = shop.customer(ANNA).customer
    assert [(it.namespace, it.id) for it in customer.identities] == [("customer", "anna"), ("cookie", "c-1")]
    assert {*customer.attributes} == {"pet", "age"}
    assert len(customer.consents) == len(customer.tickets) == 1
    assert [it.name for it in customer.features][:2] == ["orders_30d", "orders_ever"]
    assert {*customer.segments} == {"newcomer", "pet_owner"}
    assert len(customer.contacts) == 2
    assert customer.updated_at_unix_ms == NOW_MS


def test_a_missing_feature_has_no_value(shop: Market) -> None:
    shop.upsert(profile(ANNA, attributes={"age": 4}))
    assert shop.features(ANNA)["days_since_order"] is None
    assert shop.features(ANNA)["orders_ever"] == 0.0


def test_as_many_contacts_are_shown_as_asked_for_the_newest_first(shop: Market) -> None:
    shop.report(*(outcome("CLICKED", str(i), ANNA, time_unix_ms=NOW_MS - i) for i in range(60)))
    assert len(shop.customer(ANNA).customer.contacts) == 50
    shown = shop.customer(ANNA, contacts=3).customer.contacts
    assert [it.time_unix_ms for it in shown] == [NOW_MS, NOW_MS - 1, NOW_MS - 2]
    for limit in (-1, 501):
        request = customer_pb2.GetCustomerRequest(identity=name(ANNA), contact_limit=limit)
        assert shop.refusal("GetCustomer", request).fields == ["contact_limit"]


@pytest.mark.parametrize("method", ["GetCustomer", "ExportCustomer", "EraseCustomer"])
def test_a_name_that_cannot_be_is_refused(shop: Market, method: str) -> None:
    request = getattr(customer_pb2, f"{method}Request")(identity=name(Identity(CANARY, "")))
    refusal = shop.refusal(method, request)
    assert refusal.status == grpc.StatusCode.INVALID_ARGUMENT
    assert {"identity.namespace", "identity.id"} <= {*refusal.fields}
    assert CANARY.encode() not in refusal.raw


def test_an_export_gives_everything_readable(shop: Market) -> None:
    live(shop, ANNA, COOKIE)
    records = shop.export(COOKIE)
    kinds = Counter(kind for kind, _ in records)
    assert kinds == {
        "identity": 2,
        "attribute": 2,
        "consent": 1,
        "feature": 10,
        "affinity": 2,
        "segment": 2,
        "ticket": 1,
        "purchase": 1,
        "event": 3,
        "contact": 2,
        "outcome": 2,
    }
    assert ("identity", {"namespace": "customer", "id": "anna"}) in records
    (ticket,) = [content for kind, content in records if kind == "ticket"]
    assert ticket == {
        "id": "T-1",
        "severity": "high",
        "opened_at": ticket["opened_at"],
        "updated_at": ticket["opened_at"],
    }
    assert ticket["opened_at"].startswith("2026-03-02T10:00:00")


def test_forgetting_somebody_leaves_no_trace_and_nobody_else_is_touched(shop: Market) -> None:
    live(shop, ANNA, COOKIE)
    shop.track(order("b1", BERT))
    with connect_for_bulk(shop.url) as store:
        others = {*store.scan_iter()}
        answer = shop.erase(COOKIE)
        assert answer.found
        assert answer.erased["identity"] == 2
        assert answer.erased["outcome"] == 2
        assert answer.complete_at_unix_ms >= NOW_MS
        kept = {*store.scan_iter()}
        assert kept - others == {RING.tombstone_key(RING.ref(who)) for who in (ANNA, COOKIE)} | {
            key for key in kept - others if b"{log}" in key
        }
    for who in (ANNA, COOKIE):
        assert not shop.customer(who).known
        assert shop.export(who) == []
    assert shop.features(BERT)["orders_ever"] == 1.0


def test_forgetting_twice_is_a_success_that_found_nothing(shop: Market) -> None:
    live(shop, ANNA)
    assert shop.erase(ANNA).found
    again = shop.erase(ANNA)
    assert not again.found
    assert not again.erased


def test_somebody_who_comes_back_begins_anew(shop: Market) -> None:
    live(shop, ANNA)
    shop.erase(ANNA)
    shop.track(order("o1", ANNA))
    assert shop.features(ANNA)["orders_ever"] == 1.0
    assert not shop.customer(ANNA).customer.attributes
