"""What outcomes do to a person: contacts, reservations, features, consent."""

import pytest
from market import (
    ANNA,
    COOKIE,
    HOUR_MS,
    NOW_MS,
    RING,
    attribution,
    books,
    catalog,
    features,
    outcome,
    person_of,
)

from nextbest_rules.durations import DAY_MS
from nextbest_rules.records import Consent, Contact, Outcome
from nextbest_service.customers.counting import ReusedEventIdError
from nextbest_service.customers.folding import folded_consents, folded_contacts
from nextbest_service.customers.incoming import ReportedOutcome, Status
from nextbest_service.customers.outcomes import LateOutcomeError, apply_outcome
from nextbest_service.customers.person import Person
from nextbest_service.customers.portion import Reservation

HERE, THERE = RING.ref(ANNA), RING.ref(COOKIE)
DECISION = attribution().decision
HELD = Reservation(
    "cheese", DECISION, NOW_MS - HOUR_MS, NOW_MS + HOUR_MS, "web", "north", "OFFER", "sales", "dairy"
)


def after(*outcomes: ReportedOutcome, person: Person | None = None, now_ms: int = NOW_MS) -> Person:
    """Return Anna after some outcomes, all of which are new."""
    person = person or person_of(ANNA, COOKIE)
    for one in outcomes:
        person, status = apply_outcome(books(), person, HERE, one, now_ms)
        assert status is Status.APPLIED
    return person


def holding(*reservations: Reservation) -> Person:
    """Return Anna with reservations under her cookie."""
    person = person_of(ANNA, COOKIE)
    return person.with_portion(THERE, person.portion(THERE)._replace(reservations=reservations))


def contacts(person: Person) -> list[tuple[str, str]]:
    """Return (action, outcome) of all contacts, newest first."""
    return [(it.action, it.outcome) for it in folded_contacts(person.portions, NOW_MS)]


def test_an_outcome_is_a_contact_with_what_the_catalog_says_of_the_action() -> None:
    assert folded_contacts(after(outcome(Outcome.DISPLAYED)).portions, NOW_MS) == (
        Contact("cheese", "DISPLAYED", NOW_MS, "web", "north", "OFFER", "sales", "dairy", DECISION),
    )


def test_contacts_are_newest_first_whenever_they_are_told() -> None:
    told = [
        outcome(Outcome.CLICKED, "c", time_ms=NOW_MS - 1),
        outcome(Outcome.DISPLAYED, "d", time_ms=NOW_MS - 2),
        outcome(Outcome.ACCEPTED, "a", time_ms=NOW_MS),
    ]
    assert contacts(after(*told)) == [("cheese", "ACCEPTED"), ("cheese", "CLICKED"), ("cheese", "DISPLAYED")]


@pytest.mark.parametrize("kind", [Outcome.DISPLAYED, Outcome.DELIVERED])
def test_a_contact_that_took_place_confirms_its_reservation(kind: Outcome) -> None:
    other = HELD._replace(action="wine")
    person = after(outcome(kind), person=holding(HELD, other))
    assert person.portion(THERE).reservations == (other,)
    assert contacts(person) == [("cheese", kind), ("wine", "RESERVED")]


@pytest.mark.parametrize("kind", [Outcome.FAILED, Outcome.WITHHELD])
def test_a_contact_that_never_was_releases_its_reservation(kind: Outcome) -> None:
    person = after(outcome(kind), person=holding(HELD))
    assert contacts(person) == []
    assert person.portion(THERE).reservations == ()


@pytest.mark.parametrize("kind", [Outcome.OPENED, Outcome.CLICKED, Outcome.DISMISSED])
def test_other_outcomes_leave_the_reservation(kind: Outcome) -> None:
    person = after(outcome(kind), person=holding(HELD))
    assert person.portion(THERE).reservations == (HELD,)


def test_a_reservation_whose_time_is_over_is_no_contact() -> None:
    over = HELD._replace(until_ms=NOW_MS)
    assert contacts(holding(over, HELD._replace(action="wine"))) == [("wine", "RESERVED")]


def test_an_outcome_of_an_action_that_left_the_catalog_is_told_by_its_reservation() -> None:
    gone = HELD._replace(action="gone", type="OFFER", issue="sales", group="past")
    person = after(outcome(Outcome.DISPLAYED, of=attribution("gone")), person=holding(gone))
    (contact,) = person.portion(HERE).contacts
    assert (contact.type, contact.issue, contact.group) == ("OFFER", "sales", "past")


def test_an_outcome_is_counted_once() -> None:
    person = after(outcome(Outcome.ACCEPTED, amount=7.0))
    again, status = apply_outcome(books(), person, HERE, outcome(Outcome.ACCEPTED, amount=7.0), NOW_MS)
    assert status is Status.DUPLICATE
    assert again is person
    with pytest.raises(ReusedEventIdError):
        apply_outcome(books(), person, HERE, outcome(Outcome.ACCEPTED, amount=8.0), NOW_MS)


def test_outcomes_feed_the_streams_and_touch_the_affinities_of_their_action() -> None:
    person = after(outcome(Outcome.ACCEPTED, "1", amount=7.0), outcome(Outcome.DISPLAYED, "2", amount=9.0))
    known = features(person)
    assert (known["yeses"], known["worth"]) == (1.0, 7.0)
    state = person.portion(HERE).features
    assert state is not None
    assert (state.counters.ids.tolist(), state.counters.totals.tolist()) == ([2, 3], [7, 7])


def test_who_unsubscribes_takes_the_consent_for_the_channel_back() -> None:
    person = after(outcome(Outcome.UNSUBSCRIBED, of=attribution(channel="email")))
    assert folded_consents(person.portions) == (Consent(False, NOW_MS, "email", ""),)


def test_an_outcome_without_a_time_happened_now() -> None:
    assert folded_contacts(after(outcome(Outcome.CLICKED, time_ms=None)).portions, NOW_MS)[0].at_ms == NOW_MS


@pytest.mark.parametrize(
    ("time_ms", "now_ms"), [(NOW_MS + 30 * DAY_MS + 1, NOW_MS), (NOW_MS, NOW_MS + 30 * DAY_MS + 1)]
)
def test_an_outcome_after_the_life_of_its_token_is_late(time_ms: int, now_ms: int) -> None:
    late = outcome(Outcome.CLICKED, time_ms=time_ms)
    with pytest.raises(LateOutcomeError):
        apply_outcome(books(), person_of(ANNA), HERE, late, now_ms)
    just = outcome(Outcome.CLICKED, time_ms=NOW_MS)
    after(just, now_ms=NOW_MS + catalog().memory.late_outcomes_ms)


def test_a_repeated_outcome_is_a_success_even_when_the_token_is_over() -> None:
    """The sender that got no reply cannot know that it was counted."""
    person = after(outcome(Outcome.CLICKED))
    _, status = apply_outcome(books(), person, HERE, outcome(Outcome.CLICKED), NOW_MS + 40 * DAY_MS)
    assert status is Status.DUPLICATE
