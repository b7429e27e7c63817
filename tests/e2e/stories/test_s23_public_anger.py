"""S23: an angry public post is matched to the customer."""

from bank_days import Bank, Day, Someone, somebody
from service_calls import fresh

from nextbest.v1 import action_pb2


def angry(today: Day, severity: str = "high") -> tuple[Someone, str]:
    thao, post = somebody(), fresh("post")
    today.agrees(thao, "marketing", "service")
    today.happens(thao, "mention.posted", "1d", subject=post, severity=severity, channel="web")
    return thao, post


def test_until_it_is_resolved_marketing_is_held_and_a_manager_calls(bank: Bank) -> None:
    today = bank.day(0)
    thao, post = angry(today)
    assert today.would_offer(thao, "email_block") == []
    assert today.why_not(thao, "email_block", "kettle").rule_id == "public_anger"
    (call,) = today.offers(thao, "call_list", 1)
    assert (call.action_id, call.selection_type) == ("manager-call", action_pb2.SELECTION_TYPE_PINNED)

    today.happens(thao, "mention.resolved", subject=post)
    assert today.would_offer(thao, "email_block") == []
    assert "manager-call" not in today.would_offer(thao, "call_list")
    assert bank.day(7).may_say(thao, "email_block", "kettle")


def test_a_friendly_post_holds_nothing(today: Day) -> None:
    thao, _ = angry(today, severity="low")
    assert today.may_say(thao, "email_block", "kettle")
