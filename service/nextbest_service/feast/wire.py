"""Reads the bytes that Feast writes: a protobuf `feast.types.Value` per feature, a `Timestamp` per view."""

import math
import struct
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from google.protobuf.message import DecodeError
from google.protobuf.timestamp_pb2 import Timestamp

_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5
_FIXED_BYTES = {_FIXED64: 8, _FIXED32: 4}
_LONGEST_VARINT = 10


class FeastValueError(Exception):
    """A stored value is not a number, or damaged. The message does not repeat it."""


def number_of(blob: bytes) -> float | None:
    """Return the number in a serialized Value: true is 1, a time is in Unix seconds.

    None where Feast holds no value: null, empty, and NaN, which pandas makes of a missing number.

    Raises:
        FeastValueError: the value is of another kind, such as text or a list, or is damaged.
    """
    value: float | None = None
    for kind, content in _fields(blob):
        if kind not in _NUMBERS:
            raise FeastValueError("not a number")
        value = _NUMBERS[kind](content)
    return value


def time_ms_of(blob: bytes) -> int:
    """Return the Unix milliseconds of a serialized Timestamp.

    Raises:
        FeastValueError: the bytes are damaged.
    """
    try:
        stamp = Timestamp.FromString(blob)
    except DecodeError:
        raise FeastValueError("damaged time") from None
    return stamp.seconds * 1000 + stamp.nanos // 1_000_000


def _whole(content: int) -> float:
    return float(content - (1 << 64) if content >> 63 else content)


def _double(content: bytes) -> float | None:
    return _finite(struct.unpack("<d", content)[0])


def _float(content: bytes) -> float | None:
    return _finite(struct.unpack("<f", content)[0])


def _finite(value: float) -> float | None:
    if math.isinf(value):
        raise FeastValueError("infinite")
    return None if math.isnan(value) else value


def _null(_: int) -> None:
    return None


_NUMBERS: Mapping[tuple[int, int], Callable[[Any], float | None]] = {
    (3, _VARINT): _whole,  # int32_val
    (4, _VARINT): _whole,  # int64_val
    (5, _FIXED64): _double,  # double_val
    (6, _FIXED32): _float,  # float_val
    (7, _VARINT): float,  # bool_val
    (8, _VARINT): _whole,  # unix_timestamp_val
    (19, _VARINT): _null,  # null_val
}
"""How a member of Value's oneof is read, by its field number and wire type. All others are no numbers."""


def _fields(blob: bytes) -> Iterator[tuple[tuple[int, int], int | bytes]]:
    """Yield number and wire type of each protobuf field with its content."""
    position = 0
    while position < len(blob):
        tag, position = _varint(blob, position)
        kind = tag >> 3, tag & 7
        if kind[1] == _VARINT:
            content, position = _varint(blob, position)
            yield kind, content
            continue
        length = _FIXED_BYTES.get(kind[1])
        if kind[1] == _LENGTH:
            length, position = _varint(blob, position)
        if length is None or position + length > len(blob):
            raise FeastValueError("damaged")
        yield kind, blob[position : position + length]
        position += length


def _varint(blob: bytes, position: int) -> tuple[int, int]:
    value = 0
    for index, byte in enumerate(blob[position : position + _LONGEST_VARINT]):
        value |= (byte & 0x7F) << 7 * index
        if byte < 1 << 7:
            return value & 0xFFFF_FFFF_FFFF_FFFF, position + index + 1
    raise FeastValueError("damaged")
