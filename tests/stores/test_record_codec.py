"""The bytes of a customer's records and of kills: pinned, sealed, and never misread."""

import inspect
import struct
import zlib
from pathlib import Path
from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nextbest_rules.records import Consent, Contact, Event, Kill, Purchase, Ticket
from nextbest_service.store.codec import CodecError
from nextbest_service.store.record_codec import decode_kill, decode_records, encode_kill, encode_records

GOLDEN = Path(__file__).parents[1] / "golden" / "codec"
NOW_MS = 1_772_420_400_000
DAY_MS = 86_400_000
PARTS: dict[str, tuple[Any, ...]] = {
    "consents": (
        Consent(True, NOW_MS - 30 * DAY_MS, "email", "marketing", NOW_MS + 300 * DAY_MS),
        Consent(False, NOW_MS, purpose="service"),
    ),
    "tickets": (
        Ticket("T1", "complaint", "high", ("espresso-machine",), ("kitchen", "coffee"), NOW_MS - DAY_MS),
        Ticket("T2", opened_at_ms=NOW_MS - DAY_MS, closed_at_ms=NOW_MS),
    ),
    "purchases": (
        Purchase("fridge-x1", "fridges", "store", NOW_MS - 3_600_000),
        Purchase("gold-card", ended_at_ms=NOW_MS),
    ),
    "events": (
        Event("mention.posted", "service", "high", "social", ("gold-card",), (), NOW_MS - DAY_MS, NOW_MS),
        Event("Đặng"),
    ),
    "contacts": (
        Contact("gold-card", "REJECTED", NOW_MS, "web", "nb", "OFFER", "cross_sell", "cards", "d2"),
        Contact("gold-card", "DISPLAYED", NOW_MS - DAY_MS, decision="d1"),
    ),
}
KILL = Kill("The rate is wrong.", NOW_MS, NOW_MS + DAY_MS, "ops")


def golden(name: str) -> bytes:
    return bytes.fromhex((GOLDEN / f"{name}-v1.hex").read_text())


@pytest.mark.parametrize("part", PARTS)
def test_records_are_written_as_in_the_golden_file_and_read_from_it(part: str) -> None:
    assert encode_records(part, PARTS[part]).hex() == golden(part).hex()
    assert decode_records(part, golden(part)) == PARTS[part]


def test_a_kill_is_written_as_in_the_golden_file_and_read_from_it() -> None:
    assert encode_kill(KILL).hex() == golden("kill").hex()
    assert decode_kill(golden("kill")) == KILL
    assert decode_kill(encode_kill(Kill("", 0))) == Kill("", 0)


@pytest.mark.parametrize("part", PARTS)
def test_no_records_are_read_as_none(part: str) -> None:
    assert decode_records(part, encode_records(part, ())) == ()


def test_contacts_are_kept_newest_first_and_those_of_one_time_in_their_order() -> None:
    shown, clicked = Contact("a", "DISPLAYED", NOW_MS), Contact("a", "CLICKED", NOW_MS)
    older = Contact("b", "DISPLAYED", NOW_MS - 1)
    assert decode_records("contacts", encode_records("contacts", [older, shown, clicked])) == (
        shown,
        clicked,
        older,
    )


def test_tickets_keep_the_order_in_which_they_were_given() -> None:
    assert (
        decode_records("tickets", encode_records("tickets", PARTS["tickets"][::-1])) == PARTS["tickets"][::-1]
    )


@pytest.mark.parametrize("part", PARTS)
@given(position=st.integers(min_value=0), flip=st.integers(1, 255))
def test_no_flipped_byte_is_ever_read_as_a_record(part: str, position: int, flip: int) -> None:
    damaged = bytearray(golden(part))
    damaged[position % len(damaged)] ^= flip
    with pytest.raises(CodecError, match="checksum"):
        decode_records(part, bytes(damaged))


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("other", PARTS)
def test_one_part_is_not_read_as_another(part: str, other: str) -> None:
    if part != other:
        with pytest.raises(CodecError, match="something else"):
            decode_records(part, golden(other))


def sealed(*content: object) -> bytes:
    body: bytes = msgpack.packb([1, *content])
    return body + struct.pack("<I", zlib.crc32(body))


CONTACT = ["a", "DISPLAYED", NOW_MS, "", "", "", "", "", ""]
TICKET = ["T1", "", "", [], [], None, None]


@pytest.mark.parametrize(
    ("part", "content"),
    [
        ("contacts", []),
        ("contacts", [{}]),
        ("contacts", [[CONTACT], 1]),
        ("contacts", [[CONTACT[:-1]]]),
        ("contacts", [[[*CONTACT, ""]]]),
        ("contacts", [[CONTACT, CONTACT[:-1]]]),
        ("contacts", [["a text of 9"]]),
        ("contacts", [["123456789"]]),
        ("contacts", [[7]]),
        ("contacts", [[None]]),
        ("contacts", [[["a", "DISPLAYED", None, *CONTACT[3:]]]]),
        ("contacts", [[["a", "DISPLAYED", True, *CONTACT[3:]]]]),
        ("contacts", [[[b"a", *CONTACT[1:]]]]),
        ("consents", [[["yes", NOW_MS, "", "", None]]]),
        ("consents", [[[1, NOW_MS, "", "", None]]]),
        ("tickets", [[["T1", "", "", "espresso", [], None, None]]]),
        ("tickets", [[["T1", "", "", [7], [], None, None]]]),
        ("tickets", [[TICKET, ["T1", "", "", [], ["a", None], None, None]]]),
        ("tickets", [[["T1", "", "", [], [], 1.5, None]]]),
    ],
)
def test_content_of_the_right_kind_and_the_wrong_shape_is_refused(part: str, content: list[object]) -> None:
    with pytest.raises(CodecError, match="something else"):
        decode_records(part, sealed(part, *content))


@pytest.mark.parametrize("rows", [[], [["r", 0, None, ""], ["r", 0, None, ""]], [["r", "now", None, ""]]])
def test_a_kill_that_is_none_or_many_or_ill_formed_is_refused(rows: list[object]) -> None:
    with pytest.raises(CodecError, match="something else"):
        decode_kill(sealed("kill", rows))


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(0, 2**63) | st.floats() | st.binary(max_size=9) | st.text(),
    lambda inner: st.lists(inner, max_size=9) | st.dictionaries(st.text(max_size=3), inner, max_size=5),
    max_leaves=20,
)


@pytest.mark.parametrize("part", PARTS)
@given(rows=PLAIN)
def test_foreign_content_under_a_good_checksum_is_read_as_records_or_refused(part: str, rows: object) -> None:
    try:
        read = decode_records(part, sealed(part, rows))
    except CodecError:
        return
    assert all(type(record) is type(PARTS[part][0]) for record in read)


@pytest.mark.parametrize("part", PARTS)
def test_a_row_has_every_field_of_its_record_in_the_records_own_order(part: str) -> None:
    """Rows become records by position: a field that is added or moved must show here."""
    record = PARTS[part][0]
    (row,) = msgpack.unpackb(encode_records(part, [record])[:-4])[2]
    fields = [*inspect.signature(type(record)).parameters]
    assert len(row) == len(fields)
    assert [tuple(value) if isinstance(value, list) else value for value in row] == [
        getattr(record, name) for name in fields
    ]
