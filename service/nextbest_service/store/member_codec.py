"""How the identities of a person look as bytes, and the segments that it is in."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from nextbest_service.customers.person import Member, came_first
from nextbest_service.store.codec import foreign, pack, unpack
from nextbest_service.store.columns import FOREIGN, Packed, packed_time, unpacked_time
from nextbest_service.store.keys import REF_BYTES, Identity, KeyRing, Ref

_IDENTITIES = "identities"
_SEGMENTS = "segments"


class _Row(NamedTuple):
    """One member. Of a member without a name `name` is the ref, as bytes."""

    name: Packed
    namespace: Packed = ""
    since: Packed = 0
    source: Packed = ""


_DEFAULTS = tuple(_Row(""))


def encode_members(members: Sequence[Member]) -> bytes:
    """Return the bytes of a person's members, without what came in under them."""
    return pack(_IDENTITIES, [_trimmed(_row(member)) for member in members])


def decode_members(blob: bytes, ring: KeyRing) -> tuple[Member, ...]:
    """Read a person's members back, the head first; their portions are empty.

    Raises:
        CodecError: the bytes are not identities of this codec, or there are none.
    """
    rows = unpack(_IDENTITIES, blob, tuple)
    try:
        members = tuple(_member(_Row(*row), ring) for row in rows)
    except FOREIGN as error:
        raise foreign(_IDENTITIES) from error
    if not members:
        raise foreign(_IDENTITIES)
    return members


def refs_of(blob: bytes, head: Ref, name: Identity | None, ring: KeyRing) -> tuple[tuple[Ref, ...], Ref]:
    """Return the refs of a person's members, the head first, and that of the one who came first.

    name: that of the head; it saves time, where it is at hand.

    Raises:
        CodecError: the bytes are not identities of this codec, or there are none, or another one's.
    """
    if name is not None and unpack(_IDENTITIES, blob, tuple) == ((name.id, name.namespace),):
        return (head,), head  # the usual case
    members = decode_members(blob, ring)
    if members[0].ref != head:
        raise foreign(_IDENTITIES)
    return tuple([member.ref for member in members]), came_first(members)


def encode_segments(segments: Mapping[str, int]) -> bytes:
    """Return the bytes of segments with their times of entry."""
    return pack(_SEGMENTS, {name: packed_time(time_ms) for name, time_ms in segments.items()})


def decode_segments(blob: bytes) -> dict[str, int]:
    """Read segments back.

    Raises:
        CodecError: the bytes are not segments of this codec.
    """
    content = unpack(_SEGMENTS, blob, dict)
    try:
        segments = {name: unpacked_time(time) for name, time in content.items()}
    except FOREIGN as error:
        raise foreign(_SEGMENTS) from error
    if {*map(type, segments)} - {str}:
        raise foreign(_SEGMENTS)
    return segments


def _row(member: Member) -> _Row:
    since = packed_time(member.since_ms)
    if member.identity is None:
        return _Row(member.ref, "", since, member.source)
    return _Row(member.identity.id, member.identity.namespace, since, member.source)


def _trimmed(row: _Row) -> tuple[Packed, ...]:
    """Return the row without what most members do not have."""
    kept = len(row)
    while kept > 1 and row[kept - 1] == _DEFAULTS[kept - 1]:
        kept -= 1
    return row[:kept]


def _member(row: _Row, ring: KeyRing) -> Member:
    if type(row.source) is not str or type(row.namespace) is not str:
        raise TypeError
    since_ms = unpacked_time(row.since)
    if type(row.name) is bytes and len(row.name) == REF_BYTES:
        return Member(row.name, None, since_ms, row.source)
    if type(row.name) is not str:
        raise TypeError
    identity = Identity(row.namespace, row.name)
    return Member(ring.ref(identity), identity, since_ms, row.source)
