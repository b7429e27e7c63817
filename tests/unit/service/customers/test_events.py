"""What events do to a person: each counts once and leaves what it stands for, in whatever order they come."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from market import (
    ANNA,
    BRIE,
    COOKIE,
    HOUR_MS,
    LATER_MS,
    MERLOT,
    NOW_MS,
    RING,
    books,
    event,
    features,
    order,
    person_of,
)

from nextbest_rules.durations import DAY_MS
from nextbest_rules.records import Event, Purchase
from nextbest_service.customers.counting import Ledger, ReusedEventIdError
from nextbest_service.customers.events import apply_event, apply_events
from nextbest_service.customers.folding import (
    folded_events,
    folded_facts,
    folded_purchases,
    folded_tickets,
)
from nextbest_service.customers.incoming import Line, Status, TrackedEvent
from nextbest_service.customers.person import Person

HERE = RING.ref(ANNA)
THERE = RING.ref(COOKIE)


def after(*events: TrackedEvent, person: Person | None = None) -> Person:
    """Return Anna after some events, all of which are new."""
    person = person or person_of(ANNA, COOKIE)
    for one in events:
        person, status = apply_event(books(), person, HERE, one, LATER_MS)
        assert status is Status.APPLIED
    return person


def facts(person: Person) -> dict[str, object]:
    """Return the facts that are known."""
    known, _ = folded_facts(person.portions)
    return {name: value for name, value in known.items() if value is not None}


def test_an_event_is_counted_once_under_whatever_name_it_comes() -> None:
    person = after(order("o1"))
    for origin in (HERE, THERE):
        again, status = apply_event(books(), person, origin, order("o1"), LATER_MS)
        assert status is Status.DUPLICATE
        assert again is person
    assert features(person)["orders_ever"] == 1.0


def test_an_id_belongs_to_its_source() -> None:
    first = order("o1")
    person = after(first)
    other = replace(first, stamp=event("order.placed", "o2").stamp)
    _, status = apply_event(books(), person, HERE, other, LATER_MS)
    assert status is Status.APPLIED


def test_the_same_id_with_another_body_is_refused_and_changes_nothing() -> None:
    person = after(order("o1"))
    with pytest.raises(ReusedEventIdError):
        apply_event(books(), person, HERE, order("o1", NOW_MS - 1), LATER_MS)


def test_in_a_batch_each_event_has_its_own_result() -> None:
    batch = [
        order("o1"),
        order("o1"),
        order("o1", NOW_MS - 5),
        order("o0", NOW_MS - 61 * DAY_MS),
        order("o2"),
    ]
    person, results = apply_events(books(), person_of(ANNA), HERE, batch, LATER_MS)
    assert [type(it) if isinstance(it, Exception) else it for it in results] == [
        Status.APPLIED,
        Status.DUPLICATE,
        ReusedEventIdError,
        Status.STALE,
        Status.APPLIED,
    ]
    assert features(person)["orders_ever"] == 2.0


def test_events_are_late_by_the_newest_event_and_not_by_the_clock() -> None:
    """A history may be loaded long after it happened, as long as it comes in its order."""
    long_ago = NOW_MS - 900 * DAY_MS
    person = after(order("o1", long_ago), order("o2", long_ago + 60 * DAY_MS))
    person, status = apply_event(books(), person, HERE, order("o3", long_ago - DAY_MS), LATER_MS)
    assert status is Status.STALE
    person, status = apply_event(books(), person, HERE, order("o4", long_ago), LATER_MS)
    assert status is Status.APPLIED


@pytest.mark.parametrize("ahead_ms", [0, 1, 5 * 60_000])
def test_what_happens_now_or_a_little_later_is_seen_by_the_next_decision(ahead_ms: int) -> None:
    """Clocks differ, and a decision may come in the same millisecond."""
    ahead = NOW_MS + ahead_ms
    ticket = event("ticket.opened", "t1", ahead, subject="T")
    person, results = apply_events(books(), person_of(ANNA), HERE, [order("o1", ahead), ticket], NOW_MS)
    assert results == [Status.APPLIED] * 2
    assert features(person, NOW_MS)["orders_30d"] == 1.0
    assert person.portion(HERE).purchases[0].at_ms == NOW_MS
    assert person.portion(HERE).tickets[0].opened_at_ms == NOW_MS
    assert Ledger.of(person, books().memory).status(order("o1", ahead).stamp, ahead) is Status.DUPLICATE


def test_an_order_becomes_purchases_with_their_category() -> None:
    person = after(order("o1", NOW_MS, BRIE, MERLOT, BRIE, channel="web"))
    assert set(person.portion(HERE).purchases) == {
        Purchase("brie", "dairy", "web", NOW_MS),
        Purchase("merlot", "drinks", "web", NOW_MS),
    }
    assert len(person.portion(HERE).purchases) == 2


def test_an_order_counts_in_its_streams_with_values_and_touches() -> None:
    person = after(
        order("o1", NOW_MS, BRIE, MERLOT, channel="web", properties={"tax": 1.5}),
        order("o2", NOW_MS - 40 * DAY_MS, BRIE, channel="store"),
    )
    known = features(person)
    assert known["orders_ever"] == 2.0
    assert known["orders_30d"] == 1.0
    assert known["web_orders"] == 1.0
    assert known["spend"] == 9.0 + 12.5 + 9.0
    assert known["taxes"] == 1.5
    state = person.portion(HERE).features
    assert state is not None
    assert state.counters.ids.tolist() == [0, 1]
    assert state.counters.counts.tolist() == [2, 1]
    assert state.counters.totals.tolist() == [36, 25]  # in steps of 0.5


def test_two_lines_of_one_category_touch_it_once_with_their_sum() -> None:
    person = after(order("o1", NOW_MS, BRIE, Line("gouda", 1.0, 4.0, {"category": ("dairy", "unknown")})))
    state = person.portion(HERE).features
    assert state is not None
    assert (state.counters.counts.tolist(), state.counters.totals.tolist()) == ([1], [26])


def test_a_refund_ends_the_newest_purchase_before_it() -> None:
    first, second = order("o1", NOW_MS - 9 * DAY_MS), order("o2", NOW_MS - 2 * DAY_MS)
    back = event("order.refunded", "r1", NOW_MS - DAY_MS, lines=(BRIE,))
    for arrival in permutations([first, second, back]):
        assert set(folded_purchases(after(*arrival).portions)) == {
            Purchase("brie", "dairy", "", NOW_MS - 9 * DAY_MS),
            Purchase("brie", "dairy", "", NOW_MS - 2 * DAY_MS, NOW_MS - DAY_MS),
        }


def test_a_refund_finds_the_purchase_of_another_name_of_the_person() -> None:
    person, _ = apply_event(books(), person_of(ANNA, COOKIE), THERE, order("o1", NOW_MS - DAY_MS), LATER_MS)
    person, _ = apply_event(
        books(), person, HERE, event("order.refunded", "r1", NOW_MS, lines=(BRIE,)), LATER_MS
    )
    (purchase,) = folded_purchases(person.portions)
    assert purchase.ended_at_ms == NOW_MS
    assert person.portion(THERE).purchases == (purchase,)


def test_an_answer_becomes_the_fact_that_it_is_about() -> None:
    person = after(event("question.answered", "a1", subject="pet", properties={"answer": "cat"}))
    assert facts(person) == {"pet": "cat"}


def test_an_older_answer_never_overrides_a_newer_one() -> None:
    new = event("question.answered", "a2", NOW_MS, subject="pet", properties={"answer": "dog"})
    old = event("question.answered", "a1", NOW_MS - DAY_MS, subject="pet", properties={"answer": "cat"})
    assert facts(after(new, old)) == facts(after(old, new)) == {"pet": "dog"}


def asked(id_: str, at_ms: int, sum_: float = 100.0) -> TrackedEvent:
    """Return the wish for a loan."""
    properties = {"sum": sum_, "papers": ["id", "payslip"]}
    return event("loan.asked", id_, at_ms, subject="car", channel="web", properties=properties)


def test_a_declared_event_sets_facts_from_wherever_the_catalog_says() -> None:
    assert facts(after(asked("l1", NOW_MS))) == {
        "loan": 100.0,
        "asked_at": datetime.fromtimestamp(NOW_MS / 1000, tz=UTC),
        "asked_for": "car",
        "papers": ["id", "payslip"],
    }


def test_a_fact_that_was_cleared_does_not_come_back_with_an_older_event() -> None:
    ask, leave = asked("l1", NOW_MS - DAY_MS), event("loan.withdrawn", "w1", NOW_MS, subject="car")
    for arrival in ([ask, leave], [leave, ask]):
        assert "loan" not in facts(after(*arrival))
    again = asked("l2", NOW_MS + HOUR_MS, 7.0)
    for arrival in permutations([ask, leave, again]):
        assert facts(after(*arrival))["loan"] == 7.0


def test_a_clearing_counts_for_what_another_name_told() -> None:
    person, _ = apply_event(books(), person_of(ANNA, COOKIE), THERE, asked("l1", NOW_MS - DAY_MS), LATER_MS)
    assert "loan" not in facts(after(event("loan.withdrawn", "w1", NOW_MS, subject="car"), person=person))


def test_a_recorded_event_ends_with_the_event_that_ends_it() -> None:
    posts = [event("mention.posted", f"m{i}", NOW_MS + i * HOUR_MS, subject="x/1") for i in (0, 1, 3)]
    done = event("mention.resolved", "m9", NOW_MS + 2 * HOUR_MS, subject="x/1")
    for arrival in permutations([*posts, done]):
        ends = {it.at_ms: it.ended_at_ms for it in folded_events(after(*arrival).portions)}
        assert ends == {
            NOW_MS: NOW_MS + 2 * HOUR_MS,
            NOW_MS + HOUR_MS: NOW_MS + 2 * HOUR_MS,
            NOW_MS + 3 * HOUR_MS: None,
        }


def test_an_end_leaves_other_subjects_alone() -> None:
    person = after(
        event("mention.posted", "m1", subject="x/1"),
        event("mention.posted", "m2", subject="x/2"),
        event("mention.resolved", "m3", NOW_MS + 1, subject="x/2"),
    )
    assert {it.subject: it.ended_at_ms for it in folded_events(person.portions)} == {
        "x/1": None,
        "x/2": NOW_MS + 1,
    }


def test_a_recorded_event_keeps_what_rules_may_ask() -> None:
    person = after(
        event(
            "mention.posted",
            "m1",
            subject="x/1",
            channel="web",
            lines=(BRIE,),
            properties={"severity": "high"},
        )
    )
    assert folded_events(person.portions) == (
        Event("mention.posted", "x/1", "high", "web", ("brie",), ("dairy",), NOW_MS),
    )


def test_an_event_that_is_not_recorded_leaves_no_record() -> None:
    assert folded_events(after(event("page.viewed", "p1", subject="/")).portions) == ()


TICKET = [
    event("ticket.opened", "t1", NOW_MS, subject="T", properties={"severity": "low", "reason": "broken"}),
    event("ticket.updated", "t2", NOW_MS + HOUR_MS, subject="T", properties={"severity": "high"}),
    event("ticket.closed", "t3", NOW_MS + 2 * HOUR_MS, subject="T"),
    event("ticket.opened", "t4", NOW_MS + 4 * HOUR_MS, subject="T", lines=(BRIE,)),
]


@pytest.mark.parametrize(
    ("told", "opened_ms", "closed_ms", "severity"),
    [
        (TICKET[:1], NOW_MS, None, "low"),
        (TICKET[:2], NOW_MS, None, "high"),
        (TICKET[:3], NOW_MS, NOW_MS + 2 * HOUR_MS, "high"),
        (TICKET, NOW_MS + 4 * HOUR_MS, None, "high"),
    ],
)
def test_a_ticket_is_the_same_in_whatever_order_its_events_come(
    told: Sequence[TrackedEvent], opened_ms: int, closed_ms: int | None, severity: str
) -> None:
    for arrival in permutations(told):
        (ticket,) = folded_tickets(after(*arrival).portions)
        assert (ticket.opened_at_ms, ticket.closed_at_ms) == (opened_ms, closed_ms)
        assert (ticket.kind, ticket.severity) == ("broken", severity)


def test_a_ticket_that_is_closed_as_it_is_opened_is_closed() -> None:
    (ticket,) = folded_tickets(after(TICKET[0], event("ticket.closed", "t9", NOW_MS, subject="T")).portions)
    assert not ticket.open


def test_the_parts_of_a_ticket_that_two_names_tell_are_one_ticket() -> None:
    person, _ = apply_event(books(), person_of(ANNA, COOKIE), THERE, TICKET[0], LATER_MS)
    person = after(TICKET[2], person=person)
    (ticket,) = folded_tickets(person.portions)
    assert not ticket.open
    assert person.portion(HERE).tickets == ()


HISTORY = st.permutations(
    [
        *(order(f"o{i}", NOW_MS - i * DAY_MS, BRIE) for i in range(3)),
        event("order.refunded", "r1", NOW_MS - 36 * HOUR_MS, lines=(BRIE,)),
        event("order.refunded", "r2", NOW_MS + HOUR_MS, lines=(BRIE, MERLOT)),
        asked("l1", NOW_MS - 5 * DAY_MS),
        asked("l2", NOW_MS - DAY_MS, 5.0),
        event("loan.withdrawn", "w1", NOW_MS - 2 * DAY_MS, subject="car"),
        event("question.answered", "a1", NOW_MS - DAY_MS, subject="pet", properties={"answer": "cat"}),
        event("question.answered", "a2", NOW_MS - 3 * DAY_MS, subject="pet", properties={"answer": "dog"}),
        *TICKET,
    ]
)


def essence(person: Person) -> object:
    """Return what all portions say together, in an order of its own."""
    known = features(person, NOW_MS + DAY_MS)
    return (
        folded_facts(person.portions),
        sorted(folded_purchases(person.portions), key=repr),
        sorted(folded_events(person.portions), key=repr),
        sorted(folded_tickets(person.portions), key=repr),
        {name: "missing" if math.isnan(value) else value for name, value in known.items()},
    )


@given(HISTORY)
def test_the_order_of_arrival_makes_no_difference(arrival: Iterable[TrackedEvent]) -> None:
    history = sorted(arrival, key=lambda it: it.time_ms)
    assert essence(after(*arrival)) == essence(after(*history))


@given(HISTORY, st.integers(1, 13))
def test_a_batch_is_as_good_as_its_events_one_by_one(arrival: Sequence[TrackedEvent], size: int) -> None:
    person = person_of(ANNA, COOKIE)
    for start in range(0, len(arrival), size):
        person, results = apply_events(books(), person, HERE, arrival[start : start + size], LATER_MS)
        assert set(results) == {Status.APPLIED}
    assert essence(person) == essence(after(*arrival))
