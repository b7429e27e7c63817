"""S13: a cart was abandoned online, and the goods were bought in the store the next day."""

from bank_days import Bank, Day, Someone, somebody
from service_calls import item

FRIDGE, KETTLE = ("fridge-300", "fridges", 9_000_000.0), ("kettle", "kettles", 400_000.0)
REMINDER = {"limit": 1, "candidate_action_ids": ["cart-reminder"]}


def leaves_a_cart(today: Day) -> Someone:
    lan = somebody()
    today.agrees(lan, "marketing")
    today.happens(lan, "cart.abandoned", "1h", channel="web", items=[item(*FRIDGE), item(*KETTLE)])
    return lan


def test_a_cart_that_waits_is_worth_a_reminder(bank: Bank) -> None:
    lan = leaves_a_cart(bank.day(0))
    assert bank.day(1).would_offer(lan, "email_block", **REMINDER) == ["cart-reminder"]


def test_what_was_bought_in_the_store_needs_none(bank: Bank) -> None:
    lan = leaves_a_cart(bank.day(0))
    bank.day(1).buys(lan, FRIDGE, channel="store")
    assert bank.day(1).would_offer(lan, "email_block", **REMINDER) == ["cart-reminder"]
    bank.day(1).buys(lan, KETTLE, channel="store")
    assert bank.day(1).would_offer(lan, "email_block", **REMINDER) == []


def test_what_the_store_tells_late_counts_from_when_it_was_bought(bank: Bank) -> None:
    lan = leaves_a_cart(bank.day(0))
    bank.day(1).buys(lan, FRIDGE, KETTLE, ago="30d", channel="store")
    assert bank.day(1).would_offer(lan, "email_block", **REMINDER) == ["cart-reminder"]
    bank.day(1).buys(lan, FRIDGE, KETTLE, ago="20h", channel="store")
    assert bank.day(1).would_offer(lan, "email_block", **REMINDER) == []
