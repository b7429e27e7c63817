"""Two customers who turn out to be one person, and back: nothing is lost, nothing is counted twice."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from market import (
    ANNA,
    BERT,
    BRIE,
    COOKIE,
    LATER_MS,
    NOW_MS,
    RING,
    books,
    event,
    features,
    order,
    outcome,
    person_of,
)

from nextbest_rules.durations import DAY_MS
from nextbest_rules.records import Outcome
from nextbest_service.customers.events import apply_events
from nextbest_service.customers.folding import (
    folded_contacts,
    folded_events,
    folded_facts,
    folded_purchases,
)
from nextbest_service.customers.incoming import Status, TrackedEvent
from nextbest_service.customers.linking import parted
from nextbest_service.customers.outcomes import apply_outcome
from nextbest_service.customers.person import MAX_MEMBERS, Member, Person
from nextbest_service.customers.portion import EMPTY
from nextbest_service.customers.settling import settled
from nextbest_service.errors import InvalidRequestError
from nextbest_service.store.keys import Identity

LINKING = books().linking
HERE, THERE = RING.ref(ANNA), RING.ref(COOKIE)
DEVICE = Identity("cookie", "c-2")
DAYS = range(8)
EVENTS = [
    *(order(f"o{day}", NOW_MS - day * DAY_MS, BRIE, channel="web") for day in DAYS),
    *(event("mention.posted", f"m{day}", NOW_MS - day * DAY_MS, subject=f"x/{day}") for day in DAYS),
]


def counted(identity: Identity, events: Sequence[TrackedEvent]) -> Person:
    """Return a customer after some events."""
    person, results = apply_events(books(), person_of(identity), RING.ref(identity), events, LATER_MS)
    assert set(results) <= {Status.APPLIED}
    return person


def essence(person: Person) -> object:
    """Return what all portions say together."""
    known = features(person)
    known = {name: round(value, 3) for name, value in known.items() if name != "days_since_order"}
    return (
        sorted(folded_purchases(person.portions)),
        sorted(folded_events(person.portions), key=repr),
        sorted(seen.key for portion in person.portions for seen in portion.seen),
        known,
    )


@given(st.sets(st.sampled_from(range(len(EVENTS)))), st.sets(st.sampled_from(range(len(EVENTS)))))
def test_a_link_is_as_if_everything_had_come_in_under_one_name(ours: set[int], theirs: set[int]) -> None:
    anna = counted(ANNA, [EVENTS[i] for i in sorted(ours)])
    cookie = counted(COOKIE, [EVENTS[i] for i in sorted(theirs)])
    whole = counted(ANNA, [EVENTS[i] for i in sorted(ours | theirs)])
    assert essence(LINKING.joined(anna, cookie)) == essence(whole)


@given(st.sets(st.sampled_from(range(len(EVENTS)))), st.sets(st.sampled_from(range(len(EVENTS)))))
def test_what_is_linked_and_unlinked_again_keeps_what_only_it_had(ours: set[int], theirs: set[int]) -> None:
    anna = counted(ANNA, [EVENTS[i] for i in sorted(ours)])
    cookie = counted(COOKIE, [EVENTS[i] for i in sorted(theirs)])
    stays, gone = parted(LINKING.joined(anna, cookie), {THERE})
    assert essence(stays) == essence(anna)
    assert essence(Person(gone)) == essence(counted(COOKIE, [EVENTS[i] for i in sorted(theirs - ours)]))


def test_repeating_a_link_changes_nothing() -> None:
    anna, cookie = counted(ANNA, EVENTS[:2]), counted(COOKIE, EVENTS[2:4])
    linked = LINKING.joined(anna, cookie)
    assert LINKING.joined(linked, cookie) is linked
    assert LINKING.joined(linked, anna) is linked


def test_repeating_a_link_counts_nothing_twice_that_both_had() -> None:
    seen = outcome(Outcome.DISPLAYED, "d1")
    anna, _ = apply_outcome(books(), person_of(ANNA), HERE, seen, NOW_MS)
    cookie, _ = apply_outcome(books(), person_of(COOKIE), THERE, seen, NOW_MS)
    linked = LINKING.joined(anna, cookie)
    assert linked.portions[1] == EMPTY  # stored and read again, nothing is left of what was taken back
    assert LINKING.joined(linked, cookie) is linked


def test_what_a_name_carries_that_a_person_only_lists_comes_in_but_for_what_the_others_had() -> None:
    anna = counted(ANNA, EVENTS[:2])
    listed = anna._replace(members=(*anna.members, Member(THERE, COOKIE, NOW_MS, "login")))
    joined = LINKING.joined(listed, counted(COOKIE, EVENTS[1:4]))
    assert joined.members[1]._replace(portion=EMPTY) == listed.members[1]
    assert essence(joined) == essence(counted(ANNA, EVENTS[:4]))


def test_a_chain_of_links_holds_every_name_and_all_that_came_in() -> None:
    people = [counted(identity, [EVENTS[i]]) for i, identity in enumerate((ANNA, COOKIE, DEVICE))]
    linked = LINKING.joined(people[0], LINKING.joined(people[1], people[2]))
    assert [member.identity for member in linked.members] == [ANNA, COOKIE, DEVICE]
    assert features(linked)["orders_ever"] == 3.0


def test_contacts_and_reservations_of_both_count() -> None:
    seen = outcome(Outcome.DISPLAYED, "d1")
    anna, _ = apply_outcome(books(), person_of(ANNA), HERE, seen, NOW_MS)
    cookie, _ = apply_outcome(books(), person_of(COOKIE), THERE, seen, NOW_MS)
    cookie, _ = apply_outcome(books(), cookie, THERE, outcome(Outcome.REJECTED, "r1"), NOW_MS)
    linked = LINKING.joined(anna, cookie)
    told = [it.outcome for it in folded_contacts(linked.portions, NOW_MS)]
    assert sorted(told) == ["DISPLAYED", "REJECTED"]


def test_an_end_that_only_one_knew_of_is_not_lost() -> None:
    back = event("order.refunded", "r1", NOW_MS, lines=(BRIE,))
    linked = LINKING.joined(counted(ANNA, EVENTS[1:2]), counted(COOKIE, [*EVENTS[1:2], back]))
    (purchase,) = folded_purchases(linked.portions)
    assert purchase.ended_at_ms == NOW_MS


def test_facts_of_both_are_known_the_newer_ones_count() -> None:
    def answer(id_: str, at_ms: int, pet: str) -> TrackedEvent:
        return event("question.answered", id_, at_ms, subject="pet", properties={"answer": pet})

    linked = LINKING.joined(
        counted(ANNA, [answer("a1", NOW_MS - 2, "cat")]), counted(COOKIE, [answer("a2", NOW_MS - 1, "dog")])
    )
    assert folded_facts(linked.portions)[0] == {"pet": "dog"}


def test_what_a_device_counted_can_be_taken_back_for_long_and_what_a_customer_did_for_days() -> None:
    old = order("o1", NOW_MS - 20 * DAY_MS)
    anna, cookie = (settled(books(), counted(it, [old]), NOW_MS) for it in (ANNA, COOKIE))
    assert features(LINKING.joined(anna, cookie))["orders_ever"] == 1.0
    assert anna.portions[0].seen[0].counted == ()
    assert cookie.portions[0].seen[0].counted != ()


def test_two_customers_of_a_namespace_with_one_id_per_person_cannot_be_one() -> None:
    with pytest.raises(InvalidRequestError) as caught:
        LINKING.joined(person_of(ANNA, COOKIE), person_of(BERT))
    assert [it.field for it in caught.value.violations] == ["identities"]
    assert "bert" not in str(caught.value.violations)


def test_nobody_has_more_names_than_anybody_has() -> None:
    crowd = person_of(*(Identity("cookie", str(i)) for i in range(MAX_MEMBERS)))
    with pytest.raises(InvalidRequestError):
        LINKING.joined(person_of(ANNA), crowd)


def test_the_head_can_go_and_the_next_one_follows() -> None:
    person = person_of(ANNA, COOKIE, DEVICE)
    stays, gone = parted(person, {HERE})
    assert (stays.head, [member.ref for member in gone]) == (THERE, [HERE])


def test_of_a_person_that_is_taken_apart_altogether_the_head_stays() -> None:
    person = person_of(ANNA, COOKIE)
    stays, gone = parted(person, {HERE, THERE})
    assert (stays.head, [member.ref for member in gone]) == (HERE, [THERE])
    assert parted(stays, {HERE}) == (stays, ())


def test_who_was_unlinked_does_not_say_any_more_who_linked_it() -> None:
    cookie = Member(THERE, COOKIE, since_ms=NOW_MS, source="login")
    person = person_of(ANNA)._replace(members=(*person_of(ANNA).members, cookie))
    _, (gone,) = parted(person, {THERE})
    assert gone == Member(THERE, COOKIE)
