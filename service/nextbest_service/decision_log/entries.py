"""One entry of the log as it stands in the stream. What its body says depends on its kind."""

import hashlib
import zlib
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, NamedTuple, TypeAlias

import msgpack

from nextbest_service.store.keys import DECISION_LOG, Ref
from nextbest_service.store.line import Command

ID_BYTES = 16
DIGEST_BYTES = 16
CHECKSUM_BYTES = 4
Stored: TypeAlias = tuple[bytes, Sequence[bytes] | Mapping[bytes, bytes]]


class LogFormatError(ValueError):
    """An entry is damaged, or written by a version that knows more than this one."""


class Kind(Enum):
    """What an entry is about."""

    DECISION = b"d"
    OUTCOME = b"o"
    GAP = b"g"
    ERASURE = b"e"


class Entry(NamedTuple):
    """An entry: two with the same kind and `id` (16 bytes) are one thing, recorded again after a lost reply.

    `customer` is the ref under which it happened, empty where it is about nobody. `place` is its id in the
    stream, empty until it stands there.
    """

    kind: Kind
    id: bytes
    customer: Ref
    body: bytes
    place: str = ""

    @property
    def place_ms(self) -> int:
        """When it was written by the store's clock, Unix milliseconds."""
        return int(self.place.partition("-")[0])


def append(entry: Entry, most: int) -> Command:
    """Return the command that appends an entry; the oldest make room where there are more than `most`."""
    fields = (b"k", entry.kind.value, b"c", entry.customer, b"i", entry.id, b"b", entry.body)
    return ("XADD", DECISION_LOG, "MAXLEN", "~", most, "*", *fields)


def read_entry(stored: Stored) -> Entry:
    """Return an entry as XRANGE gives it.

    Raises:
        LogFormatError: it is none.
    """
    place, content = stored
    if not isinstance(content, Mapping):
        content = dict(zip(content[::2], content[1::2], strict=True))
    try:
        return Entry(Kind(content[b"k"]), content[b"i"], content[b"c"], content[b"b"], place.decode())
    except (KeyError, ValueError) as error:
        raise LogFormatError("an entry of the decision log has an unknown form") from error


def sealed(content: bytes) -> bytes:
    """Return bytes with a checksum ahead."""
    return zlib.crc32(content).to_bytes(CHECKSUM_BYTES, "big") + content


def unsealed(body: bytes) -> bytes:
    """Return what was sealed.

    Raises:
        LogFormatError: it was damaged since.
    """
    content = body[CHECKSUM_BYTES:]
    if zlib.crc32(content).to_bytes(CHECKSUM_BYTES, "big") != body[:CHECKSUM_BYTES]:
        raise LogFormatError("an entry of the decision log is damaged")
    return content


def pack(content: object) -> bytes:
    """Return plain data as bytes."""
    packed: bytes = msgpack.packb(content)
    return sealed(packed)


def unpack(body: bytes, length: int) -> Sequence[object]:
    """Return a list of at least `length` items: versions to come may append some.

    Raises:
        LogFormatError: the bytes are none.
    """
    packed = unsealed(body)
    try:
        content = msgpack.unpackb(packed, strict_map_key=False)
    except (ValueError, TypeError, msgpack.UnpackException) as error:
        raise LogFormatError("an entry of the decision log cannot be read") from error
    if not isinstance(content, list) or len(content) < length:
        raise LogFormatError("an entry of the decision log has an unknown form")
    return content


def completed(content: Sequence[object], oldest: int, later: Sequence[object]) -> Sequence[Any]:
    """Return a list as this version writes it.

    The oldest version wrote `oldest` items; `later` are what stands for those that came since where they are
    missing. What versions to come have appended is left out.
    """
    return [*content, *later[len(content) - oldest :]][: oldest + len(later)]


def digest_of(ref: Ref) -> bytes:
    """Return what stands for the ref of somebody who was erased."""
    return hashlib.sha256(b"erased\0" + ref).digest()[:DIGEST_BYTES]
