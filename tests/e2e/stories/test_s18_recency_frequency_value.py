"""S18: orders, visits, messages and cases come in raw; what rules ask for is there on the next decision."""

import pytest
from bank_days import Bank, Day, Someone, somebody
from service_calls import event

FRIDGE, BEANS = ("fridge-300", "fridges", 9_000_000.0), ("house-blend", "coffee", 250_000.0)


def features(day: Day, who: Someone) -> dict[str, float | None]:
    """Return the values of all features; None where one is missing."""
    states = day.calls.get(who.first).customer.features
    return {state.name: state.value if state.HasField("value") else None for state in states}


def test_recency_frequency_and_monetary_value_follow_every_order(bank: Bank) -> None:
    today, lan = bank.day(0), somebody()
    today.knows(lan, age=40)
    assert features(today, lan)["days_since_order"] is None
    today.buys(lan, FRIDGE, ago="20d")
    today.buys(lan, BEANS, BEANS, ago="10d")
    now = features(today, lan)
    assert now["days_since_order"] == pytest.approx(10, abs=0.01)
    assert (now["orders_365d"], now["spend_365d"]) == (2, 9_500_000)
    assert now["lifetime_value"] == 9_500_000
    later = features(bank.day(7), lan)
    assert later["days_since_order"] == pytest.approx(17, abs=0.2)


def test_engagement_weighs_clicks_more_than_opened_messages(today: Day) -> None:
    lan = somebody()
    today.agrees(lan, "marketing", "service")
    (first,) = today.offers(lan, "email_block", 1)
    today.comes(first, "DELIVERED", "OPENED")
    assert features(today, lan)["engagement"] == 1
    today.comes(first, "CLICKED")
    assert features(today, lan)["engagement"] == 4


def test_intent_grows_with_every_look_and_halves_in_a_week(bank: Bank) -> None:
    today, lan = bank.day(0), somebody("cookie")
    for ago in ("7d", "1m"):
        today.happens(lan, "product.viewed", ago, subject="laptop", channel="web")
    assert features(today, lan)["intent"] == pytest.approx(1.5, rel=0.01)
    assert features(bank.day(7), lan)["intent"] == pytest.approx(0.75, rel=0.02)
    assert features(today, lan)["visits_30d"] == 2


def test_cases_are_counted_whatever_came_of_them(today: Day) -> None:
    lan = somebody()
    for number in (1, 2):
        today.happens(lan, "ticket.opened", "2d", subject=f"T{number}", kind="question", severity="low")
        today.happens(lan, "ticket.closed", "1d", subject=f"T{number}")
    assert features(today, lan)["cases_90d"] == 2


def test_rules_see_them_on_the_next_decision(today: Day) -> None:
    lan = somebody("cookie")
    for number in range(3):
        assert ("beach-week" in today.would_offer(lan, "web_hero")) is False, number
        today.happens(lan, "page.viewed", subject="islands", channel="web", brand="heron-travel")
    assert "beach-week" in today.would_offer(lan, "web_hero")


def test_what_the_warehouse_knows_counts_until_something_happens_and_then_together(today: Day) -> None:
    lan = somebody()
    today.gives_features(lan, orders_365d=4, spend_365d=19_000_000)
    assert features(today, lan)["orders_365d"] == 4
    today.buys(lan, FRIDGE)
    now = features(today, lan)
    assert (now["orders_365d"], now["spend_365d"]) == (5, 28_000_000)
    assert "referral-bonus" in today.would_offer(lan, "web_hero")


def test_what_a_shop_with_a_fast_clock_tells_is_seen_by_the_next_decision(today: Day) -> None:
    lan = somebody("cookie")
    for _ in range(3):
        today.calls.track(
            event(lan.first, "page.viewed", today.moment() + 60_000, subject="islands", brand="heron-travel")
        )
    assert "beach-week" in today.would_offer(lan, "web_hero")
