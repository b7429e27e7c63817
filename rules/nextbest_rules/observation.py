"""What a condition saw, as text for people."""

import re
from collections.abc import Callable, Iterator, Mapping
from operator import attrgetter
from typing import Any

from nextbest_rules.catalog import Action, AttributeValue, Catalog
from nextbest_rules.cel import Expression, Mention
from nextbest_rules.dates import iso
from nextbest_rules.explanation import show
from nextbest_rules.records import RECORDS, Event, FieldType, Purchase, Ticket
from nextbest_rules.sight import View

_MAX_ITEMS = 5


def observed(
    condition: Expression,
    view: View,
    action: Action | None = None,
    record: Ticket | Purchase | Event | None = None,
) -> str:
    """Return every value that the condition read, in the order of its text."""
    return "; ".join(_texts(condition, view, action, record))


def wanted(source: str, catalog: Catalog) -> str:
    """Return a condition as text for people: on one line, and with the meaning of all that it names."""
    text = " ".join(source.split())
    named = {f"conditions.{item.name}": item.when for item in catalog.conditions}
    named |= {f"segments.{item.id}": item.when for item in catalog.segments}
    meanings = [
        f"{name}: {' '.join(when.split())}"
        for name, when in named.items()
        if re.search(rf"\b{re.escape(name)}\b", text)
    ]
    return f"{text} ({'; '.join(meanings)})" if meanings else text


def attribute(action: Action, name: str) -> AttributeValue | None:
    """Return what conditions see as `action.<name>`, or None where the action lacks it."""
    match name:
        case "id":
            return action.id
        case "type":
            return str(action.type)
        case "issue":
            return action.issue
        case "group":
            return action.group
        case _:
            return action.attributes.get(name)


def _texts(
    condition: Expression, view: View, action: Action | None, record: Ticket | Purchase | Event | None
) -> Iterator[str]:
    for mention in condition.mentions:
        if mention.root == "action":
            yield show(str(mention), None if action is None else attribute(action, mention.field))
        elif mention.root in RECORDS:
            if record is not None:
                yield _record(mention.root, record)
        elif mention.root == "now":
            yield f"now = {iso(view.situation.now_ms)}"
        elif mention.root in ("tickets", "purchases", "events", "contacts"):
            yield _records(mention, view)
        else:
            yield show(str(mention), view.value(mention))


_KEY_OF_RECORD: Mapping[str, Callable[[Any], str]] = {
    "tickets": attrgetter("id"),
    "purchases": attrgetter("product"),
    "events": attrgetter("type"),
    "contacts": lambda contact: f"{contact.action} {contact.outcome}",
}


def _records(mention: Mention, view: View) -> str:
    """Return the first few records by name."""
    records = getattr(view.situation, mention.root)
    if records is None:
        return f"{mention} cannot be read"
    names = ", ".join(map(_KEY_OF_RECORD[mention.root], records[:_MAX_ITEMS]))
    more = ", …" if len(records) > _MAX_ITEMS else ""
    return f"{mention}: {names}{more}" if records else f"no {mention}"


def _record(name: str, record: Ticket | Purchase | Event) -> str:
    """Return what is known of a record, times included."""
    values = []
    for field, declared in RECORDS[name].items():
        value = getattr(record, declared.attribute)
        if value not in ("", (), None):
            text = iso(value) if declared.type is FieldType.TIMESTAMP else _plain(value)
            values.append(f"{field} {text}")
    return f"{name}: {', '.join(values)}"


def _plain(value: object) -> str:
    if isinstance(value, tuple):
        shown = " ".join(map(str, value[:_MAX_ITEMS]))
        return shown if len(value) <= _MAX_ITEMS else f"{shown} …"
    return str(value).lower() if isinstance(value, bool) else str(value)
