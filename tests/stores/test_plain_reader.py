"""A plain customer is seen as whoever reads it part by part sees it; others are left to them."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from samples import FACTS, NOW_MS, RECORDS
from shoppers import ANNA, CODEC, COOKIE, PERSONS, RING, WHOLE, person_of, trips

from nextbest_rules.durations import DAY_MS
from nextbest_service.customers.person import Person
from nextbest_service.customers.portion import Portion
from nextbest_service.store import keys
from nextbest_service.store.customer_reader import CustomerReader
from nextbest_service.store.customers import Customer, ReadPlan
from nextbest_service.store.found import Fields, Found
from nextbest_service.store.keys import Identity
from nextbest_service.store.plain_reader import PlainReader

HEAD = RING.ref(ANNA)
READER = CustomerReader(CODEC)
PLANS = st.lists(st.sampled_from(sorted(keys.RECORD_FIELDS)), unique=True).map(
    lambda names: ReadPlan(records=tuple(names))
)
PLAIN = Portion(facts=FACTS.values, facts_as_of=FACTS.as_of, features=trips(1, 2), **RECORDS)


def values(customer: Customer) -> dict[str, Any]:
    """Return everything that is seen, as values that can be compared."""
    counters = customer.features.counters
    columns = [column.tolist() for column in (counters.ids, *counters.statistics)]
    return {**customer._asdict(), "features": (customer.features.vector.tobytes(), columns)}


def part_by_part(found: Found, plan: ReadPlan, now_ms: int) -> Customer:
    """Return the customer as it is seen without any short way."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PlainReader, "customer", lambda *_: None)
        return READER.customer(found, now_ms, plan)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(person=PERSONS, plan=PLANS, later_ms=st.integers(0, 400 * DAY_MS), stranger=st.booleans())
def test_anybody_is_seen_alike(person: Person, plan: ReadPlan, later_ms: int, stranger: bool) -> None:
    fields: Fields = {**CODEC.changes(None, person).set, keys.VERSION: b"version-01"}
    if stranger:
        fields = {**fields, keys.STRANGER: b"1"}
    found, now_ms = Found((HEAD,), HEAD, fields), NOW_MS + later_ms
    whole = values(part_by_part(found, plan, now_ms))
    for name in (None, ANNA, COOKIE):
        plain = READER.plain(found, now_ms, plan, name)
        if plain is not None:
            assert values(plain) == whole
    assert values(READER.customer(found, now_ms, plan)) == whole


@pytest.mark.parametrize("portion", [PLAIN, Portion(), PLAIN._replace(reservations=(), features=None)])
@pytest.mark.parametrize("name", [None, ANNA])
def test_somebody_with_one_name_is_plain(portion: Portion, name: Identity | None) -> None:
    found = Found((HEAD,), HEAD, CODEC.changes(None, person_of(portion)).set)
    customer = READER.plain(found, NOW_MS, ReadPlan(), name)
    assert customer is not None
    assert values(customer) == values(part_by_part(found, ReadPlan(), NOW_MS))
    assert len(customer.contacts or ()) == len(portion.contacts) + len(portion.reservations)


@pytest.mark.parametrize(
    "fields",
    [
        CODEC.changes(None, person_of(WHOLE, WHOLE)).set,
        {**CODEC.changes(None, person_of(PLAIN)).set, keys.LEFT: b"elsewhere"},
        {**CODEC.changes(None, person_of(PLAIN)).set, keys.FACTS: b"damaged"},
        {
            **CODEC.changes(None, person_of(PLAIN)).set,
            keys.IDENTITIES: CODEC.changes(
                None, person_of(PLAIN)._replace(members=person_of(PLAIN, PLAIN).members[1:])
            ).set[keys.IDENTITIES],
        },
        {},
    ],
    ids=["two portions", "leaving", "damaged", "another one's", "nothing"],
)
def test_whoever_is_not_plain_is_left_to_others(fields: Fields) -> None:
    for name in (None, ANNA):
        assert READER.plain(Found((HEAD,), HEAD, fields), NOW_MS, ReadPlan(), name) is None


def test_a_name_under_which_nothing_came_in_makes_nobody_less_plain() -> None:
    person = person_of(PLAIN, Portion())
    later, earlier = person.members[0]._replace(since_ms=5), person.members[1]
    fields = CODEC.changes(None, person._replace(members=(later, earlier))).set
    customer = READER.plain(Found((HEAD,), HEAD, fields), NOW_MS, ReadPlan(), ANNA)
    assert customer is not None
    assert (customer.members, customer.first) == ((HEAD, RING.ref(COOKIE)), RING.ref(COOKIE))


def test_who_carries_somebody_else_or_nobody_is_not_plain() -> None:
    fields = CODEC.changes(None, person_of(PLAIN)).set
    assert READER.plain(Found((HEAD,)), NOW_MS, ReadPlan()) is None
    carried = Found((HEAD,), HEAD, fields, loose=((RING.ref(COOKIE), fields),))
    assert READER.plain(carried, NOW_MS, ReadPlan()) is None
