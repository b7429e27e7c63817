"""What a decision sees of a customer: all identities' portions as one, as of now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from nextbest_models.state import CustomerFeatures
from nextbest_rules.records import Consent, Contact, Event, Kill, Purchase, Ticket
from nextbest_service.store import keys
from nextbest_service.store.found import Found
from nextbest_service.store.keys import Ref


@dataclass(frozen=True, slots=True)
class ReadPlan:
    """What the rules of a catalog read beyond features and facts; nothing else is decoded.

    `records` are names of `keys.RECORD_FIELDS`. `capped` are the ids of the actions with a volume cap.
    """

    records: tuple[str, ...] = tuple(keys.RECORD_FIELDS)
    capped: tuple[str, ...] = ()


class Customer(NamedTuple):
    """Everything a decision needs to know of one customer.

    `members` are the refs of all identities, the head's first, and `first` is that of the identity that came
    first; empty of a stranger. `facts`, and each list of records, is None
    where it is stored but unreadable: then nothing may be assumed, not even declared defaults. Contacts come
    newest first, and reservations that are still held are among them. `features` are as of now;
    `features_as_of` tells when those given from outside were computed, 0 for those that never were, and is
    None where none can be read. `unreadable` names the parts of the stored state that could not be read.
    `defaulted`, sorted, names the customer features that took their default because nobody gave a value.
    """

    known: bool
    features: CustomerFeatures
    features_as_of: Mapping[str, int] | None
    facts: Mapping[str, object] | None
    facts_as_of: int | Mapping[str, int] | None = None
    consents: tuple[Consent, ...] | None = ()
    tickets: tuple[Ticket, ...] | None = ()
    purchases: tuple[Purchase, ...] | None = ()
    events: tuple[Event, ...] | None = ()
    contacts: Sequence[Contact] | None = ()
    members: tuple[Ref, ...] = ()
    first: Ref = b""
    unreadable: tuple[str, ...] = ()
    defaulted: tuple[str, ...] = ()


class Reading(NamedTuple):
    """What one round trip brought: the customer, and what holds for everybody at this moment.

    `volumes` has every capped action of the plan; None says that the volumes cannot be read. `found` is what
    the customer was read from, for writing under its version. `now_ms` is the service's time. `claimed` is
    False where the request id belongs to another question, `writable` where the store has no room to note
    whose it is.
    """

    customer: Customer
    killed: Mapping[str, Kill]
    volumes: Mapping[str, int] | None
    found: Found
    now_ms: int
    claimed: bool = True
    writable: bool = True
