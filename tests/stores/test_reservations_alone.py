"""Only the reservations change where a decision reserves; the person is what it would be, written whole."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from samples import NOW_MS, RECORD
from shoppers import ANNA, CODEC, COOKIE, PERSONS, RING, WHOLE, person_of, plain

from nextbest_service.customers.person import Person
from nextbest_service.customers.portion import Portion, Reservation
from nextbest_service.store import keys
from nextbest_service.store.found import Found
from nextbest_service.store.reserving import reserving

HEAD = RING.ref(ANNA)
MORE = (Reservation("loan", "0" * 32, NOW_MS, NOW_MS + 9),)


def found(person: Person) -> Found:
    """Return a person as it is read."""
    fields = {**CODEC.changes(None, person).set, keys.VERSION: b"version-01"}
    return Found((person.head,), person.head, fields)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(person=PERSONS, place=st.integers(0, 2), more=st.lists(RECORD["reservations"], min_size=1).map(tuple))
def test_the_person_is_what_it_would_be_written_whole(
    person: Person, place: int, more: tuple[Reservation, ...]
) -> None:
    origin = person.members[place % len(person.members)].ref
    read = found(person)
    changes = reserving(CODEC, read, origin, more, NOW_MS)
    assert changes is not None
    before = CODEC.decode(person.head, read.fields)
    portion = before.portion(origin)
    live = tuple(it for it in portion.reservations if it.until_ms > NOW_MS)
    wanted = before.with_portion(origin, portion._replace(reservations=live + more))
    assert plain(CODEC.decode(person.head, {**read.fields, **changes.set})) == plain(wanted)
    assert changes.delete == ()
    assert CODEC.changes(before, wanted).set.keys() <= changes.set.keys()


@pytest.mark.parametrize("letter", [b"i", b"f", b"c", b"t", b"p", b"e", b"h", b"r", b"s", b"v", b"a", b"g"])
def test_who_is_not_sound_in_every_part_is_left_to_whoever_reads_all_of_it(letter: bytes) -> None:
    read = found(person_of(WHOLE, segments={"vip": 1000}))
    damaged = read.fields[letter][:-1] + bytes([read.fields[letter][-1] ^ 1])
    assert reserving(CODEC, read, HEAD, MORE, NOW_MS) is not None
    changed = read._replace(fields={**read.fields, letter: damaged})
    assert reserving(CODEC, changed, HEAD, MORE, NOW_MS) is None


def test_who_is_not_at_home_or_not_named_is_left_to_whoever_reads_all_of_it() -> None:
    read = found(person_of(Portion(), Portion()))
    fields = read.fields
    nameless = person_of(Portion(), Portion())
    nameless = nameless._replace(members=tuple(it._replace(identity=None) for it in nameless.members))
    for other in (
        Found((HEAD,)),
        read._replace(loose=((RING.ref(COOKIE), fields),)),
        read._replace(dangling={RING.ref(COOKIE): fields}),
        read._replace(fields={**fields, keys.LEFT: RING.ref(COOKIE)}),
        found(nameless),
    ):
        assert reserving(CODEC, other, HEAD, MORE, NOW_MS) is None
    assert reserving(CODEC, read, b"somebody new", MORE, NOW_MS) is None
