"""A person is the same after a write and a read, and a write has what differs and nothing else."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from samples import NOW_MS, RECORDS
from shoppers import ANNA, CODEC, COOKIE, ONLINE, PERSONS, RING, WHOLE, person_of, plain, trips

from nextbest_rules.records import Purchase
from nextbest_service.customers.person import Member, Person
from nextbest_service.customers.portion import EMPTY
from nextbest_service.store import keys
from nextbest_service.store.codec import CodecError
from nextbest_service.store.person_codec import Changes, PersonCodec

Hash = dict[bytes, bytes]
HEAD_FIELDS = {
    keys.FACTS,
    keys.SEEN,
    keys.FEATURES,
    keys.COUNTERS,
    keys.RESERVATIONS,
    *keys.RECORD_FIELDS.values(),
}


def written(changes: Changes, fields: Hash | None = None) -> Hash:
    """Return a hash after a write."""
    kept = {name: blob for name, blob in (fields or {}).items() if name not in changes.delete}
    return {**kept, **changes.set}


def stored(person: Person) -> Hash:
    return written(CODEC.changes(None, person))


@settings(max_examples=50)
@given(PERSONS)
def test_a_person_is_read_as_written(person: Person) -> None:
    assert plain(CODEC.decode(person.head, stored(person))) == plain(person)


@settings(max_examples=50)
@given(PERSONS, PERSONS)
def test_changes_turn_one_person_into_the_other(before: Person, after: Person) -> None:
    fields = written(CODEC.changes(before, after), stored(before))
    assert plain(CODEC.decode(after.head, fields)) == plain(after)
    assert fields.keys() == stored(after).keys()


@settings(max_examples=50)
@given(PERSONS)
def test_nothing_is_written_where_nothing_changed(person: Person) -> None:
    assert CODEC.changes(person, person) == Changes({}, ())
    same = person._replace(members=tuple(member._replace() for member in person.members))
    assert CODEC.changes(person, same) == Changes({}, ())


def test_somebody_of_whom_nothing_is_known_has_a_name() -> None:
    assert stored(person_of(EMPTY)).keys() == {keys.IDENTITIES}


def test_every_part_has_a_field_of_its_own() -> None:
    fields = stored(person_of(WHOLE, segments={"new": NOW_MS}))
    assert fields.keys() == {keys.IDENTITIES, keys.SEGMENTS, *HEAD_FIELDS}


def test_fields_of_other_members_carry_their_number() -> None:
    fields = stored(person_of(EMPTY, WHOLE))
    assert fields.keys() == {keys.IDENTITIES, *(field + b"1" for field in HEAD_FIELDS)}
    assert CODEC.portion_fields(WHOLE, 1) == {
        name: blob for name, blob in fields.items() if name != keys.IDENTITIES
    }


@pytest.mark.parametrize("part", RECORDS)
def test_a_part_that_changed_is_written_alone_and_an_empty_one_is_deleted(part: str) -> None:
    field = {**keys.RECORD_FIELDS, "reservations": keys.RESERVATIONS}[part] + b"1"
    before = person_of(WHOLE, WHOLE)
    shorter = WHOLE._replace(**{part: RECORDS[part][:1]})
    assert CODEC.changes(before, person_of(WHOLE, shorter)).set.keys() == {field}
    empty = WHOLE._replace(**{part: ()})
    assert CODEC.changes(before, person_of(WHOLE, empty)) == Changes({}, (field,))


def test_what_features_counted_is_written_with_its_counters() -> None:
    before = person_of(WHOLE)
    assert CODEC.changes(before, person_of(WHOLE._replace(features=trips(1)))).set.keys() == {
        keys.FEATURES,
        keys.COUNTERS,
    }
    forgotten = CODEC.changes(before, person_of(WHOLE._replace(features=None)))
    assert (forgotten.set, {*forgotten.delete}) == ({}, {keys.FEATURES, keys.COUNTERS})


def test_features_without_counters_take_no_field_for_them() -> None:
    given_only = ONLINE.with_given(ONLINE.empty, {"score": 1.0}, NOW_MS)
    fields = stored(person_of(EMPTY._replace(features=given_only)))
    assert fields.keys() == {keys.IDENTITIES, keys.FEATURES}


def test_a_member_that_leaves_takes_its_fields_along() -> None:
    before = person_of(EMPTY, WHOLE)
    changes = CODEC.changes(before, before._replace(members=before.members[:1]))
    assert changes.set.keys() == {keys.IDENTITIES}
    assert {*changes.delete} == {field + b"1" for field in HEAD_FIELDS}


def test_a_name_that_is_told_later_is_written() -> None:
    nameless = Person((Member(RING.ref(ANNA), None, portion=WHOLE),))
    named = Person((Member(RING.ref(ANNA), ANNA, portion=WHOLE),))
    assert CODEC.changes(nameless, named).set.keys() == {keys.IDENTITIES}
    assert CODEC.decode(nameless.head, stored(nameless)).members[0].identity is None


def test_segments_that_nobody_is_in_take_no_field() -> None:
    before = person_of(EMPTY, segments={"new": NOW_MS})
    assert CODEC.changes(before, person_of(EMPTY)) == Changes({}, (keys.SEGMENTS,))


def test_the_version_is_that_of_the_hash() -> None:
    person = person_of(EMPTY)
    assert CODEC.decode(person.head, {**stored(person), keys.VERSION: b"version"}).version == b"version"


def test_a_hash_without_identities_is_damaged() -> None:
    with pytest.raises(CodecError, match="missing"):
        CODEC.decode(RING.ref(ANNA), {keys.VERSION: b"version"})


def test_a_hash_that_names_somebody_else_is_refused() -> None:
    with pytest.raises(CodecError, match="another person"):
        CODEC.decode(RING.ref(COOKIE), stored(person_of(WHOLE)))


@pytest.mark.parametrize("field", sorted({keys.IDENTITIES, keys.SEGMENTS, *HEAD_FIELDS}))
def test_a_person_with_a_damaged_part_is_refused(field: bytes) -> None:
    person = person_of(WHOLE, segments={"new": NOW_MS})
    fields = stored(person)
    blob = bytearray(fields[field])
    blob[len(blob) // 2] ^= 1
    with pytest.raises(CodecError):
        CODEC.decode(person.head, {**fields, field: bytes(blob)})


def test_other_features_keep_what_they_know() -> None:
    changed = WHOLE._replace(purchases=(*WHOLE.purchases, Purchase("kettle", at_ms=NOW_MS)))
    assert CODEC.changes(person_of(WHOLE), person_of(changed)).set.keys() == {keys.RECORD_FIELDS["purchases"]}


def test_a_person_written_under_another_secret_is_refused() -> None:
    other = PersonCodec(replace(RING, secret=bytes(31) + b"1"), CODEC.features)
    with pytest.raises(CodecError, match="another person"):
        other.decode(RING.ref(ANNA), stored(person_of(WHOLE)))
