"""A person is brought into order after a change: trimmed to what anybody needs, with the segments noted."""

from typing import Any

from market import ANNA, COOKIE, HOUR_MS, LATER_MS, NOW_MS, RING, books, event, features, order, person_of

from nextbest_rules.durations import DAY_MS
from nextbest_rules.records import Contact, Event, Purchase, Ticket
from nextbest_service.customers.books import MOST_RECORDS
from nextbest_service.customers.events import apply_event, apply_events
from nextbest_service.customers.folding import folded_events
from nextbest_service.customers.incoming import Status
from nextbest_service.customers.person import Person
from nextbest_service.customers.portion import Portion, Reservation
from nextbest_service.customers.settling import settled

HERE, THERE = RING.ref(ANNA), RING.ref(COOKIE)


def with_parts(**parts: Any) -> Person:
    """Return Anna with some parts of her state."""
    return person_of(ANNA).with_portion(HERE, Portion(**parts))


def kept(part: str, *records: object) -> tuple[object, ...]:
    """Return what is left of some records."""
    result: tuple[object, ...] = getattr(
        settled(books(), with_parts(**{part: records}), NOW_MS).portions[0], part
    )
    return result


def passages(person: Person) -> list[tuple[str, str, int | None]]:
    """Return what was noted of segments, in the order of time."""
    noted = [it for it in folded_events(person.portions) if it.type.startswith("segment.")]
    return [(it.type, it.subject, it.at_ms) for it in noted]


def test_who_needs_nothing_is_the_same_object() -> None:
    person, _ = apply_event(books(), person_of(ANNA), HERE, event("page.viewed"), LATER_MS)
    assert settled(books(), person, NOW_MS) is person


def test_records_are_kept_as_long_as_a_rule_can_see_them() -> None:
    day = DAY_MS
    young, old = Purchase("a", at_ms=NOW_MS - 89 * day), Purchase("b", at_ms=NOW_MS - 91 * day)
    assert kept("purchases", young, old) == (young,)
    seen, forgotten = Contact("a", "CLICKED", NOW_MS - 29 * day), Contact("a", "CLICKED", NOW_MS - 31 * day)
    assert kept("contacts", seen, forgotten) == (seen,)
    undated = Purchase("c")
    assert kept("purchases", undated) == (undated,)


def test_what_has_no_end_in_the_rules_is_kept_for_ever() -> None:
    ancient = Event("mention.posted", at_ms=1)
    assert kept("events", ancient) == (ancient,)


def test_an_open_ticket_is_never_too_old() -> None:
    opened = Ticket("t1", opened_at_ms=1)
    closed = Ticket("t2", opened_at_ms=1, closed_at_ms=NOW_MS - 15 * DAY_MS)
    just = Ticket("t3", opened_at_ms=1, closed_at_ms=NOW_MS - 13 * DAY_MS)
    assert kept("tickets", opened, closed, just) == (opened, just)


def test_of_too_many_records_the_newest_stay() -> None:
    contacts = tuple(Contact("a", "CLICKED", NOW_MS - i) for i in range(MOST_RECORDS + 7))
    assert kept("contacts", *contacts) == contacts[:MOST_RECORDS]


def test_a_mass_of_one_kind_drives_out_nothing_of_another() -> None:
    said_no = Contact("gold-card", "REJECTED", NOW_MS - 9 * DAY_MS)
    counted = tuple(Contact("coupon", "DISPLAYED", NOW_MS - (5 + i) * DAY_MS) for i in range(3))
    mass = tuple(Contact("banner", "DISPLAYED", NOW_MS - i) for i in range(2 * MOST_RECORDS))
    left = kept("contacts", said_no, *counted, *mass)
    assert left == (said_no, *counted, *mass[: MOST_RECORDS - 4])


