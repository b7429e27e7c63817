"""How customer state looks as bytes in Redis.

Every field of a customer is a sealed msgpack array: `[codec version, kind, ...]` and a CRC-32 (little endian)
behind it. The seal is what keeps a half-written or foreign value from being read as numbers. Vectors are
float32 payloads: a fifth of the bytes of a msgpack map by name and a third of its time
(benchmarks/micro/codec.py).
"""

import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import msgpack
import numpy as np
from numpy.typing import NDArray

CODEC_VERSION = 1
_CRC = struct.Struct("<I")
_ITEM_BYTES = {"<f4": 4, "<u2": 2, "<u4": 4, "<i8": 8}


class CodecError(Exception):
    """Stored bytes are damaged, of another kind, or written by a newer codec. The message names no value."""


@dataclass(frozen=True, slots=True)
class StoredVector:
    """A feature vector as stored: `values` is float32, in the order of the schema that `schema_id` names."""

    schema_id: bytes
    as_of_ms: int
    values: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class StoredCounters:
    """Sparse counters as stored: ascending `ids` and one column per statistic, all of the same length.

    `tag` names the dictionary that gave the ids and the meaning of the columns.
    """

    tag: bytes
    as_of_ms: int
    ids: NDArray[np.generic]
    columns: tuple[NDArray[np.generic], ...]


AsOf: TypeAlias = int | Mapping[str, int] | None
"""When facts were known, in Unix milliseconds: all of them, or each by name. None says nothing."""


@dataclass(frozen=True, slots=True)
class StoredFacts:
    """Facts as stored, and when they were known."""

    values: Mapping[str, object]
    as_of_ms: AsOf = None


def encode_vector(vector: StoredVector) -> bytes:
    """Return the bytes of a feature vector."""
    payload = vector.values.astype("<f4", copy=False).tobytes()
    return seal(["vector", vector.schema_id, vector.as_of_ms, payload])


def decode_vector(blob: bytes) -> StoredVector:
    """Read a feature vector back.

    Raises:
        CodecError: the bytes are not a vector of this codec.
    """
    schema_id, as_of_ms, payload = unseal(blob, "vector", bytes, int, bytes)
    return StoredVector(schema_id, as_of_ms, _array("<f4", payload))


def encode_counters(counters: StoredCounters) -> bytes:
    """Return the bytes of sparse counters; each column keeps its dtype."""
    columns = [_column(array) for array in (counters.ids, *counters.columns)]
    return seal(["counters", counters.tag, counters.as_of_ms, columns])


def decode_counters(blob: bytes) -> StoredCounters:
    """Read sparse counters back.

    Raises:
        CodecError: the bytes are not counters of this codec, or their columns differ in length.
    """
    tag, as_of_ms, columns = unseal(blob, "counters", bytes, int, list)
    try:
        ids, *statistics = (_array(dtype, payload) for dtype, payload in columns)
    except (TypeError, ValueError) as error:
        raise CodecError("stored counters are something else") from error
    if any(len(column) != len(ids) for column in statistics):
        raise CodecError("counter columns differ in length")
    return StoredCounters(tag, as_of_ms, ids, tuple(statistics))


def encode_facts(facts: Mapping[str, object], as_of_ms: AsOf = None) -> bytes:
    """Return the bytes of facts: strings, numbers, booleans, UTC datetimes, lists and maps of them."""
    as_of = dict(as_of_ms) if isinstance(as_of_ms, Mapping) else as_of_ms
    return seal(["facts", dict(facts), *([] if as_of is None else [as_of])])


def decode_facts(blob: bytes) -> StoredFacts:
    """Read facts back.

    Raises:
        CodecError: the bytes are not facts of this codec.
    """
    values, *as_of = open_seal(blob, "facts") or [None]
    if type(values) is not dict or not _is_as_of(as_of):
        raise CodecError("stored facts are something else")
    return StoredFacts(values, *as_of)


def _column(array: NDArray[np.generic]) -> tuple[str, bytes]:
    little_endian = array.dtype.newbyteorder("<")
    return little_endian.str, array.astype(little_endian, copy=False).tobytes()


def seal(content: Sequence[object]) -> bytes:
    """Return `[kind, ...]` as the bytes of one field."""
    body: bytes = msgpack.packb([CODEC_VERSION, *content], datetime=True)
    return body + _CRC.pack(zlib.crc32(body))


def unseal(blob: bytes, kind: str, *types: type, use_list: bool = True) -> list[Any]:
    """Return what `seal` was given behind `kind`: one value of each of the types.

    Raises:
        CodecError: the bytes are damaged, or something else.
    """
    content = open_seal(blob, kind, use_list=use_list)
    if [type(value) for value in content] != list(types):
        raise CodecError(f"stored {kind} is something else")
    return content


def open_seal(blob: bytes, kind: str, *, use_list: bool = True) -> list[Any]:
    """Return what `seal` was given behind `kind`, whatever it is.

    Raises:
        CodecError: the bytes are damaged, of another kind, or of a newer codec.
    """
    body = memoryview(blob)[: -_CRC.size]
    if len(blob) <= _CRC.size or _CRC.unpack_from(blob, len(body))[0] != zlib.crc32(body):
        raise CodecError(f"stored {kind} is damaged: its checksum does not fit")
    try:
        unpacked: list[Any] = msgpack.unpackb(body, timestamp=3, use_list=use_list)
        version, found, *content = unpacked
    except (TypeError, ValueError, OverflowError, msgpack.UnpackException) as error:
        raise CodecError(f"stored {kind} is something else") from error
    if version != CODEC_VERSION:
        raise CodecError(f"stored {kind} has codec version {version}; this build reads {CODEC_VERSION}")
    if found != kind:
        raise CodecError(f"stored {kind} is something else")
    return content


def _is_as_of(found: list[object]) -> bool:
    match found:
        case []:
            return True
        case [dict() as times]:
            return {*map(type, times)} <= {str} and {*map(type, times.values())} <= {int}
        case [time_ms]:
            return type(time_ms) is int
        case _:
            return False


def _array(dtype: str, payload: bytes) -> NDArray[Any]:
    if dtype not in _ITEM_BYTES or len(payload) % _ITEM_BYTES[dtype]:
        raise CodecError("a stored array is of an unknown type, or cut off")
    return np.frombuffer(payload, dtype=dtype)
