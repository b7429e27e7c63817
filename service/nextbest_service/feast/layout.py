"""Where Feast's Redis online store keeps a feature: entity keys of serialization version 3.

One hash per entity: its key is the serialized entity key and the project. A field is the hash of
`view:feature`, and one more per view holds the time of the values.
"""

import struct
from enum import Enum

_STRING_TYPE = 2
_MASK = 0xFFFFFFFF
_MOST_DIGITS = 19


class KeyType(Enum):
    """What kind of value an entity's join key has; the numbers are those of Feast's `ValueType`."""

    STRING = 2
    INT32 = 3
    INT64 = 4


_INTEGERS = {KeyType.INT32: ("<i", 31), KeyType.INT64: ("<q", 63)}


def entity_key(project: str, join_key: str, kind: KeyType, value: str) -> bytes | None:
    """Return the Redis key of the entity with one join key, or None where no such entity can exist.

    That is a value which is no number of the join key's type.
    """
    packed = _packed(kind, value)
    if packed is None:
        return None
    name = join_key.encode()
    return b"".join(
        (
            struct.pack("<3I", 1, _STRING_TYPE, len(name)),
            name,
            struct.pack("<2I", kind.value, len(packed)),
            packed,
            project.encode(),
        )
    )


def feature_field(view: str, feature: str) -> bytes:
    """Return the field of the entity's hash that holds a feature."""
    return struct.pack("<I", murmur3_32(f"{view}:{feature}".encode()))


def time_field(view: str) -> bytes:
    """Return the field that holds the time of the view's values."""
    return f"_ts:{view}".encode()


def murmur3_32(data: bytes) -> int:
    """Return MurmurHash3's 32-bit hash with seed 0."""
    body = len(data) & ~3
    state = 0
    for (block,) in struct.iter_unpack("<I", data[:body]):
        state = (_rotated(state ^ _mixed(block), 13) * 5 + 0xE6546B64) & _MASK
    state ^= _mixed(int.from_bytes(data[body:], "little")) ^ len(data)
    state = ((state ^ state >> 16) * 0x85EBCA6B) & _MASK
    state = ((state ^ state >> 13) * 0xC2B2AE35) & _MASK
    return state ^ state >> 16


def _mixed(block: int) -> int:
    return _rotated(block * 0xCC9E2D51 & _MASK, 15) * 0x1B873593 & _MASK


def _rotated(word: int, bits: int) -> int:
    return (word << bits | word >> 32 - bits) & _MASK


def _packed(kind: KeyType, value: str) -> bytes | None:
    if kind not in _INTEGERS:
        return value.encode()
    layout, bits = _INTEGERS[kind]
    digits = value.removeprefix("-")
    if not (digits.isascii() and digits.isdecimal()) or len(digits) > _MOST_DIGITS:
        return None
    number = int(value)
    return struct.pack(layout, number) if -(1 << bits) <= number < 1 << bits else None
