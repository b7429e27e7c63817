"""What is known of a customer beyond facts: tickets, purchases, events, contacts and consents.

Records are what guards look at and what contact policy counts. Times are Unix milliseconds; None is a time
that has not come or is not known. Texts that are not known are empty. Records are named tuples, because a
decision builds dozens of them: frozen dataclasses of the same fields take five times as long.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple


class Outcome(StrEnum):
    """What can happen to a proposition, as in the contract."""

    DELIVERED = "DELIVERED"
    DISPLAYED = "DISPLAYED"
    OPENED = "OPENED"
    CLICKED = "CLICKED"
    ACCEPTED = "ACCEPTED"
    REJECTED = "REJECTED"
    DISMISSED = "DISMISSED"
    CONVERTED = "CONVERTED"
    FAILED = "FAILED"
    WITHHELD = "WITHHELD"
    UNSUBSCRIBED = "UNSUBSCRIBED"


OUTCOMES = frozenset(outcome.value for outcome in Outcome)
RESERVED = "RESERVED"
"""What the contact history holds of a proposition that was made and of whose fate nothing is known yet."""


class Ticket(NamedTuple):
    """A case at the service desk. It is closed once `closed_at_ms` is set.

    `updated_at_ms` is when its severity was said.
    """

    id: str
    kind: str = ""
    severity: str = ""
    products: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    opened_at_ms: int | None = None
    closed_at_ms: int | None = None
    updated_at_ms: int | None = None

    @property
    def open(self) -> bool:
        """Tell whether the case is still open."""
        return self.closed_at_ms is None


class Purchase(NamedTuple):
    """A product that the customer bought; `ended_at_ms` is when it was returned, sold or cancelled."""

    product: str
    category: str = ""
    channel: str = ""
    at_ms: int | None = None
    ended_at_ms: int | None = None


class Event(NamedTuple):
    """Something that happened, such as `mention.posted`; `ended_at_ms` is when it was resolved."""

    type: str
    subject: str = ""
    severity: str = ""
    channel: str = ""
    products: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    at_ms: int | None = None
    ended_at_ms: int | None = None


class Contact(NamedTuple):
    """One outcome of one proposition in the contact history, or with outcome RESERVED its reservation.

    `type`, `issue` and `group` are those of the action when it was proposed: they still count when the action
    has left the catalog. Outcomes of one proposition share `decision`.
    """

    action: str
    outcome: str
    at_ms: int
    channel: str = ""
    brand: str = ""
    type: str = ""
    issue: str = ""
    group: str = ""
    decision: str = ""


class Consent(NamedTuple):
    """A customer's word on a channel and purpose; an empty one means every channel or purpose."""

    granted: bool
    at_ms: int
    channel: str = ""
    purpose: str = ""
    expires_at_ms: int | None = None


class Kill(NamedTuple):
    """An operator's order to stop an action at once; `until_ms` None is until it is revived.

    `caller` is who gave it, as far as known.
    """

    reason: str
    since_ms: int
    until_ms: int | None = None
    caller: str = ""


class FieldType(StrEnum):
    """The types that a record's field has in conditions."""

    STRING = "string"
    BOOL = "bool"
    STRINGS = "list<string>"
    TIMESTAMP = "timestamp"


@dataclass(frozen=True, slots=True)
class RecordField:
    """A field as conditions see it: the attribute that holds it, and its type."""

    attribute: str
    type: FieldType


def _texts(*names: str) -> dict[str, RecordField]:
    return {name: RecordField(name, FieldType.STRING) for name in names}


def _lists(*names: str) -> dict[str, RecordField]:
    return {name: RecordField(name, FieldType.STRINGS) for name in names}


def _times(*names: str) -> dict[str, RecordField]:
    return {name: RecordField(f"{name}_ms", FieldType.TIMESTAMP) for name in names}


RECORDS: Mapping[str, Mapping[str, RecordField]] = MappingProxyType(
    {
        "ticket": _texts("id", "kind", "severity")
        | {"open": RecordField("open", FieldType.BOOL)}
        | _lists("products", "categories")
        | _times("opened_at", "closed_at"),
        "purchase": _texts("product", "category", "channel") | _times("at", "ended_at"),
        "event": _texts("type", "subject", "severity", "channel")
        | _lists("products", "categories")
        | _times("at", "ended_at"),
        "contact": _texts("action", "type", "issue", "group", "channel", "brand", "outcome", "decision")
        | _times("at"),
    }
)
"""Per record, the fields that conditions may read. The list of all tickets is `tickets`, and so on."""
