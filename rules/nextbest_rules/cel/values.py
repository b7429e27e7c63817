"""The values of CEL as Python objects.

bool, int (64 bits), float, str, bytes, list and tuple stand for themselves. What Python would confuse has a
class of its own here. None is not CEL's null: it is a missing value, so that the cheapest test of Python
tells whether there is one.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Final, TypeAlias

UNKNOWN: Final = None
"""What a slot holds that has no value: reading it is an error, and has() of it is false."""

EARLIEST: Final = -62_135_596_800 * 10**9
LATEST: Final = 253_402_300_800 * 10**9 - 1
"""The bounds of timestamps, in nanoseconds."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Null(Enum):
    """The type of CEL's null."""

    NULL = "null"


NULL: Final = Null.NULL


@dataclass(frozen=True, slots=True, order=True)
class Mention:
    """A declared value that an expression reads: `facts.age` is ("facts", "age"), `now` is ("now", "")."""

    root: str
    field: str = ""

    def __str__(self) -> str:
        return f"{self.root}.{self.field}" if self.field else self.root


def readable(mention: Mention) -> Mention:
    """Return the name of what says, True or UNKNOWN, whether one can tell if a mention has a value."""
    return Mention("readable", str(mention))


def members(mention: Mention) -> Mention:
    """Return the name of what holds the elements of a mention, a list of texts, as a frozenset."""
    return Mention("members", str(mention))


@dataclass(frozen=True, slots=True)
class Unevaluable:
    """An expression without a value: something it reads is missing, or an operation failed.

    `missing` names what is missing, if that is the reason.
    """

    reason: str
    missing: Mention | None = None


class Uint(int):
    """An unsigned integer of CEL."""

    __slots__ = ()


class Timestamp(int):
    """A moment as nanoseconds since 1970, from year 1 to year 9999."""

    __slots__ = ()

    @classmethod
    def of_ms(cls, time_ms: int) -> "Timestamp":
        """Return the moment of Unix milliseconds, or the nearest that there is."""
        return cls(min(max(time_ms * 1_000_000, EARLIEST), LATEST))

    @classmethod
    def of(cls, time: datetime) -> "Timestamp":
        """Return the moment of a datetime with a zone."""
        return cls((time - _EPOCH) // _MICROSECOND * 1_000)

    def to_datetime(self) -> datetime:
        """Return the moment in UTC, cut to microseconds."""
        return _EPOCH + timedelta(microseconds=self // 1_000)


class Duration(int):
    """A length of time in nanoseconds."""

    __slots__ = ()

    @classmethod
    def of(cls, length: timedelta) -> "Duration":
        """Return the length of a timedelta."""
        return cls(length // _MICROSECOND * 1_000)

    def to_timedelta(self) -> timedelta:
        """Return the length, cut to microseconds."""
        return timedelta(microseconds=self // 1_000)


@dataclass(frozen=True, slots=True)
class TypeValue:
    """A type as a value, as `type(1)` or `int`."""

    name: str


Key: TypeAlias = str | int | tuple[str, int]
MapKey: TypeAlias = str | int | bool


def key_of(value: object) -> Key | None:
    """Return what a map files a key under, or None for what cannot be a key.

    True, 1 and 1u are three keys, which Python's dictionaries would take for one.
    """
    kind = value.__class__
    if kind is str or kind is int:
        return value  # type: ignore[return-value]
    if kind is bool or kind is Uint:
        return kind.__name__, int(value)  # type: ignore[call-overload]
    return None


class CelMap:
    """A map of CEL: its keys are strings, bools, ints and uints."""

    __slots__ = ("_entries",)

    def __init__(self, entries: Iterable[tuple[MapKey, object]]) -> None:
        """Take the entries; the caller sees to it that no key comes twice."""
        self._entries = {key_of(key): (key, value) for key, value in entries}

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[MapKey]:
        return (key for key, _ in self._entries.values())

    def items(self) -> Iterable[tuple[MapKey, object]]:
        """Return the keys with their values."""
        return self._entries.values()

    def find(self, key: object) -> tuple[MapKey, object] | None:
        """Return the entry of a key, where numbers of any type find each other; None if there is none."""
        return next((entry for filed in _aliases(key) if (entry := self._entries.get(filed))), None)

    def get_text(self, key: str) -> tuple[MapKey, object] | None:
        """Return the entry of a text."""
        return self._entries.get(key)


def _aliases(key: object) -> tuple[Key, ...]:
    if isinstance(key, float):
        return (int(key), ("Uint", int(key))) if key.is_integer() else ()
    if key.__class__ is int:
        return key, ("Uint", key)
    if key.__class__ is Uint:
        return ("Uint", int(key)), int(key)
    filed = key_of(key)
    return () if filed is None else (filed,)
