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
from typing import Any, cast

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


def encode_vector(vector: StoredVector) -> bytes:
    """Return the bytes of a feature vector."""
    payload = vector.values.astype("<f4", copy=False).tobytes()
    return _seal(["vector", vector.schema_id, vector.as_of_ms, payload])


def decode_vector(blob: bytes) -> StoredVector:
    """Read a feature vector back.

    Raises:
        CodecError: the bytes are not a vector of this codec.
    """
    schema_id, as_of_ms, payload = _unseal(blob, "vector", bytes, int, bytes)
    return StoredVector(schema_id, as_of_ms, _array("<f4", payload))


def encode_counters(counters: StoredCounters) -> bytes:
    """Return the bytes of sparse counters; each column keeps its dtype."""
    columns = [_column(array) for array in (counters.ids, *counters.columns)]
    return _seal(["counters", counters.tag, counters.as_of_ms, columns])


def decode_counters(blob: bytes) -> StoredCounters:
    """Read sparse counters back.

    Raises:
        CodecError: the bytes are not counters of this codec, or their columns differ in length.
    """
    tag, as_of_ms, columns = _unseal(blob, "counters", bytes, int, list)
    try:
        ids, *statistics = (_array(dtype, payload) for dtype, payload in columns)
    except (TypeError, ValueError) as error:
        raise CodecError("stored counters are something else") from error
    if any(len(column) != len(ids) for column in statistics):
        raise CodecError("counter columns differ in length")
    return StoredCounters(tag, as_of_ms, ids, tuple(statistics))


def encode_facts(facts: Mapping[str, object]) -> bytes:
    """Return the bytes of facts: strings, numbers, booleans, UTC datetimes, lists and maps of them."""
    return _seal(["facts", dict(facts)])


def decode_facts(blob: bytes) -> dict[str, object]:
    """Read facts back.

    Raises:
        CodecError: the bytes are not facts of this codec.
    """
    (facts,) = _unseal(blob, "facts", dict)
    return cast(dict[str, object], facts)


def _column(array: NDArray[np.generic]) -> tuple[str, bytes]:
    little_endian = array.dtype.newbyteorder("<")
    return little_endian.str, array.astype(little_endian, copy=False).tobytes()


def _seal(content: Sequence[object]) -> bytes:
    body: bytes = msgpack.packb([CODEC_VERSION, *content], datetime=True)
    return body + _CRC.pack(zlib.crc32(body))


def _unseal(blob: bytes, kind: str, *types: type) -> list[Any]:
    body = memoryview(blob)[: -_CRC.size]
    if len(blob) <= _CRC.size or _CRC.unpack_from(blob, len(body))[0] != zlib.crc32(body):
        raise CodecError(f"stored {kind} is damaged: its checksum does not fit")
    try:
        version, found, *content = msgpack.unpackb(body, timestamp=3)
    except (TypeError, ValueError, OverflowError, msgpack.UnpackException) as error:
        raise CodecError(f"stored {kind} is something else") from error
    if version != CODEC_VERSION:
        raise CodecError(f"stored {kind} has codec version {version}; this build reads {CODEC_VERSION}")
    if found != kind or [type(value) for value in content] != list(types):
        raise CodecError(f"stored {kind} is something else")
    return cast(list[Any], content)


def _array(dtype: str, payload: bytes) -> NDArray[Any]:
    if dtype not in _ITEM_BYTES or len(payload) % _ITEM_BYTES[dtype]:
        raise CodecError("a stored array is of an unknown type, or cut off")
    return np.frombuffer(payload, dtype=dtype)
