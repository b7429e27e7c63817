"""Guards look at customers, or at their tickets, purchases and events one by one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from worlds import DAY, EVERYTHING, HOUR, NOW, OFFERS, World, customer, held, ids, lifted_at, why

from nextbest_rules import RuleSet, Situation, Stage
from nextbest_rules.dates import iso
from nextbest_rules.durations import show_duration
from nextbest_rules.records import Event, Purchase, Ticket
from nextbest_rules.stages.guards import Boost

TICKETS = """
guards:
  - id: open_ticket
    over: tickets
    when: ticket.open && ticket.severity != "low"
    hold: {types: [OFFER], but_not: {groups: [loans]}}
    ended: ticket.closed_at
    decay: 14d
    promote: [{applies_to: {groups: [support]}, lever: 5.0}]
    reason: Something is broken.
"""


@pytest.fixture(scope="module")
def rules(world: World) -> RuleSet:
    return world(policies=TICKETS)


def ticket(**parts: object) -> Ticket:
    return Ticket("T1", "fault", "high", opened_at_ms=NOW - DAY)._replace(**parts)  # type: ignore[arg-type]


def boosts(rules: RuleSet, situation: Situation) -> list[tuple[set[str], float, bool]]:
    found = rules.screen(rules.look(situation)).boosts
    return [(_ids(rules, boost), boost.lever, boost.pin) for boost in found]


def _ids(rules: RuleSet, boost: Boost) -> set[str]:
    return {action.id for bit, action in enumerate(rules.catalog.actions) if boost.mask >> bit & 1}


def test_a_cause_holds_what_the_guard_selects(rules: RuleSet) -> None:
    troubled = customer(tickets=(ticket(),))
    assert ids(rules, customer()) == EVERYTHING
    assert held(rules, troubled) == OFFERS - {"loan"}
    found = why(rules, troubled, "card")
    assert (found.stage, found.rule_id, found.reason) == (Stage.GUARD, "open_ticket", "Something is broken.")
    assert found.actual == (
        f"ticket: id T1, kind fault, severity high, open true, opened_at {iso(NOW - DAY)}"
    )
    assert (
        found.required
        == f'not (ticket.open && ticket.severity != "low"), or ended {show_duration(14 * DAY)} ago'
    )
    assert found.eligible_at_ms is None


def test_a_record_that_is_no_cause_holds_nothing(rules: RuleSet) -> None:
    assert ids(rules, customer(tickets=(ticket(severity="low"),))) == EVERYTHING
    assert ids(rules, customer(tickets=(ticket(severity="low", closed_at_ms=NOW - HOUR),))) == EVERYTHING


def test_a_cause_that_ended_holds_on_until_it_has_decayed(rules: RuleSet) -> None:
    """The ticket is judged as it was while it was open, although `when` asks for an open one."""
    closed = customer(tickets=(ticket(closed_at_ms=NOW - 13 * DAY),))
    assert held(rules, closed) == OFFERS - {"loan"}
    assert lifted_at(rules, closed, "fridge") == NOW + DAY
    assert f"ended at {iso(NOW - 13 * DAY)}" in why(rules, closed, "fridge").actual
    assert ids(rules, customer(tickets=(ticket(closed_at_ms=NOW - 14 * DAY),))) == EVERYTHING


def test_an_end_to_come_is_known_beforehand(rules: RuleSet) -> None:
    planned = customer(tickets=(ticket(closed_at_ms=NOW + DAY),))
    assert lifted_at(rules, planned, "fridge") == NOW + 15 * DAY
    assert boosts(rules, planned) == [({"status"}, 5.0, False)]


def test_any_of_several_causes_holds_and_the_longest_explains(rules: RuleSet) -> None:
    old, fresh = ticket(closed_at_ms=NOW - 13 * DAY), ticket(id="T2", closed_at_ms=NOW - DAY)
    assert lifted_at(rules, customer(tickets=(old, fresh)), "card") == NOW + 13 * DAY
    assert lifted_at(rules, customer(tickets=(fresh, old)), "card") == NOW + 13 * DAY
    still = customer(tickets=(old, ticket(id="T3"), fresh))
    assert lifted_at(rules, still, "card") is None
    assert "id T3" in why(rules, still, "card").actual


def test_a_guard_promotes_once_and_only_while_its_cause_lasts(rules: RuleSet) -> None:
    assert boosts(rules, customer()) == []
    assert boosts(rules, customer(tickets=(ticket(), ticket(id="T2")))) == [({"status"}, 5.0, False)]
    assert boosts(rules, customer(tickets=(ticket(closed_at_ms=NOW),))) == []
    assert boosts(rules, customer(tickets=(ticket(closed_at_ms=NOW + 1),))) == [({"status"}, 5.0, False)]
    assert boosts(rules, customer(tickets=(ticket(severity="low"),))) == []
    assert boosts(rules, customer(tickets=None)) == []


def test_tickets_that_cannot_be_read_hold_all_that_the_guard_could(world: World, rules: RuleSet) -> None:
    unreadable = customer(tickets=None)
    assert held(rules, unreadable) == OFFERS - {"loan"}
    assert why(rules, unreadable, "card").actual == "the tickets cannot be read"
    lenient = world(policies=TICKETS + "    when_unknown: allow\n")
    assert ids(lenient, unreadable) == EVERYTHING
    assert held(lenient, customer(tickets=(ticket(),))) == OFFERS - {"loan"}


OVER_EACH = """
guards:
  - id: pricey
    over: purchases
    when: purchase.category == "machines" && facts.age < 99 && !has(purchase.ended_at)
    hold: {groups: [tips]}
    ended: purchase.ended_at
    decay: 1d
    reason: R.
  - id: anger
    over: events
    when: event.type == "mention.posted" && event.severity == "high" && !has(event.ended_at)
    hold: {issues: [acquisition]}
    ended: event.ended_at
    decay: 2d
    promote: [{applies_to: {actions: [status]}, pin: true}, {applies_to: {actions: [tip]}, lever: 0.5}]
    reason: R.
  - id: in_need
    when: facts.vip
    hold: {tags: [contract]}
    promote: [{applies_to: {actions: [beans]}, lever: 2.0}]
    reason: R.
