"""Events of rows on their way into the domain.

Nearly all rows are sound. Those go straight to what the API would make of them; a row with anything unusual
becomes a message first and is read by the API's own reader, which knows every fault and says it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf
from typing import cast

from nextbest.v1 import event_pb2
from nextbest_rules import Catalog, ParameterValue, ValueType
from nextbest_rules.catalog import EventType
from nextbest_rules.declarations import FactValue
from nextbest_service.api.read_event import (
    MAX_ITEMS,
    MAX_SUBJECT_BYTES,
    EventReader,
    tracked_event,
)
from nextbest_service.api.read_identities import MAX_IDENTITIES
from nextbest_service.api.read_item import MAX_ID_BYTES, MAX_PROPERTIES
from nextbest_service.api.read_value import MAX_TEXT_BYTES, MOST
from nextbest_service.api.write_value import write_value
from nextbest_service.customers.incoming import Line, TrackedEvent
from nextbest_service.store.keys import Identity

ROOM = 200_000
"""How many names are remembered as sound."""
_TICKET = "ticket."
_LATEST_MS = 1 << 62

Name = tuple[str, str]
"""Namespace and id."""
Read = tuple[tuple[Identity, ...], TrackedEvent]


@dataclass(slots=True)
class DraftItem:
    """One line; `quantity` None is not told."""

    product: str = ""
    quantity: float | None = None
    amount: float = 0.0
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(slots=True)
class EventDraft:
    """What a row says of an event, not yet checked."""

    id: str = ""
    source: str = ""
    type: str = ""
    subject: str = ""
    time_ms: int = 0
    brand: str = ""
    channel: str = ""
    identities: list[Name] = field(default_factory=list)
    items: list[DraftItem] = field(default_factory=list)
    properties: dict[str, FactValue] = field(default_factory=dict)

    def message(self) -> event_pb2.Event:
        """Return it as the API would get it.

        Raises:
            ValueError, TypeError: it is nothing that could be sent.
        """
        event = event_pb2.Event(
            id=self.id,
            source=self.source,
            type=self.type,
            subject=self.subject,
            time_unix_ms=self.time_ms,
            brand=self.brand,
            channel=self.channel,
        )
        for namespace, id_ in self.identities:
            event.identities.add(namespace=namespace, id=id_)
        for item in self.items:
            line = event.items.add(product_id=item.product, quantity=item.quantity, amount=item.amount)
            for family, keys in item.keys.items():
                line.affinities.add(family=family, keys=keys)
        for name, value in self.properties.items():
            write_value(cast(ParameterValue, value), event.properties[name])
        return event


class DraftReader:
    """Reads drafts under one catalog."""

    def __init__(self, catalog: Catalog) -> None:
        self._reader = EventReader.of(catalog)
        self._brands = catalog.brands
        self._default_brand = catalog.default_brand
        self._types = {
            name: {it: _PYTHON.get(kind) for it, kind in declared.properties.items()}
            for name, declared in catalog.events.items()
            if _is_plain(declared)
        }
        self._names: dict[Name, Identity] = {}

    def read(self, draft: EventDraft) -> Read:
        """Return whom an event is about, and the event.

        Raises:
            InvalidRequestError: it breaks the contract.
            UnknownReferenceError: it is well formed, but names things that the catalog does not have.
        """
        sound = self._sound(draft)
        return self._reader.read(draft.message(), "") if sound is None else sound

    def _sound(self, draft: EventDraft) -> Read | None:
        """Return what the API would read, or None where that needs a closer look."""
        if not (
            draft.type in self._types
            and 0 < draft.time_ms < _LATEST_MS
            and _is_short(draft.id, 1, MAX_ID_BYTES)
            and _is_short(draft.source, 1, MAX_ID_BYTES)
            and _is_short(draft.subject, 0, MAX_SUBJECT_BYTES)
            and _is_short(draft.channel, 0, MAX_ID_BYTES)
            and (not draft.brand or draft.brand in self._brands)
            and self._are_declared(draft)
        ):
            return None
        lines = _sound_lines(draft.items) if draft.items else ()
        names = self._sound_names(draft.identities)
        if lines is None or names is None:
            return None
        return names, tracked_event(
            draft.source,
            draft.id,
            draft.type,
            draft.time_ms,
            draft.subject,
            lines,
            draft.properties,
            draft.brand or self._default_brand,
            draft.channel,
        )

    def _are_declared(self, draft: EventDraft) -> bool:
        """Tell whether all properties surely are, and sound values of their types."""
        kinds, properties = self._types[draft.type], draft.properties
        return len(properties) <= MAX_PROPERTIES and all(
            name in kinds and type(value) is kinds[name] and _is_sound(value)
            for name, value in properties.items()
        )

    def _sound_names(self, names: list[Name]) -> tuple[Identity, ...] | None:
        if not 1 <= len(names) <= MAX_IDENTITIES:
            return None
        known = self._names
        if len(known) > ROOM:
            known.clear()
        for name in names:
            if name not in known:
                identity = Identity(*name)
                if identity.faults:
                    return None
                known[name] = identity
        return tuple([known[name] for name in names])


_PYTHON: Mapping[ValueType, type] = {
    ValueType.STRING: str,
    ValueType.INT: int,
    ValueType.DOUBLE: float,
    ValueType.BOOL: bool,
}


def _is_sound(value: object) -> bool:
    """Tell whether a value of the right type surely is one that may be sent."""
    if type(value) is str:
        return _is_short(value, 0, MAX_TEXT_BYTES)
    return type(value) is not float or -inf < value < inf


def _is_plain(declared: EventType) -> bool:
    """Tell whether an event needs no looking into."""
    return not (declared.internal or declared.answers or declared.type.startswith(_TICKET))


def _is_short(text: str, least: int, most: int) -> bool:
    """Tell whether a text surely has a number of bytes; one with other letters has to be looked at."""
    return least <= len(text) <= most and text.isascii()


def _sound_lines(items: list[DraftItem]) -> tuple[Line, ...] | None:
    if len(items) > MAX_ITEMS:
        return None
    lines = []
    for item in items:
        product, quantity, amount = item.product, item.quantity, item.amount
        if quantity is None:
            quantity = 1.0
        if item.keys or not (
            0.0 <= amount <= MOST
            and 0.0 <= quantity <= MOST
            and 0 < len(product) <= MAX_ID_BYTES
            and product.isascii()
        ):
            return None
        lines.append(Line(product, quantity, amount, _NO_KEYS))
    return tuple(lines)


_NO_KEYS: Mapping[str, tuple[str, ...]] = {}
