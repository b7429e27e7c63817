"""What a decision sees of a person: all portions as one, and nothing that cannot be read."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from samples import FACTS, NOW_MS, RECORDS
from shoppers import ANNA, CODEC, KEYS, ONLINE, RING, SPEC, WHOLE, person_of, trips

from nextbest_models.online import FeatureState
from nextbest_rules.durations import DAY_MS
from nextbest_rules.records import RESERVED, Contact, Ticket
from nextbest_service.customers.person import Person
from nextbest_service.customers.portion import EMPTY, Portion, Reservation
from nextbest_service.store import keys
from nextbest_service.store.customer_reader import CustomerReader
from nextbest_service.store.customers import Customer, ReadPlan
from nextbest_service.store.feature_codec import FeatureCodec
from nextbest_service.store.found import Fields, Found

READER = CustomerReader(CODEC)
HEAD = RING.ref(ANNA)
PARTS = {
    "identities": keys.IDENTITIES,
    "facts": keys.FACTS,
    **keys.RECORD_FIELDS,
    "reservations": keys.RESERVATIONS,
    "features": keys.FEATURES,
    "counters": keys.COUNTERS,
}
LISTS = ("consents", "tickets", "purchases", "events", "contacts")


def stored(*portions: Portion) -> Fields:
    return CODEC.changes(None, person_of(*portions)).set


def read(fields: Fields, plan: ReadPlan | None = None) -> Customer:
    return READER.customer(Found((HEAD,), HEAD, fields), NOW_MS, plan or ReadPlan())


def seen(*portions: Portion) -> Customer:
    return read(stored(*portions))


def values(customer: Customer) -> dict[str, Any]:
    """Return everything that is seen, as values that can be compared."""
    features = customer.features
    columns = (features.counters.ids, *features.counters.statistics)
    return {
        **{name: getattr(customer, name) for name in Customer._fields if name != "features"},
        "features": (features.vector.tolist(), [column.tolist() for column in columns], features.as_of_ms),
    }


@pytest.mark.parametrize("features", [trips(), trips(1), trips(0.5, 2, 90.99, 91.01, 200)])
def test_features_are_the_same_whether_they_are_decoded_or_not(
    features: FeatureState, monkeypatch: pytest.MonkeyPatch
) -> None:
    portion = Portion(facts=FACTS.values, features=features)
    straight = values(seen(portion))
    monkeypatch.setattr(FeatureCodec, "vector", lambda *_: None)
    assert values(seen(portion)) == straight
    assert straight["features_as_of"] == {"score": 0}


def test_one_portion_is_seen_as_it_is() -> None:
    customer = seen(WHOLE)
    assert customer.known
    assert customer.members == (HEAD,)
    assert (customer.facts, customer.facts_as_of) == (FACTS.values, FACTS.as_of)
    for part in ("consents", "tickets", "purchases", "events"):
        assert getattr(customer, part) == RECORDS[part]
    assert dict(zip(SPEC.customer_names, customer.features.vector.tolist(), strict=True)) == {
        "trips": 2.0,
        "spend": 15.0,
        "score": 0.75,
    }
    assert customer.features.counters.ids.tolist() == [1, 7]
    assert customer.features_as_of == {"score": NOW_MS - DAY_MS}
    assert (customer.unreadable, customer.defaulted) == ((), ())


def test_somebody_of_whom_only_the_name_is_known_did_nothing_yet() -> None:
    customer = seen(EMPTY)
    assert customer.known
    assert customer.facts == {}
    assert [getattr(customer, part) for part in LISTS] == [()] * len(LISTS)
    assert customer.features.vector.tolist() == [0.0, 0.0, 0.25]
    assert customer.features_as_of == {"score": 0}  # nobody ever gave it: older than any limit
    assert customer.defaulted == ("score",)


def test_of_a_stranger_nothing_is_known_and_features_are_the_declared_defaults() -> None:
    customer = READER.customer(Found((HEAD,), unknown=(HEAD,)), NOW_MS, ReadPlan())
    assert not customer.known
    assert customer.facts == {}
    assert [getattr(customer, part) for part in LISTS] == [()] * len(LISTS)
    assert customer.features.vector.tolist() == [0.5, 0.0, 0.25]
    assert (customer.features_as_of, customer.members, customer.unreadable) == (None, (), ())


def test_contacts_are_seen_newest_first_with_what_is_reserved() -> None:
    held = Reservation("loan", "d9", NOW_MS - 7, NOW_MS + 1, "web", "nb", "OFFER", "sell", "loans")
    over = held._replace(decision="d8", until_ms=NOW_MS)
    rejected, displayed = (Contact("tip", outcome, NOW_MS - 9) for outcome in ("REJECTED", "DISPLAYED"))
    customer = seen(Portion(contacts=(rejected, displayed), reservations=(over, held)))
    assert customer.contacts == (
        Contact("loan", RESERVED, NOW_MS - 7, "web", "nb", "OFFER", "sell", "loans", "d9"),
        rejected,
        displayed,
    )


@pytest.mark.parametrize("outcome", ["DISPLAYED", "DELIVERED", "FAILED", "WITHHELD"])
def test_a_reservation_ends_with_the_outcome_of_its_proposition_wherever_that_came_in(outcome: str) -> None:
    held = Reservation("loan", "d9", NOW_MS, NOW_MS + 1)
    told = Contact("loan", outcome, NOW_MS, decision="d9")
    assert seen(Portion(reservations=(held,)), Portion(contacts=(told,))).contacts == (told,)


def test_a_reservation_outlives_the_outcomes_of_other_propositions() -> None:
    held = Reservation("loan", "d9", NOW_MS, NOW_MS + 1)
    others = (
        Contact("loan", "DISPLAYED", NOW_MS - 1, decision="d8"),
        Contact("tip", "DISPLAYED", NOW_MS - 1, decision="d9"),
        Contact("loan", "REJECTED", NOW_MS - 1, decision="d9"),
    )
    contacts = seen(Portion(reservations=(held,)), Portion(contacts=others)).contacts
    assert contacts is not None
    assert [it.outcome for it in contacts].count(RESERVED) == 1


def test_several_portions_are_seen_as_one() -> None:
    old = Portion(
        facts={"age": 30, "vip": True, "city": "Bern"},
        facts_as_of={"age": 5, "vip": 9},
        contacts=(Contact("tip", "DISPLAYED", 3),),
        tickets=(Ticket("T1", opened_at_ms=5, updated_at_ms=5),),
        features=trips(1, 2),
    )
    new = Portion(
        facts={"age": 31, "vip": False},
        facts_as_of={"age": 7, "vip": 8},
        contacts=(Contact("tip", "CLICKED", 4), Contact("tip", "DISPLAYED", 2)),
        tickets=(Ticket("T1", "complaint", closed_at_ms=6, updated_at_ms=6),),
        features=ONLINE.with_given(trips(3), {"score": 0.75}, NOW_MS),
    )
    for customer in (seen(old, EMPTY, new), seen(new, EMPTY, old)):
        assert customer.facts == {"age": 31, "vip": True, "city": "Bern"}
        assert customer.facts_as_of == {"age": 7, "vip": 9}
        assert [it.at_ms for it in customer.contacts or ()] == [4, 3, 2]
        assert customer.tickets == (Ticket("T1", "complaint", "", (), (), 5, 6, 6),)
        assert customer.features.vector.tolist() == [3.0, 15.0, 0.75]
        assert customer.features.counters.counts.tolist() == [3, 3]
        assert len(customer.members) == 3


@pytest.mark.parametrize("planned", [(), ("tickets",), ("contacts", "consents")])
def test_only_the_planned_records_are_read(planned: Sequence[str]) -> None:
    fields = dict(stored(WHOLE))
    for name in keys.RECORD_FIELDS.keys() - set(planned):
        fields[keys.RECORD_FIELDS[name]] = b"never looked at"
    if "contacts" not in planned:
        fields[keys.RESERVATIONS] = b"never looked at"
    customer = read(fields, ReadPlan(records=tuple(planned)))
    assert customer.unreadable == ()
    for name in LISTS:
        assert bool(getattr(customer, name)) == (name in planned)


def gone(part: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Return what becomes of everything seen where a part cannot be read."""

    def without(whole: dict[str, Any]) -> dict[str, Any]:
        vector, counters, as_of_ms = whole["features"]
        empty: list[list[int]] = [[], [], [], []]
        changed: dict[str, dict[str, Any]] = {
            "facts": {"facts": None, "facts_as_of": None},
            "reservations": {"contacts": None},
            "features": {
                "features": ([0.5, 0.0, 0.25], counters, as_of_ms),
                "features_as_of": None,
                "defaulted": ("score", "spend", "trips"),
            },
            "counters": {"features": (vector, empty, as_of_ms)},
            "identities": {"members": (HEAD,)},
        }
        return {**whole, **changed.get(part, {part: None}), "unreadable": (part,)}

    return without


