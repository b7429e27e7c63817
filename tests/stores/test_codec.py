"""The bytes of customer state: pinned, sealed, and never misread."""

import math
import struct
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgpack
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nextbest_service.store.codec import (
    AsOf,
    CodecError,
    StoredCounters,
    StoredFacts,
    StoredVector,
    decode_counters,
    decode_facts,
    decode_vector,
    encode_counters,
    encode_facts,
    encode_vector,
)

GOLDEN = Path(__file__).parents[1] / "golden" / "codec"
VECTOR = StoredVector(b"schema-1", 1_509_354_000_000, np.array([0.0, -1.5, math.nan, 3e38], dtype=np.float32))
COUNTERS = StoredCounters(
    b"dict-tag",
    1_509_354_000_000,
    np.array([1, 7, 65_535], dtype=np.uint16),
    (np.array([3, 1, 9], dtype=np.uint16), np.array([17_000, 17_468, 0], dtype=np.uint16)),
)
FACTS: dict[str, object] = {
    "campaigns": ["13", "18"],
    "income": 10_000_000,
    "score": 0.25,
    "vip": True,
    "name": "Đặng",
    "since": datetime(2017, 10, 30, 9, tzinfo=UTC),
}
AS_OF_MS = 1_509_354_000_000
AS_OF_EACH = {"income": 1_509_354_000_000, "vip": 1_509_267_600_000}


@pytest.mark.parametrize(
    ("name", "blob"),
    [
        ("vector-v1", encode_vector(VECTOR)),
        ("counters-v1", encode_counters(COUNTERS)),
        ("facts-v1", encode_facts(FACTS)),
        ("facts-of-one-time-v1", encode_facts(FACTS, AS_OF_MS)),
        ("facts-of-many-times-v1", encode_facts(FACTS, AS_OF_EACH)),
    ],
)
def test_the_bytes_written_are_those_of_the_golden_file(name: str, blob: bytes) -> None:
    assert blob.hex() == (GOLDEN / f"{name}.hex").read_text().strip()


def test_the_golden_vector_reads_as_it_was_written() -> None:
    read = decode_vector(bytes.fromhex((GOLDEN / "vector-v1.hex").read_text()))
    assert (read.schema_id, read.as_of_ms) == (VECTOR.schema_id, VECTOR.as_of_ms)
    assert read.values.tobytes() == VECTOR.values.tobytes()


def test_the_golden_counters_read_as_they_were_written() -> None:
    read = decode_counters(bytes.fromhex((GOLDEN / "counters-v1.hex").read_text()))
    assert (read.tag, read.as_of_ms) == (COUNTERS.tag, COUNTERS.as_of_ms)
    assert read.ids.tolist() == COUNTERS.ids.tolist()
    assert [column.tolist() for column in read.columns] == [column.tolist() for column in COUNTERS.columns]
    assert read.ids.dtype == np.uint16


@pytest.mark.parametrize(
    ("name", "as_of_ms"),
    [("facts-v1", None), ("facts-of-one-time-v1", AS_OF_MS), ("facts-of-many-times-v1", AS_OF_EACH)],
)
def test_the_golden_facts_read_as_they_were_written(name: str, as_of_ms: AsOf) -> None:
    assert decode_facts(bytes.fromhex((GOLDEN / f"{name}.hex").read_text())) == StoredFacts(FACTS, as_of_ms)


@given(st.integers(min_value=0), st.integers(1, 255))
def test_no_flipped_byte_is_ever_read_as_a_value(position: int, flip: int) -> None:
    for encoded, decode in (
        (encode_vector(VECTOR), decode_vector),
        (encode_counters(COUNTERS), decode_counters),
        (encode_facts(FACTS), decode_facts),
    ):
        damaged = bytearray(encoded)
        damaged[position % len(damaged)] ^= flip
        with pytest.raises(CodecError, match="checksum"):
            decode(bytes(damaged))


