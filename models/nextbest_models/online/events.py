"""Events as features count them, and the numbers that stand for what is no number."""

import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

Touched: TypeAlias = tuple[tuple[int, float], ...]
_CODES = 1 << 32


@dataclass(frozen=True, slots=True)
class StreamEvent:
    """One event of one stream, ready to be counted.

    values: finite numbers by name; an absent one counts as 0, and as nothing among different ones.
    touches: by affinity family, each key id once, with the value that fell on it.
    """

    stream: str
    time_ms: int
    values: Mapping[str, float]
    touches: Mapping[str, Touched]


def text_number(text: str) -> float:
    """Return the number that stands for a text where an event's value is one: its CRC-32."""
    return float(zlib.crc32(text.encode()))


def thing_code(value: float) -> int:
    """Return four bytes, as an integer, that stand for a number among different ones."""
    if value.is_integer() and 0 <= value < _CODES:
        return int(value)
    return zlib.crc32(struct.pack("<d", value))