@pytest.mark.parametrize("part", PARTS)
def test_a_part_with_any_flipped_byte_is_not_read_and_the_rest_lives_on(part: str) -> None:
    fields = stored(WHOLE)
    blob = fields[PARTS[part]]
    expected = gone(part)(values(read(fields)))
    for place in range(len(blob)):
        damaged = blob[:place] + bytes([blob[place] ^ 0x5A]) + blob[place + 1 :]
        assert values(read({**fields, PARTS[part]: damaged})) == expected


@pytest.mark.parametrize("part", sorted(PARTS.keys() - {"identities"}))
def test_a_part_that_cannot_be_read_under_one_identity_is_not_read_at_all(part: str) -> None:
    fields = stored(WHOLE, WHOLE)
    expected = gone(part)(values(read(fields)))
    assert values(read({**fields, PARTS[part] + b"1": b"damaged"})) == expected


def test_nothing_may_be_readable_at_all() -> None:
    customer = read(dict.fromkeys(PARTS.values(), b""))
    assert customer.known
    assert {*customer.unreadable} == {*PARTS}
    assert [customer.facts, *(getattr(customer, part) for part in LISTS)] == [None] * 6


def test_identities_of_somebody_else_are_not_read() -> None:
    fields = {**stored(WHOLE), keys.IDENTITIES: CODEC.changes(None, _of_cookie()).set[keys.IDENTITIES]}
    assert read(fields).unreadable == ("identities",)


def test_counters_of_another_dictionary_are_not_read() -> None:
    other = replace(CODEC, features=FeatureCodec(ONLINE, KEYS, b"epoch-02"))
    fields = other.changes(None, person_of(WHOLE)).set
    assert values(read(fields)) == gone("counters")(values(read(stored(WHOLE))))


def test_a_person_is_seen_as_its_stored_self() -> None:
    person = person_of(WHOLE, EMPTY._replace(features=trips(3), facts={"age": 4}))
    fields = CODEC.changes(None, person).set
    assert values(READER.customer_of(person, NOW_MS)) == values(read(fields))


def _of_cookie() -> Person:
    person = person_of(EMPTY, EMPTY)
    return person._replace(members=person.members[1:])
