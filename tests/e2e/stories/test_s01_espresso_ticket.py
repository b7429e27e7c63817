"""S1: a leaking espresso machine. Nobody sells; everybody tells where the ticket stands."""

import pytest
from bank_days import Bank, Day, Someone, somebody
from service_calls import fresh, item

from nextbest.v1 import action_pb2

MACHINE = ("espresso-machine", "espresso-machines", 7_000_000.0)
FOR_SALE = {"coffee-beans", "milk-jug", "brewing-tips"}


def owner(today: Day) -> Someone:
    """Return somebody who bought the machine three weeks ago."""
    linh = somebody()
    today.agrees(linh, "marketing", "service")
    today.buys(linh, MACHINE, ago="21d", channel="store")
    return linh


def reports_a_leak(today: Day, linh: Someone, ago: str) -> str:
    ticket = fresh("T")
    lines = [item(*MACHINE)]
    today.happens(linh, "ticket.opened", ago, subject=ticket, items=lines, kind="fault", severity="high")
    return ticket


@pytest.mark.parametrize(
    "placement", ["web_hero", "app_card", "sms_message", "agent_desktop", "chatbot_turn"]
)
def test_while_the_ticket_is_open_every_channel_speaks_of_it_first(today: Day, placement: str) -> None:
    linh = owner(today)
    assert today.would_offer(linh, placement)[0] != "ticket-status"
    reports_a_leak(today, linh, ago="2d")
    offered = today.would_offer(linh, placement)
    assert offered[0] == "ticket-status"
    assert FOR_SALE.isdisjoint(offered)


def test_after_the_repair_the_tips_return_and_then_the_offers(bank: Bank) -> None:
    today, linh = bank.day(0), owner(bank.day(0))
    ticket = reports_a_leak(today, linh, ago="2d")
    today.happens(linh, "ticket.closed", subject=ticket)
    held = today.why_not(linh, "web_hero", "brewing-tips")
    assert (held.stage, held.rule_id) == (action_pb2.STAGE_GUARD, "faulty_product")
    assert "ticket-status" not in today.would_offer(linh, "web_hero")

    a_week_later = bank.day(7)
    assert "brewing-tips" in a_week_later.would_offer(linh, "web_hero")
    assert a_week_later.why_not(linh, "web_hero", "coffee-beans").rule_id == "open_ticket"

    assert {"brewing-tips", "coffee-beans", "milk-jug"} <= {*bank.day(14).would_offer(linh, "web_hero")}


def test_a_repair_that_is_told_before_the_fault_ends_it_all_the_same(today: Day) -> None:
    linh, ticket = owner(today), fresh("T")
    today.happens(linh, "ticket.closed", "1h", subject=ticket)
    today.happens(linh, "ticket.opened", "2d", subject=ticket, kind="fault", severity="high")
    offered = today.would_offer(linh, "web_hero")
    assert "ticket-status" not in offered
    assert today.why_not(linh, "web_hero", "coffee-beans").rule_id == "open_ticket"
