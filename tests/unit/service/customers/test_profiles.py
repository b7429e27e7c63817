"""What profiles do to a person: newer words replace older ones, and nothing else changes."""

from typing import Any

import pytest
from market import ANNA, COOKIE, LATER_MS, NOW_MS, RING, books, features, order, person_of

from nextbest_rules.durations import DAY_MS
from nextbest_rules.records import Consent
from nextbest_service.customers.events import apply_event
from nextbest_service.customers.folding import folded_consents, folded_facts
from nextbest_service.customers.incoming import ProfileChange, Status
from nextbest_service.customers.person import Person
from nextbest_service.customers.profiles import apply_profile
from nextbest_service.customers.segments import features_of

HERE, THERE = RING.ref(ANNA), RING.ref(COOKIE)


def applied(
    person: Person, origin: bytes = HERE, as_of_ms: int | None = None, **change: Any
) -> tuple[Person, Status]:
    """Return a person after a profile, and what became of it."""
    return apply_profile(books(), person, origin, ProfileChange(as_of_ms=as_of_ms, **change), NOW_MS)


def test_what_is_not_mentioned_stays() -> None:
    person, _ = applied(person_of(ANNA), attributes={"age": 40, "pet": "cat"})
    person, status = applied(person, attributes={"pet": "dog"})
    assert status is Status.APPLIED
    assert folded_facts(person.portions)[0] == {"age": 40, "pet": "dog"}


@pytest.mark.parametrize("origin", [HERE, THERE])
def test_older_words_change_nothing_whoever_says_them(origin: bytes) -> None:
    held, _ = applied(
        person_of(ANNA, COOKIE), as_of_ms=NOW_MS - 1, attributes={"pet": "cat"}, features={"score": 0.9}
    )
    person, status = applied(held, origin, NOW_MS - 2, attributes={"pet": "dog"}, features={"score": 0.1})
    assert status is Status.STALE
    assert person is held


def test_of_a_profile_only_what_is_news_counts() -> None:
    person, _ = applied(person_of(ANNA), as_of_ms=NOW_MS - 1, attributes={"pet": "cat"})
    person, status = applied(person, as_of_ms=NOW_MS - 2, attributes={"pet": "dog", "age": 40})
    assert status is Status.APPLIED
    assert folded_facts(person.portions)[0] == {"pet": "cat", "age": 40}


def test_a_removed_attribute_is_not_known_and_does_not_come_back() -> None:
    person, _ = applied(person_of(ANNA), as_of_ms=NOW_MS - 3, attributes={"pet": "cat"})
    person, _ = applied(person, as_of_ms=NOW_MS - 1, removed=frozenset({"pet"}))
    person, status = applied(person, as_of_ms=NOW_MS - 2, attributes={"pet": "dog"})
    assert status is Status.STALE
    assert folded_facts(person.portions)[0]["pet"] is None


def test_an_older_word_on_consent_never_overrides_a_newer_one() -> None:
    no = Consent(False, NOW_MS - 1, "email", "marketing")
    yes = Consent(True, NOW_MS - 2, "email", "marketing")
    for words in ([no, yes], [yes, no]):
        person = person_of(ANNA)
        for word in words:
            person, _ = applied(person, consents=(word,))
        assert folded_consents(person.portions) == (no,)
    _, status = applied(person, THERE, consents=(yes,))
    assert status is Status.STALE


def test_of_two_words_at_once_the_no_counts() -> None:
    no, yes = Consent(False, NOW_MS, "email"), Consent(True, NOW_MS, "email")
    for words in ((no, yes), (yes, no)):
        person, _ = applied(person_of(ANNA), consents=words)
        assert folded_consents(person.portions) == (no,)


def test_a_word_without_a_time_is_as_old_as_the_profile() -> None:
    person, _ = applied(person_of(ANNA), as_of_ms=NOW_MS - 9, consents=(Consent(True, 0, "sms"),))
    assert folded_consents(person.portions)[0].at_ms == NOW_MS - 9


def test_given_features_stand_and_say_how_old_they_are() -> None:
    person, _ = applied(person_of(ANNA), as_of_ms=NOW_MS - DAY_MS, features={"score": 0.9})
    values, as_of = features_of(books(), person, NOW_MS)
    assert values["score"] == pytest.approx(0.9)
    assert as_of == {"score": NOW_MS - DAY_MS}


def test_events_after_a_given_feature_count_on_top_whichever_comes_first() -> None:
    given = {"spend": 100.0}
    first, _ = applied(person_of(ANNA), as_of_ms=NOW_MS - 2 * DAY_MS, features=given)
    for id_, days in (("o1", 3), ("o2", 1)):
        first, _ = apply_event(books(), first, HERE, order(id_, NOW_MS - days * DAY_MS), LATER_MS)
    last = person_of(ANNA)
    for id_, days in (("o1", 3), ("o2", 1)):
        last, _ = apply_event(books(), last, HERE, order(id_, NOW_MS - days * DAY_MS), LATER_MS)
    last, _ = applied(last, as_of_ms=NOW_MS - 2 * DAY_MS, features=given)
    assert features(first)["spend"] == features(last)["spend"] == 109.0


def test_a_profile_that_says_nothing_is_fine() -> None:
    person = person_of(ANNA)
    assert applied(person) == (person, Status.APPLIED)