def test_half_of_the_room_is_for_the_newest_of_all_kinds() -> None:
    mass = tuple(Contact("banner", "DISPLAYED", NOW_MS - i) for i in range(MOST_RECORDS // 2))
    others = tuple(
        Contact(f"a{i}", "DISPLAYED", NOW_MS - DAY_MS - i - second * HOUR_MS)
        for second in range(2)
        for i in range(MOST_RECORDS)
    )
    left = kept("contacts", *mass, *others)
    assert left == (*mass, *others[: MOST_RECORDS // 2])


def test_reservations_end_with_their_time() -> None:
    held = Reservation("a", "d", NOW_MS - HOUR_MS, NOW_MS + 1)
    over = Reservation("a", "e", NOW_MS - HOUR_MS, NOW_MS)
    assert kept("reservations", held, over) == (held,)


def test_ids_are_remembered_while_their_events_could_still_count() -> None:
    days = (100, 62, 61, 1)
    events = [order(f"o{i}", NOW_MS - day * DAY_MS) for i, day in enumerate(days)]
    person, results = apply_events(books(), person_of(ANNA), HERE, events, LATER_MS)
    assert set(results) == {Status.APPLIED}
    person = settled(books(), person, NOW_MS)
    assert len(person.portions[0].seen) == 2
    for one in events:
        _, status = apply_event(books(), person, HERE, one, LATER_MS)
        assert status in (Status.DUPLICATE, Status.STALE)
    assert features(person)["orders_ever"] == 4.0


def test_what_was_counted_can_be_taken_back_for_the_declared_time_only() -> None:
    events = [order("o1", NOW_MS - 4 * DAY_MS), order("o2", NOW_MS)]
    person, _ = apply_events(books(), person_of(ANNA), HERE, events, LATER_MS)
    assert [bool(it.counted) for it in settled(books(), person, NOW_MS).portions[0].seen] == [False, True]


def test_features_forget_single_events_that_no_window_reaches() -> None:
    person, _ = apply_event(books(), person_of(ANNA), HERE, order("o1", NOW_MS - 31 * DAY_MS), LATER_MS)
    state = settled(books(), person, NOW_MS).portions[0].features
    assert state is not None
    assert all(not stream.times_ms for stream in state.tallies[0].streams)


def ordered(person: Person, number: int) -> Person:
    """Return the person after one more order, settled."""
    person, _ = apply_event(books(), person, THERE, order(f"o{number}", NOW_MS + number), LATER_MS)
    return settled(books(), person, NOW_MS + number)


def test_a_segment_is_entered_and_left_once_and_within_a_group_passed() -> None:
    person = person_of(ANNA, COOKIE)
    for number in range(1, 5):
        person = ordered(person, number)
    assert person.segments == {"regular": NOW_MS + 3}
    assert passages(person) == [
        ("segment.entered", "newcomer", NOW_MS + 1),
        ("segment.left", "newcomer", NOW_MS + 3),
        ("segment.entered", "regular", NOW_MS + 3),
        ("segment.passed", "newcomer>regular", NOW_MS + 3),
    ]
    assert person.portion(THERE).events == ()  # the head keeps them


def test_an_entry_ends_when_the_segment_is_left() -> None:
    person = person_of(ANNA, COOKIE)
    for number in range(1, 4):
        person = ordered(person, number)
    ends = {
        it.subject: it.ended_at_ms for it in folded_events(person.portions) if it.type == "segment.entered"
    }
    assert ends == {"newcomer": NOW_MS + 3, "regular": None}


def test_segments_without_a_group_are_apart_from_the_others() -> None:
    answer = event("question.answered", "a1", subject="pet", properties={"answer": "cat"})
    person, _ = apply_event(books(), ordered(person_of(ANNA, COOKIE), 1), HERE, answer, LATER_MS)
    person = settled(books(), person, NOW_MS + 5)
    assert person.segments == {"newcomer": NOW_MS + 1, "pet_owner": NOW_MS + 5}
    assert not any(type_ == "segment.passed" for type_, _, _ in passages(person))


def test_from_one_group_to_another_is_no_passage() -> None:
    bought, gone = (
        event("question.answered", f"a{at}", NOW_MS + at, subject="pet", properties={"answer": pet})
        for at, pet in ((1, "cat"), (2, ""))
    )
    person, _ = apply_event(books(), person_of(ANNA, COOKIE), HERE, bought, LATER_MS)
    person = settled(books(), person, NOW_MS + 1)
    person, _ = apply_event(books(), person, HERE, gone, LATER_MS)
    assert passages(ordered(person, 2)) == [
        ("segment.entered", "pet_owner", NOW_MS + 1),
        ("segment.left", "pet_owner", NOW_MS + 2),
        ("segment.entered", "newcomer", NOW_MS + 2),
    ]


def test_only_the_parts_that_changed_are_other_objects() -> None:
    person = with_parts(
        contacts=(Contact("a", "CLICKED", NOW_MS),), reservations=(Reservation("a", "d", 1, NOW_MS - 1),)
    )
    before, after = person.portions[0], settled(books(), person, NOW_MS).portions[0]
    assert after == before._replace(reservations=())
    assert after.contacts is before.contacts
