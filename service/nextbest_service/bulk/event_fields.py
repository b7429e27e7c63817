"""The fields of a row of events."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from nextbest_rules import Catalog, ValueType
from nextbest_service.bulk.cells import CellError, json_of, keys_of, number_of, text_of, typed
from nextbest_service.bulk.event_drafts import DraftItem, EventDraft
from nextbest_service.bulk.identities import identity_names, identity_put, is_identity
from nextbest_service.bulk.layouts import Put

TEXTS = ("type", "subject", "id", "source", "brand", "channel")
"""Type and subject first: they say of which type a property is."""
_PROPERTY, _AFFINITY = "properties.", "item.affinities."


class EventFields:
    """Where the cells of a row of events go."""

    message = EventDraft
    first = TEXTS
    needed: tuple[str, ...] = ("id", "source", "type", "time")
    line = "item."

    def __init__(self, catalog: Catalog, time_of: Callable[[object], int]) -> None:
        self._catalog = catalog
        self._time_of = time_of

    def tells_whom(self, name: str) -> bool:
        """Tell whether a field says whom, or what, a row is about."""
        return is_identity(name, self._catalog)

    def put(self, name: str) -> Put[EventDraft] | None:
        """Return what puts a cell into a field, None where there is no such field."""
        if name in TEXTS:
            return _text(name)
        if name == "time":
            return self._put_time
        if name in _ITEM:
            return _ITEM[name]
        if name.startswith(_AFFINITY):
            return _affinity(name.removeprefix(_AFFINITY))
        if name.startswith(_PROPERTY):
            return self._property(name.removeprefix(_PROPERTY))
        return identity_put(name, self._catalog)

    def names(self) -> Iterable[str]:
        """Return the names of fields, for suggestions."""
        yield from (*TEXTS, "time", *_ITEM)
        yield from (_AFFINITY + item.family for item in self._catalog.affinities)
        yield from {_PROPERTY + name for item in self._catalog.events.values() for name in item.properties}
        yield from identity_names(self._catalog)

    def _put_time(self, event: EventDraft, cell: object) -> None:
        event.time_ms = self._time_of(cell)

    def _property(self, name: str) -> Put[EventDraft]:
        def put(event: EventDraft, cell: object) -> None:
            declared = self._type_of(event, name)
            if declared is None:
                event.properties[name] = text_of(cell)  # the reader refuses it, in its own words
            else:
                event.properties[name] = typed(cell, declared)

        return put

    def _type_of(self, event: EventDraft, name: str) -> ValueType | None:
        """Return the type of a property of this event; an answer has that of the fact it is about."""
        declared = self._catalog.events.get(event.type)
        if declared is None:
            return None
        fact = self._catalog.facts.declarations.get(event.subject) if declared.answers else None
        if fact is not None and name not in declared.properties:
            return fact.type
        return declared.properties.get(name)


def _text(name: str) -> Put[EventDraft]:
    def put(event: EventDraft, cell: object) -> None:
        setattr(event, name, text_of(cell))

    return put


def _item(event: EventDraft) -> DraftItem:
    """Return the line of a row that tells one."""
    if not event.items:
        event.items.append(DraftItem())
    return event.items[0]


def _put_product(event: EventDraft, cell: object) -> None:
    _item(event).product = text_of(cell)


def _put_quantity(event: EventDraft, cell: object) -> None:
    _item(event).quantity = number_of(cell)


def _put_amount(event: EventDraft, cell: object) -> None:
    _item(event).amount = number_of(cell)


def _affinity(family: str) -> Put[EventDraft]:
    def put(event: EventDraft, cell: object) -> None:
        item = _item(event)
        item.keys = {**item.keys, family: keys_of(cell)}

    return put


def _put_items(event: EventDraft, cell: object) -> None:
    items = json_of(cell)
    if not isinstance(items, list):
        raise CellError("expected a list of items")
    event.items += map(_read_item, items)


def _read_item(item: object) -> DraftItem:
    if not isinstance(item, dict) or not item.keys() <= _PARTS:
        raise CellError("an item has product_id, quantity, amount and affinities")
    quantity, amount = item.get("quantity"), item.get("amount")
    return DraftItem(
        text_of(item.get("product_id", "")),
        None if quantity is None else number_of(quantity),
        0.0 if amount is None else number_of(amount),
        _affinities(item.get("affinities")),
    )


def _affinities(affinities: Any) -> Mapping[str, tuple[str, ...]]:  # noqa: ANN401 - a part of a JSON
    if affinities is None:
        return {}
    if not isinstance(affinities, dict):
        raise CellError("expected the keys of affinities by family")
    return {family: keys_of(keys) for family, keys in affinities.items()}


_PARTS = frozenset({"product_id", "quantity", "amount", "affinities"})
_ITEM: Mapping[str, Put[EventDraft]] = {
    "items": _put_items,
    "item.product_id": _put_product,
    "item.quantity": _put_quantity,
    "item.amount": _put_amount,
}
