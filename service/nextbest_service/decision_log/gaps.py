"""What the log lost, and whom it had to forget: entries about the log itself."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nextbest_service.decision_log.entries import ID_BYTES, Entry, Kind, pack, unpack

_GAP_FIELDS = 4
_ERASURE_FIELDS = 3


@dataclass(frozen=True, slots=True)
class Gap:
    """Records that were lost, all made from `from_ms` to `to_ms` (Unix milliseconds), and why."""

    id: bytes
    reason: str
    from_ms: int
    to_ms: int
    lost: int

    def entry(self) -> Entry:
        """Return it as an entry of the log."""
        return Entry(Kind.GAP, self.id, b"", pack([self.reason, self.from_ms, self.to_ms, self.lost]))


@dataclass(frozen=True, slots=True)
class Erasure:
    """Somebody was erased: digests of the refs, when (Unix ms), and the places that are empty now."""

    digests: tuple[bytes, ...]
    at_ms: int
    places: tuple[str, ...]

    def entry(self) -> Entry:
        """Return it as an entry of the log."""
        body = pack([list(self.digests), self.at_ms, " ".join(self.places)])
        return Entry(Kind.ERASURE, secrets.token_bytes(ID_BYTES), b"", body)


def read_gap(entry: Entry) -> Gap:
    """Return the gap that an entry tells of.

    Raises:
        LogFormatError: the entry is damaged.
    """
    content: Any = unpack(entry.body, _GAP_FIELDS)
    return Gap(entry.id, *content[:_GAP_FIELDS])


def read_erasure(entry: Entry) -> Erasure:
    """Return the erasure that an entry tells of.

    Raises:
        LogFormatError: the entry is damaged.
    """
    content: Any = unpack(entry.body, _ERASURE_FIELDS)
    digests, at_ms, places = content[:_ERASURE_FIELDS]
    return Erasure(tuple(digests), at_ms, tuple(places.split()))


def places_after(places: Sequence[str], place: str) -> int:
    """Return how many places come after one."""
    after = place_order(place)
    return sum(place_order(it) > after for it in places)


def place_order(place: str) -> tuple[int, int]:
    """Return what sorts places of a stream."""
    ms, _, number = place.partition("-")
    return int(ms), int(number or 0)
