"""What comes in about customers, checked and typed: events, outcomes, profiles."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import NamedTuple

import msgpack

from nextbest_rules.declarations import FactValue
from nextbest_rules.records import Consent, Outcome
from nextbest_service.customers.tokens import Attribution

KEY_BYTES = 5
"""Two different events of one person share a key with a chance of 1 in 10^12 per pair."""


class Status(Enum):
    """What became of one item: stored, counted before, or older than what is held."""

    APPLIED = "applied"
    DUPLICATE = "duplicate"
    STALE = "stale"


class Stamp(NamedTuple):
    """By what an item is known again: a digest of its source and id, and one of everything else in it."""

    key: bytes
    body: int


class Line(NamedTuple):
    """One line of an event: a product, how much of it, and the affinity keys it touches, by family."""

    product: str
    quantity: float = 1.0
    amount: float = 0.0
    keys: Mapping[str, tuple[str, ...]] = {}


@dataclass(frozen=True, slots=True)
class TrackedEvent:
    """One event of a declared type. `properties` have their declared types; the brand is never empty."""

    stamp: Stamp
    type: str
    time_ms: int
    subject: str = ""
    lines: tuple[Line, ...] = ()
    properties: Mapping[str, FactValue] = field(default_factory=dict)
    brand: str = ""
    channel: str = ""

    @property
    def amount(self) -> float:
        """What all lines were worth together."""
        return sum(line.amount for line in self.lines)

    def with_keys(self, products: Mapping[str, Mapping[str, tuple[str, ...]]]) -> "TrackedEvent":
        """Return the event with the affinity keys of its products, where the sender gave none."""
        if all(line.keys or line.product not in products for line in self.lines):
            return self
        lines = (
            line if line.keys else line._replace(keys=products.get(line.product, {})) for line in self.lines
        )
        return replace(self, lines=tuple(lines))


@dataclass(frozen=True, slots=True)
class ReportedOutcome:
    """One outcome of the proposition that `of` names. `time_ms` None is the moment at which it is counted."""

    stamp: Stamp
    type: Outcome
    of: Attribution
    time_ms: int | None = None
    amount: float = 0.0
    properties: Mapping[str, FactValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ProfileChange:
    """What somebody says is known of a customer; `as_of_ms` None is the moment at which it is written.

    `attributes` have their declared types. A consent with `at_ms` 0 is as old as the whole.
    """

    attributes: Mapping[str, FactValue] = field(default_factory=dict)
    removed: frozenset[str] = frozenset()
    consents: tuple[Consent, ...] = ()
    features: Mapping[str, float] = field(default_factory=dict)
    as_of_ms: int | None = None


def stamp(source: str, id_: str, *body: object) -> Stamp:
    """Return by what an item is known again. `body` are plain values in a fixed order, mappings sorted."""
    return Stamp(
        hashlib.blake2b(f"{source}\0{id_}".encode(), digest_size=KEY_BYTES).digest(),
        hashlib.blake2b(msgpack.packb(body, datetime=True), digest_size=1).digest()[0],
    )
