"""What comes in about customers reaches their next decision, and nothing less."""

from collections.abc import Iterator

import pytest
import redis
from market import ANNA, COOKIE, HOUR_MS, NOW_MS
from market_service import Market, event, market, order, statuses, value

from nextbest.v1 import outcome_pb2
from nextbest_rules.durations import DAY_MS

DISPLAYED, REJECTED = outcome_pb2.OUTCOME_TYPE_DISPLAYED, outcome_pb2.OUTCOME_TYPE_REJECTED


@pytest.fixture
def shop(each_valkey_url: str, each_valkey: redis.Redis) -> Iterator[Market]:
    """The market's service over an empty store, of one node and then of three."""
    del each_valkey
    with market(each_valkey_url) as client:
        yield client


def ids(propositions: object) -> list[str]:
    """Return the actions that are proposed."""
    return [it.action_id for it in propositions]  # type: ignore[attr-defined]


def report(shop: Market, type_: int, id_: str, token: str) -> list[str]:
    """Report what happened to a proposition."""
    return statuses(shop.report(outcome_pb2.Outcome(id=id_, source="web", type=type_, token=token)))


def test_what_was_bought_is_not_offered_and_comes_back_with_the_refund(shop: Market) -> None:
    assert ids(shop.decide(ANNA)) == ["cheese", "wine", "bread"]
    shop.track(order("o1", ANNA, at_ms=NOW_MS - DAY_MS))
    assert "cheese" not in ids(shop.decide(ANNA))
    items = order("o1", ANNA).items
    shop.track(event("order.refunded", "r1", ANNA, items=items))
    assert "cheese" in ids(shop.decide(ANNA))


def test_an_open_ticket_holds_the_offers(shop: Market) -> None:
    shop.track(event("ticket.opened", "t1", ANNA, subject="T", properties={"severity": value("high")}))
    assert ids(shop.decide(ANNA)) == ["hours"]


def test_anger_in_public_holds_the_offers_until_it_is_settled(shop: Market) -> None:
    shop.track(event("mention.posted", "m1", ANNA, subject="x/1", at_ms=NOW_MS - HOUR_MS))
    assert ids(shop.decide(ANNA)) == ["hours"]
    shop.track(event("mention.resolved", "m2", ANNA, subject="x/1"))
    assert "cheese" in ids(shop.decide(ANNA))


def test_a_token_of_a_decision_brings_its_outcome_home(shop: Market) -> None:
    cheese, *_ = shop.decide(ANNA)
    assert report(shop, REJECTED, "1", cheese.token) == ["APPLIED"]
    assert "cheese" not in ids(shop.decide(ANNA))
    (contact,) = [it for it in shop.customer(ANNA).customer.contacts if not it.reserved]
    assert (contact.action_id, contact.channel, contact.brand) == ("cheese", "web", "north")


def test_a_no_on_a_device_counts_after_the_login_and_goes_with_the_device(shop: Market) -> None:
    cheese, *_ = shop.decide(COOKIE)
    report(shop, REJECTED, "1", cheese.token)
    assert "cheese" in ids(shop.decide(ANNA))
    shop.link(COOKIE, ANNA)
    assert "cheese" not in ids(shop.decide(ANNA))
    shop.unlink(COOKIE)
    assert "cheese" in ids(shop.decide(ANNA))
    assert "cheese" not in ids(shop.decide(COOKIE))


def test_a_confirmed_display_is_one_contact_and_an_unconfirmed_one_is_none_in_time(shop: Market) -> None:
    for number in range(2):
        cheese, *_ = shop.decide(ANNA)
        report(shop, DISPLAYED, str(number), cheese.token)
    assert "cheese" in ids(shop.decide(ANNA))
    assert "cheese" not in ids(shop.decide(ANNA)), "two shown and one held are three"
    shop.clock.time_ms += 15 * 60_000 + 1
    assert "cheese" in ids(shop.decide(ANNA))


def test_somebody_who_was_forgotten_is_a_stranger(shop: Market) -> None:
    shop.track(order("o1", ANNA))
    shop.erase(ANNA)
    assert "cheese" in ids(shop.decide(ANNA))
