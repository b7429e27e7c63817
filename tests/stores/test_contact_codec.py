"""Contacts in columns say what the records say, and refuse what the records refuse."""

from typing import Any

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from samples import DECISION, DECISIONS, NOW_MS, RECORD, RECORDS

from nextbest_rules.contacts import Contacts
from nextbest_rules.records import Contact
from nextbest_service.customers.portion import Reservation
from nextbest_service.store.codec import CodecError, seal, unseal
from nextbest_service.store.contact_codec import decode_contacts
from nextbest_service.store.record_codec import decode_records, encode_records

HISTORIES = st.lists(RECORD["contacts"], max_size=6)
JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 300)
    | st.floats(allow_nan=False)
    | st.text(max_size=2)
    # a NaN is not equal to itself, so that nothing could be compared
    | st.binary(max_size=18),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=4,
)


@settings(deadline=None)
@given(history=HISTORIES)
def test_any_history_reads_like_its_records(history: list[Contact]) -> None:
    blob = encode_records("contacts", history)
    records, contacts = decode_records("contacts", blob), decode_contacts(blob)
    assert contacts == records
    assert records == contacts
    assert (len(contacts), bool(contacts)) == (len(records), bool(records))
    assert contacts.at_ms == [record.at_ms for record in records]
    for place in range(-len(records), len(records)):
        assert decode_contacts(blob)[place] == records[place]
    assert contacts[1:4] == records[1:4]
    assert [type(contact) for contact in contacts] == [Contact] * len(records)
    assert hash(contacts) == hash(records)
    assert repr(contacts) == repr(records)


@settings(max_examples=300, deadline=None)
@given(data=st.data(), junk=JUNK)
def test_what_is_no_history_of_records_is_none_in_columns(data: st.DataObject, junk: object) -> None:
    """Sealed all the same: the seal says only that nobody changed the bytes."""
    blob = encode_records("contacts", data.draw(HISTORIES.filter(bool)))
    content = _lists(msgpack.unpackb(unseal("contacts", blob)))
    where = [content]
    while (inner := [it for it in where[-1] if type(it) is list and it]) and data.draw(st.booleans()):
        where.append(data.draw(st.sampled_from(inner)))
    where[-1][data.draw(st.integers(0, len(where[-1]) - 1))] = junk
    broken = seal("contacts", msgpack.packb(content))
    assert _read(decode_contacts, broken) == _read(lambda it: decode_records("contacts", it), broken)


@settings(deadline=None)
@given(history=HISTORIES, others=HISTORIES)
def test_more_contacts_come_in_where_their_time_is(history: list[Contact], others: list[Contact]) -> None:
    contacts = decode_contacts(encode_records("contacts", history))
    both = tuple(sorted([*contacts, *others], key=lambda it: it.at_ms, reverse=True))
    joined = decode_contacts(encode_records("contacts", history)).joined(others)
    assert joined == both
    assert joined.at_ms == [contact.at_ms for contact in both]
    assert joined.joined([Contact("tip", "DISPLAYED", NOW_MS)]) == Contacts.none().joined(
        [*both, Contact("tip", "DISPLAYED", NOW_MS)]
    )


@settings(deadline=None)
@given(history=HISTORIES, decision=DECISIONS)
def test_a_decision_that_is_not_mentioned_has_no_contact(history: list[Contact], decision: str) -> None:
    columns = decode_contacts(encode_records("contacts", history)).columns
    assert all(columns.mentions(contact.decision) for contact in history)
    if not columns.mentions(decision):
        assert decision not in {contact.decision for contact in history}


def test_decisions_are_looked_for_by_their_bytes() -> None:
    known = [it for it in RECORDS["contacts"] if it.decision == DECISION]
    columns = decode_contacts(encode_records("contacts", known)).columns
    assert columns.mentions(DECISION)
    assert not columns.mentions("0" * 32)
    assert not columns.mentions("no id at all")
    assert Reservation("tip", "d9", 0, 1).as_contact().decision == "d9"


def _read(decode: Any, blob: bytes) -> object:
    try:
        return tuple(decode(blob))
    except CodecError:
        return None


def _lists(value: Any) -> Any:
    return [*map(_lists, value)] if type(value) in (list, tuple) else value


@pytest.mark.parametrize("table", [0, 1, 2, 4])
def test_a_place_behind_the_end_of_a_table_is_refused(table: int) -> None:
    content = _lists(msgpack.unpackb(unseal("contacts", encode_records("contacts", RECORDS["contacts"]))))
    column, place = (content[4], 2) if table == 4 else (content, table)
    column[place] = column[place][:-1] if table == 0 else column[place][:-1] + b"\xff"
    with pytest.raises(CodecError):
        decode_contacts(seal("contacts", msgpack.packb(content)))
