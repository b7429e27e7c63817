"""S15: an anonymous visitor browsed, saw an offer three times, said no to another, and then logs in."""

from bank_days import Day, Someone, somebody
from service_calls import fresh, identity

from nextbest.v1 import identity_pb2

SEEN = "coffee-beans"


def sees(today: Day, who: Someone, times: int) -> None:
    """Show the offer of the coffee beans as often as that."""
    for _ in range(times):
        (shown,) = today.offers(who, "web_hero", 1, candidate_action_ids=[SEEN])
        today.comes(shown, "DISPLAYED")


def declines(today: Day, who: Someone, action: str) -> None:
    """Show an offer and say no to it."""
    (shown,) = today.offers(who, "web_hero", 1, candidate_action_ids=[action])
    today.comes(shown, "DISPLAYED", "REJECTED")


def logs_in(today: Day, visitor: Someone) -> Someone:
    """Let a visitor log in as a customer who was never here before; return the customer."""
    customer = somebody()
    today.calls.link(visitor.first, customer.first)
    return customer


def test_browsing_makes_the_page_personal_before_anybody_logs_in(today: Day) -> None:
    visitor = somebody("cookie")
    assert "beach-week" not in today.would_offer(visitor, "web_hero")
    for page in ("beaches", "islands", "flights"):
        today.happens(visitor, "page.viewed", subject=page, channel="web", brand="heron-travel")
    assert "beach-week" in today.would_offer(visitor, "web_hero")
    customer = logs_in(today, visitor)
    for placement in ("web_hero", "app_card", "agent_desktop"):
        assert "beach-week" in today.would_offer(customer, placement)


def test_what_was_seen_and_declined_before_the_login_counts_after_it_on_every_channel(today: Day) -> None:
    visitor = somebody("cookie")
    sees(today, visitor, 3)
    declines(today, visitor, "laptop-bag")
    customer = logs_in(today, visitor)
    today.agrees(customer, "marketing", "service")
    for placement in ("web_hero", "app_card", "email_block", "agent_desktop"):
        assert today.why_not(customer, placement, "laptop-bag").rule_id == "offer_declined"
    sees(today, customer, 2)  # two more make five
    assert today.why_not(customer, "web_hero", SEEN).rule_id == "same_offer_seen"
    assert today.why_not(visitor, "app_card", SEEN).rule_id == "same_offer_seen"


def test_both_histories_count_together_and_only_once(today: Day) -> None:
    visitor, customer = somebody("cookie"), somebody()
    sees(today, visitor, 3)
    sees(today, customer, 1)
    for _ in range(3):  # at every page that follows the login
        today.calls.link(visitor.first, customer.first)
    contacts = today.calls.get(customer.first).customer.contacts
    assert len([contact for contact in contacts if contact.action_id == SEEN]) == 4
    assert SEEN in today.would_offer(customer, "web_hero")
    sees(today, customer, 1)
    assert SEEN not in today.would_offer(visitor, "web_hero")


def test_the_same_event_told_under_both_names_is_one_event(today: Day) -> None:
    visitor, customer = somebody("cookie"), somebody()
    seen = {"id": fresh("event"), "source": "shop", "subject": fresh("order")}
    today.buys(visitor, ("kettle", "kettles", 400_000.0), ago="2d")
    before = feature(today, visitor, "orders_365d")
    for who in (visitor, customer):
        today.happens(who, "order.placed", "1h", **seen)
    today.calls.link(visitor.first, customer.first)
    assert feature(today, customer, "orders_365d") == before + 1


def feature(today: Day, who: Someone, name: str) -> float:
    """Return a feature's value."""
    states = today.calls.get(who.first).customer.features
    return next(state.value for state in states if state.name == name)


def test_a_shared_device_can_be_taken_away_again(today: Day) -> None:
    family_tablet, customer = somebody("device"), somebody()
    declines(today, family_tablet, "laptop-bag")
    today.calls.link(family_tablet.first, customer.first)
    assert "laptop-bag" not in today.would_offer(customer, "web_hero")
    assert [*today.calls.unlink(family_tablet.first).unlinked] == [family_tablet.first]
    assert "laptop-bag" in today.would_offer(customer, "web_hero")
    assert "laptop-bag" not in today.would_offer(family_tablet, "web_hero")
    assert known_names(today, customer) == {customer.first.id}


def test_names_are_linked_through_others_in_whatever_order(today: Day) -> None:
    names = [*somebody("cookie").names, *somebody("device").names, *somebody().names]
    names.append(identity("email", fresh("HASH").upper()))
    for who in names:
        declines(today, Someone([who]), "laptop-bag")
    today.calls.link(names[0], names[1])
    today.calls.link(names[2], names[3])
    today.calls.link(names[3], names[0])
    for who in names:
        person = Someone([who])
        assert len(known_names(today, person)) == 4
        contacts = today.calls.get(who).customer.contacts
        assert len([contact for contact in contacts if contact.action_id == "laptop-bag"]) == 8


def known_names(today: Day, who: Someone) -> set[str]:
    """Return the ids of a person."""
    return {known.id for known in today.calls.get(who.first).customer.identities}


def test_a_cookie_that_comes_with_the_customer_number_need_not_be_linked_to_be_answered(today: Day) -> None:
    visitor, customer = somebody("cookie"), somebody()
    declines(today, customer, "laptop-bag")
    both: list[identity_pb2.Identity] = [*customer.names, *visitor.names]
    assert "laptop-bag" not in today.would_offer(Someone(both), "web_hero")
    assert "laptop-bag" in today.would_offer(visitor, "web_hero")
