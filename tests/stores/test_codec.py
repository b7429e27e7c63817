"""The seal around every stored value: damaged, foreign and newer bytes are never read."""

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nextbest_service.store.codec import (
    DEFLATE_FROM_BYTES,
    CodecError,
    pack,
    seal,
    unpack,
    unseal,
)

BODY = b"what is known"
LONG = BODY * DEFLATE_FROM_BYTES
PART = "facts"


@given(st.binary(max_size=2 * DEFLATE_FROM_BYTES), st.booleans())
def test_a_body_comes_back_as_it_was_sealed(body: bytes, deflate: bool) -> None:
    assert unseal(PART, seal(PART, body, deflate=deflate)) == body


def test_a_seal_takes_five_bytes() -> None:
    assert len(seal(PART, BODY)) == len(BODY) + 5


@pytest.mark.parametrize("body", [BODY, LONG])
def test_no_flipped_bit_is_overlooked(body: bytes) -> None:
    sealed = seal(PART, body, deflate=True)
    for bit in range(8 * len(sealed)):
        damaged = bytearray(sealed)
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(CodecError, match="checksum"):
            unseal(PART, bytes(damaged))


@pytest.mark.parametrize("length", range(len(BODY) + 5))
def test_what_is_cut_off_is_refused(length: int) -> None:
    with pytest.raises(CodecError):
        unseal(PART, seal(PART, BODY)[:length])


@given(st.binary(max_size=40))
def test_arbitrary_bytes_are_refused(noise: bytes) -> None:
    with pytest.raises(CodecError):
        unseal(PART, noise)


def test_one_part_is_not_read_as_another() -> None:
    with pytest.raises(CodecError, match="checksum"):
        unseal("contacts", seal(PART, BODY))


def test_a_newer_codec_version_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nextbest_service.store.codec.CODEC_VERSION", 3)
    newer = seal(PART, BODY)
    monkeypatch.undo()
    with pytest.raises(CodecError, match="codec version 3; this build reads 2"):
        unseal(PART, newer)


def test_a_body_is_deflated_only_where_that_is_wanted_and_pays() -> None:
    noise = b"".join(zlib.crc32(bytes([number])).to_bytes(4, "big") for number in range(200))
    assert len(seal(PART, LONG, deflate=True)) < len(LONG) / 10
    assert len(seal(PART, LONG)) == len(LONG) + 5
    assert len(seal(PART, noise, deflate=True)) == len(noise) + 5
    assert len(seal(PART, bytes(DEFLATE_FROM_BYTES - 1), deflate=True)) == DEFLATE_FROM_BYTES + 4


def test_what_claims_to_be_deflated_and_is_not_is_refused() -> None:
    sealed = bytes([5]) + BODY
    forged = sealed + zlib.crc32(sealed, zlib.crc32(PART.encode())).to_bytes(4, "little")
    with pytest.raises(CodecError, match="something else"):
        unseal(PART, forged)


@pytest.mark.parametrize("body", [b"", b"\xc1", b"\x91", b"\x90\x90", b"\x80"])
def test_a_body_that_is_no_content_of_the_kind_is_refused(body: bytes) -> None:
    with pytest.raises(CodecError, match="something else"):
        unpack(PART, seal(PART, body), list, use_list=True)


def test_a_time_beyond_the_calendar_is_refused() -> None:
    timestamp = b"\xc7\x0c\xff\x00\x00\x00\x00\x7f\xff\xff\xff\xff\xff\xff\xff"
    with pytest.raises(CodecError, match="something else"):
        unpack(PART, seal(PART, b"\x91" + timestamp), tuple)


def test_content_comes_back_as_it_was_packed() -> None:
    assert unpack(PART, pack(PART, {"a": [1, "b", None]}), dict) == {"a": (1, "b", None)}
