"""A customer's state: read from what people write, checked against the catalog."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from nextbest_rules.catalog import Catalog
from nextbest_rules.dates import from_ms
from nextbest_rules.declarations import FactValue, Schema, ValueType, WrongTypeError, conform
from nextbest_rules.diagnostics import Diagnostic
from nextbest_rules.loading.yaml_nodes import Node
from nextbest_rules.records import Consent, Contact, Event, Purchase, Ticket
from nextbest_rules.trials.moments import Moment, parse_moment
from nextbest_rules.trials.places import Path, PathFault, unknown
from nextbest_rules.trials.state_documents import (
    ALL_FACTS,
    ConsentDocument,
    ContactDocument,
    EventDocument,
    PurchaseDocument,
    StateDocument,
    TicketDocument,
)

Faults: TypeAlias = Iterator[PathFault]


@dataclass(frozen=True, slots=True)
class CustomerState:
    """What is known of one customer at one moment, with every relative time resolved.

    `facts_as_of` is when the facts were known: one time for all, one per fact, or None where nobody said.
    Contacts are the newest first. `unreadable` names the parts that exist but cannot be read: facts,
    consents, tickets, purchases, events, contacts.
    """

    facts: Mapping[str, FactValue] = field(default_factory=dict)
    facts_as_of: int | Mapping[str, int] | None = None
    features: Mapping[str, float] = field(default_factory=dict)
    features_as_of_ms: int | None = None
    consents: tuple[Consent, ...] = ()
    tickets: tuple[Ticket, ...] = ()
    purchases: tuple[Purchase, ...] = ()
    events: tuple[Event, ...] = ()
    contacts: tuple[Contact, ...] = ()
    unreadable: frozenset[str] = frozenset()


class StateError(Exception):
    """A customer's state that does not fit the catalog. Carries every fault, by its path in the document."""

    def __init__(self, faults: Iterable[PathFault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(fault.message for fault in self.faults))

    def diagnostics(self, root: Node, file: str) -> tuple[Diagnostic, ...]:
        """Return the faults with their places, given the tree that the document was read from."""
        return tuple(fault.located(root, file) for fault in self.faults)


def read_state(document: StateDocument, catalog: Catalog, now_ms: int) -> CustomerState:
    """Return the state that a document describes at `now_ms`.

    Raises:
        StateError: the state names what the catalog does not declare, or a value is of another type.
    """
    faults = tuple(state_faults(document, catalog))
    if faults:
        raise StateError(faults)
    return CustomerState(
        facts=read_values(document.facts, catalog.facts, now_ms),
        facts_as_of=_facts_as_of(document.facts_as_of, now_ms),
        features=document.features,
        features_as_of_ms=now_ms if document.features_as_of is None else document.features_as_of.at(now_ms),
        consents=tuple(_consent(item, now_ms) for item in document.consents),
        tickets=tuple(_ticket(item, now_ms) for item in document.tickets),
        purchases=tuple(_purchase(item, now_ms) for item in document.purchases),
        events=tuple(_event(item, now_ms) for item in document.events),
        contacts=_contacts(document.contacts, catalog, now_ms),
        unreadable=frozenset(document.unreadable),
    )


def state_faults(document: StateDocument, catalog: Catalog, path: Path = ()) -> Faults:
    """Yield what is wrong with a state that begins at `path` of its file."""
    facts = catalog.facts.declarations
    yield from value_faults(document.facts, catalog.facts, (*path, "facts"), "fact")
    yield from _undeclared(set(document.facts_as_of) - {ALL_FACTS}, facts, (*path, "facts_as_of"), "fact")
    features = {item.name for item in catalog.features if item.source == "customer"}
    yield from _undeclared(document.features, features, (*path, "features"), "customer feature")
    for index, consent in enumerate(document.consents):
        yield from _consent_faults(consent, catalog, (*path, "consents", index))
    for index, contact in enumerate(document.contacts):
        yield from _contact_faults(contact, catalog, (*path, "contacts", index))


def value_faults(values: Mapping[str, object], schema: Schema, path: Path, what: str) -> Faults:
    """Yield the undeclared and wrongly typed of some facts or context values."""
    yield from _undeclared(values, schema.declarations, path, what)
    for name, value in values.items():
        declared = schema.declarations.get(name)
        if declared is not None and not _fits(value, declared.type):
            yield PathFault((*path, name), f"{what} '{name}' is of type {declared.type}")


def read_values(values: Mapping[str, object], schema: Schema, now_ms: int) -> dict[str, FactValue]:
    """Return facts or context values in their declared types; timestamps may be relative to `now_ms`."""
    return {
        name: _read_value(value, schema.declarations[name].type, now_ms) for name, value in values.items()
    }


def _read_value(value: object, value_type: ValueType, now_ms: int) -> FactValue:
    if value_type is ValueType.TIMESTAMP and isinstance(value, str):
        return from_ms(parse_moment(value).at(now_ms))
    return conform(value, value_type)


def _fits(value: object, value_type: ValueType) -> bool:
    try:
        _read_value(value, value_type, now_ms=0)
    except (WrongTypeError, ValueError):
        return False
    return True


def _undeclared(names: Iterable[str], known: Iterable[str], path: Path, what: str) -> Faults:
    declared = frozenset(known)
    for name in names:
        if name not in declared:
            yield PathFault((*path, name), unknown(what, name, declared), at_key=True)


def _consent_faults(consent: ConsentDocument, catalog: Catalog, path: Path) -> Faults:
    if consent.channel and consent.channel not in catalog.channels:
        yield PathFault((*path, "channel"), unknown("channel", consent.channel, catalog.channels))
    if consent.purpose and consent.purpose not in catalog.purposes:
        yield PathFault((*path, "purpose"), unknown("purpose", consent.purpose, catalog.purposes))


def _contact_faults(contact: ContactDocument, catalog: Catalog, path: Path) -> Faults:
    if contact.channel and contact.channel not in catalog.channels:
        yield PathFault((*path, "channel"), unknown("channel", contact.channel, catalog.channels))
    if contact.brand and contact.brand not in catalog.brands:
        yield PathFault((*path, "brand"), unknown("brand", contact.brand, catalog.brands))
    described = None not in (contact.type, contact.issue, contact.group)
    if contact.action not in catalog.index and not described:
        hint = "give type, issue and group of an action that has left the catalog"
        yield PathFault((*path, "action"), f"{unknown('action', contact.action, catalog.index)}; {hint}")


def _facts_as_of(moments: Mapping[str, Moment], now_ms: int) -> int | Mapping[str, int] | None:
    times = {name: moment.at(now_ms) for name, moment in moments.items()}
    return times.get(ALL_FACTS, times or None)


def _consent(item: ConsentDocument, now_ms: int) -> Consent:
    return Consent(item.granted, item.at.at(now_ms), item.channel, item.purpose, _at(item.expires_at, now_ms))


def _ticket(item: TicketDocument, now_ms: int) -> Ticket:
    return Ticket(
        item.id,
        item.kind,
        item.severity,
        tuple(item.products),
        tuple(item.categories),
        _at(item.opened_at, now_ms),
        _at(item.closed_at, now_ms),
    )


def _purchase(item: PurchaseDocument, now_ms: int) -> Purchase:
    at_ms, ended_at_ms = _at(item.at, now_ms), _at(item.ended_at, now_ms)
    return Purchase(item.product, item.category, item.channel, at_ms, ended_at_ms)


def _event(item: EventDocument, now_ms: int) -> Event:
    return Event(
        item.type,
        item.subject,
        item.severity,
        item.channel,
        tuple(item.products),
        tuple(item.categories),
        _at(item.at, now_ms),
        _at(item.ended_at, now_ms),
    )


def _contacts(items: Iterable[ContactDocument], catalog: Catalog, now_ms: int) -> tuple[Contact, ...]:
    contacts = [_contact(item, catalog, now_ms) for item in items]
    return tuple(sorted(contacts, key=lambda contact: -contact.at_ms))


def _contact(item: ContactDocument, catalog: Catalog, now_ms: int) -> Contact:
    bit = catalog.index.get(item.action)
    action = None if bit is None else catalog.actions[bit]
    return Contact(
        action=item.action,
        outcome=item.outcome,
        at_ms=item.at.at(now_ms),
        channel=item.channel,
        brand=item.brand,
        type=item.type or (action.type.value if action else ""),
        issue=item.issue or (action.issue if action else ""),
        group=item.group or (action.group if action else ""),
        decision=item.decision,
    )


def _at(moment: Moment | None, now_ms: int) -> int | None:
    return None if moment is None else moment.at(now_ms)
