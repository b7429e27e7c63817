"""S10 and S11: a payment failed and the order is lost; it is rescued, and made good once."""

import pytest
from bank_days import Day, Someone, somebody
from service_calls import fresh

from nextbest.v1 import action_pb2


def loses_an_order(today: Day, binh: Someone, worth: float) -> str:
    order = fresh("A")
    today.happens(binh, "payment.failed", "10m", subject=order, channel="app", amount=worth)
    return order


def buyer(today: Day) -> Someone:
    binh = somebody()
    today.agrees(binh, "marketing", "service")
    return binh


def test_for_a_high_order_the_chatbot_has_an_agent_call_who_knows_it(today: Day) -> None:
    binh = buyer(today)
    order = loses_an_order(today, binh, 7_000_000.0)
    (rescue,) = today.offers(binh, "chatbot_turn")
    assert (rescue.action_id, rescue.selection_type) == ("rescue-call", action_pb2.SELECTION_TYPE_PINNED)
    assert rescue.parameters["order"].string_value == order
    assert rescue.parameters["amount"].double_value == 7_000_000.0


def test_for_others_it_guides(today: Day) -> None:
    binh = buyer(today)
    loses_an_order(today, binh, 4_999_999.0)
    assert [turn.action_id for turn in today.offers(binh, "chatbot_turn")] == ["rescue-guide"]


@pytest.mark.parametrize("placement", ["web_hero", "app_card", "email_block", "agent_desktop"])
def test_meanwhile_nobody_sells(today: Day, placement: str) -> None:
    binh = buyer(today)
    assert today.may_say(binh, placement, "coffee-beans")
    order = loses_an_order(today, binh, 7_000_000.0)
    assert today.why_not(binh, placement, "coffee-beans").rule_id == "failed_payment"
    today.happens(binh, "order.rescued", subject=order)
    assert today.may_say(binh, placement, "coffee-beans")


def rescued(today: Day) -> Someone:
    """Return somebody whose order was lost and rescued."""
    binh = buyer(today)
    today.happens(binh, "order.rescued", subject=loses_an_order(today, binh, 7_000_000.0))
    return binh


@pytest.mark.parametrize("first", ["email_block", "sms_message"])
def test_the_compensation_comes_once_on_one_channel_and_the_web_shows_it_as_applied(
    today: Day, first: str
) -> None:
    binh = rescued(today)
    assert "compensation-applied" not in today.would_offer(binh, "web_hero")
    assert today.sends(binh, first) == "compensation-coupon"
    for placement in ("email_block", "sms_message"):
        assert not today.may_say(binh, placement, "compensation-coupon")
    assert today.would_offer(binh, "web_hero")[0] == "compensation-applied"


def test_two_channels_that_ask_at_once_do_not_both_get_it(today: Day) -> None:
    binh = rescued(today)
    (email,) = today.offers(binh, "email_block", 1)
    assert email.action_id == "compensation-coupon"
    assert not today.may_say(binh, "sms_message", "compensation-coupon")


def test_a_coupon_that_could_not_be_delivered_may_be_sent_on_another_channel(today: Day) -> None:
    binh = rescued(today)
    (email,) = today.offers(binh, "email_block", 1)
    today.comes(email, "FAILED")
    assert today.sends(binh, "sms_message") == "compensation-coupon"