"""
CALM = {"age": 40, "vip": False}


@pytest.mark.parametrize(
    ("parts", "stopped"),
    [
        ({"purchases": (Purchase("espresso", "machines"),)}, {"tip"}),
        ({"purchases": (Purchase("espresso", "machines", ended_at_ms=NOW - DAY + 1),)}, {"tip"}),
        ({"purchases": (Purchase("espresso", "machines", ended_at_ms=NOW - DAY),)}, set()),
        ({"purchases": (Purchase("espresso", "other"),)}, set()),
        ({"events": (Event("mention.posted", severity="high"),)}, {"loan"}),
        ({"events": (Event("mention.posted", severity="high", ended_at_ms=NOW - 2 * DAY + 1),)}, {"loan"}),
        ({"events": (Event("mention.posted", severity="high", ended_at_ms=NOW - 2 * DAY),)}, set()),
        ({"events": (Event("mention.posted", severity="low"),)}, set()),
        ({"facts": {"age": 40, "vip": True}}, {"card"}),
    ],
)
def test_guards_look_at_purchases_events_and_the_customer(
    world: World, parts: dict[str, object], stopped: set[str]
) -> None:
    assert held(world(policies=OVER_EACH), customer(**{"facts": CALM, **parts})) == stopped


def test_pins_and_levers_come_from_every_guard_in_force(world: World) -> None:
    rules = world(policies=OVER_EACH)
    angry = customer(facts=CALM | {"vip": True}, events=(Event("mention.posted", severity="high"),))
    expected = [({"status"}, 1.0, True), ({"tip"}, 0.5, False), ({"beans"}, 2.0, False)]
    assert boosts(rules, angry) == expected
    assert boosts(rules, customer(facts=CALM)) == []


def test_a_guard_that_cannot_be_decided_holds_and_promotes_nothing(world: World) -> None:
    rules = world(policies=OVER_EACH)
    assert held(rules, customer(facts={"age": 40})) == {"card"}
    assert boosts(rules, customer(facts={"age": 40})) == []
    assert why(rules, customer(), "card").actual == "facts.vip is unknown; cannot be evaluated"
    nameless = customer(facts={"vip": False}, purchases=(Purchase("espresso", "machines"),))
    assert held(rules, nameless) == {"tip"}
    # `&&` with a false side is false, whatever the other side is.
    assert held(rules, customer(facts={"vip": False}, purchases=(Purchase("espresso", "other"),))) == set()


def test_an_undecided_cause_is_over_once_it_has_decayed(world: World) -> None:
    rules = world(policies=OVER_EACH)
    bought = Purchase("espresso", "machines", ended_at_ms=NOW - HOUR)
    undecided = customer(facts={"vip": False}, purchases=(bought,))
    assert lifted_at(rules, undecided, "tip") == NOW + 23 * HOUR


SCOPED = """
guards:
  - id: faulty
    over: {over}
    when: "true"
    hold: {{types: [OFFER, INFORMATION]}}
    scope: product
    promote: [{{applies_to: {{}}, lever: 3.0}}]
    reason: R.