@given(st.binary(max_size=40))
def test_arbitrary_bytes_are_refused(noise: bytes) -> None:
    for decode in (decode_vector, decode_counters, decode_facts):
        with pytest.raises(CodecError):
            decode(noise)


@pytest.mark.parametrize("length", range(0, len(encode_vector(VECTOR)), 3))
def test_a_cut_off_vector_is_refused(length: int) -> None:
    with pytest.raises(CodecError):
        decode_vector(encode_vector(VECTOR)[:length])


def test_one_kind_is_not_read_as_another() -> None:
    with pytest.raises(CodecError, match="something else"):
        decode_vector(encode_facts(FACTS))
    with pytest.raises(CodecError, match="something else"):
        decode_facts(encode_counters(COUNTERS))


def test_a_newer_codec_version_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nextbest_service.store.codec.CODEC_VERSION", 2)
    newer = encode_facts(FACTS)
    monkeypatch.undo()
    with pytest.raises(CodecError, match="codec version 2; this build reads 1"):
        decode_facts(newer)


def test_counter_columns_of_different_length_are_refused() -> None:
    torn = StoredCounters(COUNTERS.tag, 0, COUNTERS.ids, (np.array([1], dtype=np.uint16),))
    with pytest.raises(CodecError, match="differ in length"):
        decode_counters(encode_counters(torn))


def sealed(body: bytes) -> bytes:
    return body + struct.pack("<I", zlib.crc32(body))


PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.binary(max_size=9)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
KINDS = st.sampled_from(["vector", "counters", "facts"])
NEARLY_SOUND = st.builds(
    lambda kind, content: msgpack.packb([1, kind, *content]), KINDS, st.lists(PLAIN, max_size=4)
)


@given(NEARLY_SOUND | PLAIN.map(msgpack.packb) | st.binary(max_size=30))
def test_foreign_content_under_a_good_checksum_is_read_as_itself_or_refused(body: bytes) -> None:
    for decode, kind in (
        (decode_vector, StoredVector),
        (decode_counters, StoredCounters),
        (decode_facts, StoredFacts),
    ):
        try:
            read = decode(sealed(body))
        except CodecError:
            continue
        assert isinstance(read, kind)


@pytest.mark.parametrize(
    ("decode", "content"),
    [
        (decode_vector, ["vector", "a text", 0, b""]),
        (decode_vector, ["vector", b"schema-1", "now", b""]),
        (decode_vector, ["vector", b"schema-1", 0, b"12345"]),
        (decode_counters, ["counters", b"tag", 0, [["<u2", b"12"], ["|O", b"12345678"]]]),
        (decode_counters, ["counters", b"tag", 0, []]),
        (decode_counters, ["counters", b"tag", 0, [["<u2", "12"]]]),
        (decode_counters, ["counters", b"tag", 0, [[["<u2"], b"12"]]]),
        (decode_counters, ["counters", b"tag", 0, [7]]),
        (decode_facts, ["facts"]),
        (decode_facts, ["facts", ["a"]]),
        (decode_facts, ["facts", {}, "today"]),
        (decode_facts, ["facts", {}, True]),
        (decode_facts, ["facts", {}, None]),
        (decode_facts, ["facts", {}, {"age": "today"}]),
        (decode_facts, ["facts", {}, {b"age": 0}]),
        (decode_facts, ["facts", {}, 0, 0]),
    ],
)
def test_content_of_the_right_kind_and_the_wrong_shape_is_refused(
    decode: Callable[[bytes], object], content: list[object]
) -> None:
    with pytest.raises(CodecError):
        decode(sealed(msgpack.packb([1, *content])))


def test_a_time_beyond_the_calendar_is_refused() -> None:
    timestamp = b"\xc7\x0c\xff\x00\x00\x00\x00\x7f\xff\xff\xff\xff\xff\xff\xff"
    with pytest.raises(CodecError):
        decode_facts(sealed(b"\x93\x01\xa5facts\x81\xa5since" + timestamp))
