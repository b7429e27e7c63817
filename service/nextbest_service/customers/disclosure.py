"""What is held about a person as plain records that the person can read."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import NamedTuple

from nextbest_rules.dates import iso
from nextbest_rules.records import RESERVED
from nextbest_service.customers.view import CustomerView

_TIME = "_ms"


class Record(NamedTuple):
    """One record: its kind, and its content as plain data for JSON."""

    kind: str
    content: Mapping[str, object]


def records_of(view: CustomerView) -> Iterator[Record]:
    """Yield all that is known of a person."""
    for member in view.members:
        name = {"namespace": member.identity.namespace, "id": member.identity.id} if member.identity else {}
        since = {"linked_at": iso(member.since_ms), "linked_by": member.source} if member.source else {}
        yield Record("identity", {**name, **since})
    for attribute, value in view.attributes.items():
        content = {"name": attribute, "value": _plain(value), **_as_of(view, attribute)}
        yield Record("attribute", content)
    for feature in view.features:
        yield Record(
            "feature", {"name": feature.name, "value": feature.value, "as_of": iso(feature.as_of_ms)}
        )
    for family, affinities in view.affinities.items():
        for affinity in affinities:
            last_day = iso(affinity.last_at_ms)
            content = {"family": family, "key": affinity.key, "count": affinity.touches, "last_day": last_day}
            yield Record("affinity", {**content, "total": affinity.total})
    for segment, since_ms in view.segments.items():
        yield Record("segment", {"name": segment, "since": iso(since_ms)})
    yield from _lists(view)


def _lists(view: CustomerView) -> Iterator[Record]:
    for consent in view.consents:
        yield Record("consent", _readable(consent._asdict()))
    for ticket in view.tickets:
        yield Record("ticket", _readable(ticket._asdict()))
    for purchase in view.purchases:
        yield Record("purchase", _readable(purchase._asdict()))
    for event in view.events:
        yield Record("event", _readable(event._asdict()))
    for contact in view.contacts:
        outcome = {"outcome": "", "reserved": True} if contact.outcome == RESERVED else {}
        yield Record("contact", {**_readable(contact._asdict()), **outcome})


def _as_of(view: CustomerView, name: str) -> Mapping[str, object]:
    known_ms = view.attributes_as_of.get(name)
    return {} if known_ms is None else {"as_of": iso(known_ms)}


def _readable(fields: Mapping[str, object]) -> Mapping[str, object]:
    """Return a record's fields as people read them: times as text, and nothing that is not known."""
    return {
        name.removesuffix(_TIME): iso(value)
        if name.endswith(_TIME) and isinstance(value, int)
        else _plain(value)
        for name, value in fields.items()
        if value not in (None, "", ())
    }


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    return list(value) if isinstance(value, tuple | list) else value
