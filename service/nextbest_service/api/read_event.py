"""From the wire to the domain: events, each checked whole."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import partial

from nextbest.v1 import event_pb2
from nextbest_rules import Catalog, ValueType
from nextbest_rules.catalog import EventType
from nextbest_rules.declarations import FactValue
from nextbest_service.api.findings import Findings
from nextbest_service.api.read_identities import read_identities
from nextbest_service.api.read_item import (
    MAX_ID_BYTES,
    check_amount,
    check_id,
    check_text,
    read_properties,
)
from nextbest_service.api.read_value import MOST
from nextbest_service.customers.incoming import Line, TrackedEvent, stamp
from nextbest_service.store.keys import Identity

MAX_SUBJECT_BYTES = 128
MAX_ITEMS = 1000
MAX_KEYS = 64
MAX_AFFINITIES = 16
MAX_KEYS_OF_AN_EVENT = 10_000
_TICKET = "ticket."


@dataclass(frozen=True, slots=True)
class EventReader:
    """Reads events under one catalog."""

    catalog: Catalog
    families: frozenset[str]

    @classmethod
    def of(cls, catalog: Catalog) -> "EventReader":
        """Return the reader of a catalog."""
        return cls(catalog, frozenset(affinity.family for affinity in catalog.affinities))

    def read(self, message: event_pb2.Event, path: str) -> tuple[tuple[Identity, ...], TrackedEvent]:
        """Return whom an event is about, and the event. Whether its time is too far ahead is not known yet.

        Raises:
            InvalidRequestError: it breaks the contract.
            UnknownReferenceError: it is well formed, but names things that the catalog does not have.
        """
        findings = Findings()
        check_id(message.id, f"{path}id", findings)
        check_id(message.source, f"{path}source", findings)
        check_text(message.subject, MAX_SUBJECT_BYTES, f"{path}subject", findings)
        check_text(message.channel, MAX_ID_BYTES, f"{path}channel", findings)
        findings.require(message.time_unix_ms > 0, f"{path}time_unix_ms", "a time after the year 1969")
        identities = read_identities(message.identities, f"{path}identities", findings)
        declared = self._type(message, path, findings)
        types_of = partial(self._property_types, declared, message.subject)
        properties = read_properties(message.properties, types_of, f"{path}properties", findings)
        lines = self._all_lines(message.items, f"{path}items", findings)
        if message.brand and message.brand not in self.catalog.brands:
            findings.miss(f"{path}brand", "the catalog declares no such brand")
        findings.raise_if_any()
        return identities, tracked_event(
            message.source,
            message.id,
            message.type,
            message.time_unix_ms,
            message.subject,
            lines,
            properties,
            message.brand or self.catalog.default_brand,
            message.channel,
        )

    def _type(self, message: event_pb2.Event, path: str, findings: Findings) -> EventType | None:
        declared = self.catalog.events.get(message.type)
        if declared is None:
            findings.miss(f"{path}type", "the catalog declares no such event")
        elif declared.internal:
            findings.miss(f"{path}type", "events of this type are made by the service itself")
        elif declared.answers and message.subject not in self.catalog.facts.declarations:
            findings.miss(f"{path}subject", "the catalog declares no such fact to answer")
        elif message.type.startswith(_TICKET):
            findings.require(message.subject != "", f"{path}subject", "the ticket's id is needed")
        return declared

    def _property_types(self, declared: EventType | None, subject: str, name: str) -> Collection[ValueType]:
        """Return the types that a property may have; an answer has that of the fact it is about."""
        if declared is None:
            return tuple(ValueType)  # that the type is unknown is said already
        if name in declared.properties:
            return (declared.properties[name],)
        fact = self.catalog.facts.declarations.get(subject) if declared.answers else None
        return (fact.type,) if fact is not None and name == "answer" else ()

    def _all_lines(
        self, messages: Collection[event_pb2.EventItem], path: str, findings: Findings
    ) -> tuple[Line, ...]:
        if not findings.require(len(messages) <= MAX_ITEMS, path, f"at most {MAX_ITEMS:,} items"):
            return ()
        keys = sum(len(affinity.keys) for message in messages for affinity in message.affinities)
        if not findings.require(
            keys <= MAX_KEYS_OF_AN_EVENT, path, f"at most {MAX_KEYS_OF_AN_EVENT:,} keys in all"
        ):
            return ()
        return tuple(self._lines(messages, path, findings))

    def _lines(
        self, messages: Collection[event_pb2.EventItem], path: str, findings: Findings
    ) -> Iterable[Line]:
        for index, message in enumerate(messages):
            quantity = message.quantity if message.HasField("quantity") else 1.0
            if not (0.0 <= message.amount <= MOST and 0.0 <= quantity <= MOST):
                check_amount(message.amount, f"{path}[{index}].amount", findings)
                check_amount(quantity, f"{path}[{index}].quantity", findings)
            check_id(message.product_id, f"{path}[{index}].product_id", findings)
            keys = self._keys(message, f"{path}[{index}].affinities", findings) if message.affinities else {}
            yield Line(message.product_id, quantity, message.amount, keys)

    def _keys(
        self, message: event_pb2.EventItem, path: str, findings: Findings
    ) -> dict[str, tuple[str, ...]]:
        keys: dict[str, tuple[str, ...]] = {}
        if not findings.require(
            len(message.affinities) <= MAX_AFFINITIES, path, f"at most {MAX_AFFINITIES} entries"
        ):
            return keys
        for index, affinity in enumerate(message.affinities):
            place = f"{path}[{index}]"
            findings.require(
                affinity.family in self.families, f"{place}.family", "the catalog declares no such affinity"
            )
            findings.require(1 <= len(affinity.keys) <= MAX_KEYS, f"{place}.keys", f"1 to {MAX_KEYS} keys")
            for number, key in enumerate(affinity.keys[:MAX_KEYS]):
                check_id(key, f"{place}.keys[{number}]", findings)
            known = keys.get(affinity.family, ())
            keys[affinity.family] = tuple(dict.fromkeys((*known, *affinity.keys)))
        return keys


def tracked_event(  # noqa: PLR0913, PLR0917 - the parts of an event, in the order of the contract
    source: str,
    id_: str,
    type_: str,
    time_ms: int,
    subject: str,
    lines: tuple[Line, ...],
    properties: Mapping[str, FactValue],
    brand: str,
    channel: str,
) -> TrackedEvent:
    """Return an event of sound parts, with the stamp by which it is known again whatever way it comes in."""
    body = (type_, time_ms, subject, brand, channel)
    sent = [
        (*line[:3], sorted(line.keys.items())) if line.keys else (line.product, line.quantity, line.amount)
        for line in lines
    ]
    known_by = stamp(source, id_, body, sent, sorted(properties.items()))
    return TrackedEvent(known_by, type_, time_ms, subject, lines, properties, brand, channel)
