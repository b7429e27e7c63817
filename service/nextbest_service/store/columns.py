"""How columns of times, of decision ids and of places in a table look in stored values."""

import re
import struct
from collections.abc import Mapping, Sequence
from itertools import accumulate
from types import MappingProxyType
from typing import Any, TypeAlias

Packed: TypeAlias = Any
"""What msgpack holds of a column: written by others, so of any type until it is read."""

FOREIGN = (TypeError, ValueError, IndexError, KeyError, OverflowError, AttributeError, struct.error)
"""What reading a column raises where it is none."""

_FORMATS: Mapping[int, str] = MappingProxyType({1: "B", 2: "H", 4: "I"})
_DIGITS = 32
_DECISION_ID = re.compile(f"[0-9a-f]{{{_DIGITS}}}")
_EACH_ID = re.compile(f".{{{_DIGITS}}}")


def packed_time(time_ms: int) -> int:
    """Return a time as a small even number where it is in whole seconds, else as an odd one."""
    seconds, rest = divmod(time_ms, 1000)
    return time_ms << 1 | 1 if rest else seconds << 1


def unpacked_time(packed: Packed) -> int:
    """Return the time that `packed_time` was given, in Unix milliseconds."""
    time: int = packed >> 1 if packed & 1 else (packed >> 1) * 1000
    return time


def packed_times(times: Sequence[int | None]) -> Packed:
    """Return the steps from time to time, the first one from 1970; None where there is no time."""
    known = [time for time in times if time is not None]
    if not known:
        return None
    unit = 1 if any(time % 1000 for time in known) else 1000
    before = [0, *known]
    steps = iter([(time - last) // unit for time, last in zip(known, before, strict=False)])
    column = [None if time is None else next(steps) for time in times]
    return [unit, *column]


def unpacked_times(packed: Packed, size: int) -> Sequence[int | None]:
    """Return what `packed_times` was given, for a column of `size` rows; not checked to be whole numbers."""
    if packed is None:
        return [None] * size
    unit, *column = packed
    if type(unit) is not int:
        raise TypeError  # a text times a large number would be a text of that length
    steps = [step for step in column if step is not None] if None in column else column
    known = [*accumulate(steps)] if unit == 1 else [step * unit for step in accumulate(steps)]
    if len(known) == len(column):
        return known
    times = iter(known)
    return [None if step is None else next(times) for step in column]


def packed_decisions(decisions: Sequence[str]) -> Packed:
    """Return ids of decisions, 16 bytes for each different one; other texts stand there as they are."""
    different = dict.fromkeys(decisions)
    ids = [text for text in different if _DECISION_ID.fullmatch(text)]
    texts = [text for text in different if not _DECISION_ID.fullmatch(text)]
    table = {text: place for place, text in enumerate(ids + texts)}
    places = [table[text] for text in decisions]
    every_place_once = places == [*range(len(table))]
    numbers = None if every_place_once else packed_numbers(places, len(table))
    return [bytes.fromhex("".join(ids)), texts, numbers]


def unpacked_decisions(packed: Packed) -> Sequence[str]:
    """Return what `packed_decisions` was given."""
    ids, texts, numbers = packed
    digits = ids.hex()
    if len(digits) % _DIGITS or {*map(type, texts)} - {str}:
        raise TypeError
    table = [*_EACH_ID.findall(digits), *texts]
    return table if numbers is None else [*map(table.__getitem__, unpacked_numbers(numbers, len(table)))]


def packed_numbers(numbers: Sequence[int], size: int) -> bytes:
    """Return places in a table of `size` rows, in as few bytes each as the size needs."""
    width = _width(size)
    return bytes(numbers) if width == 1 else struct.pack(f"<{len(numbers)}{_FORMATS[width]}", *numbers)


def unpacked_numbers(packed: Packed, size: int) -> Sequence[int]:
    """Return what `packed_numbers` was given."""
    if type(packed) is not bytes:
        raise TypeError
    width = _width(size)
    return packed if width == 1 else struct.unpack(f"<{len(packed) // width}{_FORMATS[width]}", packed)


def _width(size: int) -> int:
    return 1 if size <= 1 << 8 else 2 if size <= 1 << 16 else 4
