"""What came in under one identity: the unit that moves when identities are linked and unlinked."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from nextbest_models.online import FeatureState, StreamEvent
from nextbest_rules.records import RESERVED, Consent, Contact, Event, Purchase, Ticket

NOTHING: Mapping[str, Any] = MappingProxyType({})


class Reservation(NamedTuple):
    """A contact that was proposed and may still happen; over at `until_ms` unless an outcome confirms it.

    `decision` is the decision's id as 32 hex digits.
    """

    action: str
    decision: str
    at_ms: int
    until_ms: int
    channel: str = ""
    brand: str = ""
    type: str = ""
    issue: str = ""
    group: str = ""

    def as_contact(self) -> Contact:
        """Return it as caps and conditions see it."""
        return Contact(
            self.action,
            RESERVED,
            self.at_ms,
            self.channel,
            self.brand,
            self.type,
            self.issue,
            self.group,
            self.decision,
        )


class Seen(NamedTuple):
    """An event or outcome that was counted: never again.

    `key` is a digest of (source, id), `body` one of everything else, `at_ms` the day on which it happened
    (its first millisecond). `counted` is what the features got from it, while that can still be taken back.
    """

    key: bytes
    body: int
    at_ms: int
    counted: tuple[StreamEvent, ...] = ()


class Portion(NamedTuple):
    """Everything that came in under one identity. Contacts are newest first, other lists in no order.

    `facts_as_of` says when facts were known, by name. `features` None means that nothing was ever counted or
    given.
    """

    facts: Mapping[str, object] = NOTHING
    facts_as_of: Mapping[str, int] = NOTHING
    consents: tuple[Consent, ...] = ()
    tickets: tuple[Ticket, ...] = ()
    purchases: tuple[Purchase, ...] = ()
    events: tuple[Event, ...] = ()
    contacts: tuple[Contact, ...] = ()
    reservations: tuple[Reservation, ...] = ()
    seen: tuple[Seen, ...] = ()
    features: FeatureState | None = None


EMPTY = Portion()
