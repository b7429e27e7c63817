"""The bytes of every part of a person: pinned, the same after reading, and never misread."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples import FACT_SETS, FACTS, NOW_MS, RECORD, RECORDS, SEEN, SEEN_ITEM, TEXT, TIME

from nextbest_rules.durations import DAY_MS
from nextbest_rules.records import Contact, Kill
from nextbest_service.customers.person import Member
from nextbest_service.customers.portion import EMPTY, Seen
from nextbest_service.store.codec import CodecError, pack
from nextbest_service.store.fact_codec import decode_facts, encode_facts
from nextbest_service.store.keys import Identity, KeyRing
from nextbest_service.store.member_codec import (
    decode_members,
    decode_segments,
    encode_members,
    encode_segments,
)
from nextbest_service.store.record_codec import decode_kill, decode_records, encode_kill, encode_records
from nextbest_service.store.seen_codec import decode_seen, encode_seen

GOLDEN = Path(__file__).parents[1] / "golden" / "codec"
RING = KeyRing(bytes(32))
ANNA, COOKIE = Identity("customer", "anna"), Identity("cookie", "c-1")
KILL = Kill("The rate is wrong.", NOW_MS, NOW_MS + DAY_MS, "ops")


@dataclass(frozen=True)
class Part:
    """A part with a sample, a strategy for many, and the way to bytes and back."""

    sample: Any
    samples: st.SearchStrategy[Any]
    encode: Callable[[Any], bytes]
    decode: Callable[[bytes], Any]


def named(identity: Identity, since_ms: int = 0, source: str = "") -> Member:
    return Member(RING.ref(identity), identity, since_ms, source)


NAMED = st.builds(named, st.builds(Identity, TEXT, TEXT), TIME, TEXT)
NAMELESS = st.builds(Member, st.binary(min_size=12, max_size=12), st.none(), TIME, TEXT, st.just(EMPTY))
RECORD_PARTS = {
    name: Part(
        sample,
        st.lists(RECORD[name], max_size=12).map(tuple),
        partial(encode_records, name),
        partial(decode_records, name),
    )
    for name, sample in RECORDS.items()
}
PARTS = {
    "facts": Part(FACTS, FACT_SETS, encode_facts, decode_facts),
    "seen": Part(SEEN, st.lists(SEEN_ITEM, max_size=9).map(tuple), encode_seen, decode_seen),
    "identities": Part(
        (named(ANNA), named(COOKIE, NOW_MS, "login"), Member(b"name untold!", None)),
        st.lists(NAMED | NAMELESS, min_size=1, max_size=5).map(tuple),
        encode_members,
        lambda blob: decode_members(blob, RING),
    ),
    "segments": Part(
        {"new": NOW_MS, "loyal": 1}, st.dictionaries(TEXT, TIME), encode_segments, decode_segments
    ),
    **RECORD_PARTS,
    "kill": Part(KILL, st.builds(Kill, TEXT, TIME, st.none() | TIME, TEXT), encode_kill, decode_kill),
}


def in_stored_order(value: Any) -> Any:
    """Return a sample in the order in which it is kept: contacts newest first, counted items oldest first."""
    if value and isinstance(value, tuple) and isinstance(value[0], Contact):
        return tuple(sorted(value, key=lambda it: it.at_ms, reverse=True))
    if value and isinstance(value, tuple) and isinstance(value[0], Seen):
        return tuple(sorted(value, key=lambda it: it.at_ms))
    return value


def golden(name: str) -> bytes:
    return bytes.fromhex((GOLDEN / f"{name}-v2.hex").read_text())


@pytest.mark.parametrize("name", PARTS)
def test_the_bytes_written_are_those_of_the_golden_file(name: str) -> None:
    part = PARTS[name]
    assert part.encode(part.sample).hex() == golden(name).hex()
    assert part.decode(golden(name)) == part.sample


@pytest.mark.parametrize("name", PARTS)
@given(data=st.data())
def test_every_value_comes_back_as_it_was_written(name: str, data: st.DataObject) -> None:
    part = PARTS[name]
    value = data.draw(part.samples)
    assert part.decode(part.encode(value)) == in_stored_order(value)


@pytest.mark.parametrize("name", PARTS)
def test_no_flipped_bit_and_no_cut_is_ever_read_as_a_value(name: str) -> None:
    blob = golden(name)
    for bit in range(8 * len(blob)):
        damaged = bytearray(blob)
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(CodecError, match="checksum"):
            PARTS[name].decode(bytes(damaged))
    for length in range(len(blob)):
        with pytest.raises(CodecError, match="checksum"):
            PARTS[name].decode(blob[:length])


@pytest.mark.parametrize("name", PARTS)
def test_no_part_is_read_as_another(name: str) -> None:
    for other in PARTS.keys() - {name}:
        with pytest.raises(CodecError, match="checksum"):
            PARTS[name].decode(golden(other))


PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-9, 2**63)
    | st.floats()
    | st.binary(max_size=9)
    | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=9) | st.dictionaries(st.text(max_size=3), inner, max_size=5),
    max_leaves=20,
)


@pytest.mark.parametrize("name", PARTS)
@given(content=PLAIN)
def test_foreign_content_under_a_good_seal_is_read_as_the_part_or_refused(name: str, content: object) -> None:
    try:
        read = PARTS[name].decode(pack(name, content))
    except CodecError:
        return
    assert type(read) is type(PARTS[name].sample)


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_is_stored_with_every_field_that_it_has(name: str) -> None:
    """A field that is added to a record and not to the codec must show here."""
    (record,) = RECORD_PARTS[name].decode(RECORD_PARTS[name].encode(RECORDS[name][:1]))
    assert len(record) == len(inspect.signature(type(record)).parameters)


@pytest.mark.parametrize("count", [255, 256, 257, 70_000])
def test_tables_may_have_any_number_of_rows(count: int) -> None:
    contacts = tuple(Contact(f"a{number}", "DISPLAYED", NOW_MS - number) for number in range(count))
    twice = tuple(contact for contact in contacts for _ in range(2))
    assert decode_records("contacts", encode_records("contacts", twice)) == twice


@pytest.mark.parametrize("days", [0, 1, 255, 256, 257, 65_535, 65_536])
def test_counted_items_may_be_any_number_of_days_apart(days: int) -> None:
    seen = (Seen(b"12345", 1, 0), Seen(b"54321", 2, days * DAY_MS))
    assert decode_seen(encode_seen(seen)) == seen


def test_contacts_are_kept_newest_first_and_those_of_one_time_in_their_order() -> None:
    shown, clicked = Contact("a", "DISPLAYED", NOW_MS), Contact("a", "CLICKED", NOW_MS)
    older = Contact("b", "DISPLAYED", NOW_MS - 1)
    stored = encode_records("contacts", [older, shown, clicked])
    assert decode_records("contacts", stored) == (shown, clicked, older)


@pytest.mark.parametrize("kills", [(), (KILL, KILL)])
def test_a_kill_that_is_none_or_many_is_refused(kills: tuple[Kill, ...]) -> None:
    with pytest.raises(CodecError, match="something else"):
        decode_kill(encode_records("kill", kills))


def test_a_hundred_contacts_take_less_than_thirty_bytes_each() -> None:
    contacts = [
        Contact(
            f"gold-card-{number % 15}",
            ("DISPLAYED", "CLICKED")[number % 2],
            NOW_MS - number * 3_600_123,
            "web",
            "nb-bank",
            "OFFER",
            "cross_sell",
            "cards",
            f"{number * 0x123456789ABCDEF0123456789ABCDEF % 2**128:032x}",
        )
        for number in range(100)
    ]
    assert len(encode_records("contacts", contacts)) < 3000


CONTACT_TABLES = (["a", "DISPLAYED", ""], b"\x00\x01\x02\x02\x02\x02\x02", None, [1, 0], [b"", ["d"], None])


@pytest.mark.parametrize(
    "damaged",
    [
        (),
        CONTACT_TABLES[:-1],
        (*CONTACT_TABLES, None),
        (["a", "DISPLAYED"], *CONTACT_TABLES[1:]),
        ([b"a", "DISPLAYED", ""], *CONTACT_TABLES[1:]),
        (["a", ["DISPLAYED"], ""], *CONTACT_TABLES[1:]),
        (CONTACT_TABLES[0], b"\x00\x01\x02\x02\x02\x02", *CONTACT_TABLES[2:]),
        (CONTACT_TABLES[0], [0, 1, -1, -1, -1, -1, -1], *CONTACT_TABLES[2:]),
        (*CONTACT_TABLES[:2], b"\x01", *CONTACT_TABLES[3:]),
        (*CONTACT_TABLES[:2], b"\x00\x00", *CONTACT_TABLES[3:]),
        (*CONTACT_TABLES[:2], [-1], *CONTACT_TABLES[3:]),
        (*CONTACT_TABLES[:3], None, CONTACT_TABLES[4]),
        (*CONTACT_TABLES[:3], [1, 0, 0], CONTACT_TABLES[4]),
        (*CONTACT_TABLES[:3], [1, 1.5], CONTACT_TABLES[4]),
        (*CONTACT_TABLES[:3], [1, "1"], CONTACT_TABLES[4]),
        (*CONTACT_TABLES[:3], [1, None], CONTACT_TABLES[4]),
        (*CONTACT_TABLES[:3], ["1", 1], CONTACT_TABLES[4]),
        (*CONTACT_TABLES[:4], [b"123", [], None]),
        (*CONTACT_TABLES[:4], [b"", [7], None]),
        (*CONTACT_TABLES[:4], [b"", ["d", "e"], None]),
        (*CONTACT_TABLES[:4], [b"", ["d"], b"\x01"]),
        (*CONTACT_TABLES[:4], ["", ["d"], None]),
    ],
)
def test_a_contact_of_the_wrong_shape_is_refused(damaged: tuple[object, ...]) -> None:
    assert decode_records("contacts", pack("contacts", CONTACT_TABLES)) == (
        Contact("a", "DISPLAYED", 0, decision="d"),
    )
    with pytest.raises(CodecError, match="something else"):
        decode_records("contacts", pack("contacts", damaged))


TICKET_NUMBERS, TIMES = b"\x00\x01\x01\x02\x02", [None, None, None]


@pytest.mark.parametrize("products", [[7], [None], ["coffee", b"tea"], "coffee", 7])
def test_a_ticket_about_what_is_no_list_of_texts_is_refused(products: object) -> None:
    sound = [["T1", "", ["coffee"]], TICKET_NUMBERS, None, *TIMES]
    (ticket,) = decode_records("tickets", pack("tickets", sound))
    assert ticket.products == ticket.categories == ("coffee",)
    with pytest.raises(CodecError, match="something else"):
        decode_records("tickets", pack("tickets", [["T1", "", products], *sound[1:]]))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("facts", []),
        ("facts", [["a"], None]),
        ("facts", [{}, "today"]),
        ("facts", [{"a": 1}, [2, 2]]),
        ("facts", [{"a": 1}, ["2"]]),
        ("facts", [{b"a": 1}, None]),
        ("facts", [{}, None, {"a": "today"}]),
        ("facts", [{}, None, {b"a": 0}]),
        ("facts", [{}, None, {}, 0]),
        ("identities", []),
        ("identities", [[]]),
        ("identities", [["anna", "customer", 0, "", 0]]),
        ("identities", [[b"short"]]),
        ("identities", [[7, "customer"]]),
        ("identities", [["anna", b"customer"]]),
        ("identities", [["anna", "customer", "now"]]),
        ("identities", [["anna", "customer", 0, 7]]),
        ("segments", {b"new": 0}),
        ("segments", {"new": "now"}),
        ("seen", [b"12345", b"1", [0], 0]),
        ("seen", [b"1234", b"11", [0], 0, b"\x00\x00"]),
        ("seen", [b"12345", b"1", [], 0, b""]),
        ("seen", [b"12345", b"1", ["0"], 0, b""]),
        ("seen", ["12345", "1", [0], 0, b""]),
        ("seen", [b"123", b"11", [0], 0, b"\x00"]),
        ("seen", [b"12345", b"1", [0], 0, b"", ["s"], [[0, 0, 0, []]]]),
        ("seen", [b"12345", b"1", [0], 0, b"", [b"s"], [[0, 0, 0, [], []]]]),
        ("seen", [b"12345", b"1", [0], 0, b"", ["s"], [[0, 0, 0, [0], []]]]),
        ("seen", [b"12345", b"1", [0], 0, b"", ["s"], [[0, 0, 0, [0, "x"], []]]]),
    ],
)
def test_content_of_the_wrong_shape_is_refused(name: str, content: object) -> None:
    with pytest.raises(CodecError, match="something else"):
        PARTS[name].decode(pack(name, content))