"""


@pytest.mark.parametrize(
    ("over", "record", "about"),
    [
        ("tickets", Ticket("T", products=("espresso",)), {"beans"}),
        ("tickets", Ticket("T", categories=("machines",)), {"beans", "tip"}),
        ("tickets", Ticket("T", products=("fridge-500",), categories=("cards",)), {"fridge", "card"}),
        ("tickets", Ticket("T", products=("unheard-of",)), set()),
        ("tickets", Ticket("T"), OFFERS | {"tip"}),
        ("events", Event("e", products=("beans", "gold-card")), {"beans", "card"}),
        ("events", Event("e"), OFFERS | {"tip"}),
        ("purchases", Purchase("gold-card"), {"card"}),
        ("purchases", Purchase("other", "machines"), {"beans", "tip"}),
        ("purchases", Purchase(""), OFFERS | {"tip"}),
    ],
)
def test_a_guard_of_product_scope_holds_what_the_record_is_about(
    world: World, over: str, record: Ticket | Event | Purchase, about: set[str]
) -> None:
    rules = world(policies=SCOPED.format(over=over))
    assert held(rules, customer(**{over: (record,)})) == about


def test_scopes_of_several_records_add_up(world: World) -> None:
    """What is about no product at all, such as the state of a ticket, is promoted by any of them."""
    rules = world(policies=SCOPED.format(over="tickets"))
    both = customer(tickets=(Ticket("A", products=("espresso",)), Ticket("B", products=("gold-card",))))
    assert held(rules, both) == {"beans", "card"}
    # What is about nothing in particular comes forward whatever the ticket is about.
    assert boosts(rules, both) == [({"beans", "card", "status", "loan"}, 3.0, False)]
    assert held(rules, customer(tickets=None)) == OFFERS | {"tip"}


AFTER_A_STATE = """
guards:
  - id: hardship
    when: facts.vip
    hold: {types: [OFFER]}
    ended: facts.until
    decay: 10d
    reason: R.
"""


@pytest.mark.parametrize(
    ("facts", "stopped", "lifted"),
    [
        ({"vip": True}, True, None),
        ({"vip": False}, False, None),
        ({"vip": False, "until": NOW - DAY}, True, NOW + 9 * DAY),
        ({"vip": True, "until": NOW - DAY}, True, None),
        ({"vip": True, "until": NOW + DAY}, True, None),
        ({"vip": False, "until": NOW + DAY}, False, None),
        ({"vip": False, "until": NOW - 10 * DAY}, False, None),
        ({"vip": False, "until": NOW - 10 * DAY + 1}, True, NOW + 1),
        ({"vip": True, "until": NOW - 10 * DAY}, True, None),
        ({"until": NOW - 10 * DAY}, True, None),
        ({}, True, None),
    ],
)
def test_a_state_of_the_customer_ends_and_decays_too(
    world: World, facts: dict[str, object], stopped: bool, lifted: int | None
) -> None:
    """A cause that is there now holds, whatever the end of an earlier one. What cannot be told holds too."""
    rules = world(policies=AFTER_A_STATE)
    if "until" in facts:
        facts = facts | {"until": iso_ms(facts["until"])}
    situation = customer(facts=facts)
    assert held(rules, situation) == (OFFERS if stopped else set())
    if stopped:
        assert lifted_at(rules, situation, "card") == lifted


def iso_ms(moment: object) -> str:
    assert isinstance(moment, int)
    return iso(moment).replace("Z", f".{moment % 1000:03d}Z")


CLOSINGS = st.none() | st.integers(NOW - 16 * DAY, NOW + 2 * DAY)
SOME_TICKETS = st.lists(
    st.builds(
        Ticket,
        id=st.just("T"),
        severity=st.sampled_from(["low", "high"]),
        products=st.sampled_from([(), ("espresso",)]),
        closed_at_ms=CLOSINGS,
    ),
    max_size=4,
).map(tuple)


@given(SOME_TICKETS)
def test_when_a_hold_will_be_lifted_is_true_to_the_millisecond(
    rules: RuleSet, tickets: tuple[Ticket, ...]
) -> None:
    situation = customer(tickets=tickets)
    causes = [it for it in tickets if it.severity == "high"]
    ends = [it.closed_at_ms for it in causes]
    lasting = [end for end in ends if end is None or end + 14 * DAY > NOW]
    assert held(rules, situation) == (OFFERS - {"loan"} if lasting else set())
    if lasting:
        latest = None if None in lasting else max(end for end in lasting if end is not None) + 14 * DAY
        assert lifted_at(rules, situation, "card") == latest


def test_the_first_guard_is_named(world: World) -> None:
    second = TICKETS.replace("guards:\n", "").replace("open_ticket", "second").replace("14d", "99d")
    rules = world(policies=TICKETS + second)
    closed = customer(tickets=(ticket(closed_at_ms=NOW),))
    found = why(rules, closed, "card")
    assert (found.rule_id, found.eligible_at_ms) == ("open_ticket", NOW + 14 * DAY)
    assert "card" in held(rules, closed._replace(now_ms=NOW + 14 * DAY))
