"""Brings a changed person into order: forgets what nobody needs any more."""

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from typing import Any, TypeVar

from nextbest_models.online import FeatureState
from nextbest_rules.records import Contact, Event, Purchase, Ticket
from nextbest_service.customers.books import MOST_RECORDS, Books
from nextbest_service.customers.counting import remembered
from nextbest_service.customers.person import Member, Person
from nextbest_service.customers.segments import with_passages

_Record = TypeVar("_Record", Ticket, Purchase, Event, Contact)


def settled(books: Books, person: Person, now_ms: int) -> Person:
    """Return a person after a change as it is to be stored; the same object where nothing is to be done.

    Notes the segments that the person entered and left, and drops what neither rules nor features can see any
    more.
    """
    person = with_passages(books, person, now_ms)
    members = tuple(_trimmed(books, member, now_ms) for member in person.members)
    if all(after is before for after, before in zip(members, person.members, strict=True)):
        return person
    return person._replace(members=members)


def _trimmed(books: Books, member: Member, now_ms: int) -> Member:
    portion = member.portion
    seen = remembered(portion.seen, books.memory, _settle_ms(books, member), now_ms)
    trimmed = {
        "consents": portion.consents[-MOST_RECORDS:],
        "tickets": _kept(books, "tickets", portion.tickets, _ticket_ms, _ticket_kind, now_ms),
        "purchases": _kept(books, "purchases", portion.purchases, _ended_ms, _purchase_kind, now_ms),
        "events": _kept(books, "events", portion.events, _ended_ms, _event_kind, now_ms),
        "contacts": _kept(books, "contacts", portion.contacts, _contact_ms, _contact_kind, now_ms),
        "reservations": tuple(it for it in portion.reservations if it.until_ms > now_ms),
        "seen": seen,
        "features": _trimmed_features(books, portion.features, now_ms),
    }
    changes: dict[str, Any] = {
        part: after for part, after in trimmed.items() if not _is_same(after, getattr(portion, part))
    }
    return member._replace(portion=portion._replace(**changes)) if changes else member


def _is_same(after: object, before: object) -> bool:
    """Tell whether a part needs no writing: feature states hold arrays, which do not compare."""
    return after is before or (isinstance(after, tuple) and after == before)


def _trimmed_features(books: Books, state: FeatureState | None, now_ms: int) -> FeatureState | None:
    if state is None:
        return None
    trimmed = books.features.trimmed(state, now_ms)
    return state if trimmed.tallies == state.tallies else trimmed


def _settle_ms(books: Books, member: Member) -> int:
    """Return how long it can be taken back: what a device did may turn out to be counted elsewhere."""
    anonymous = member.identity is not None and member.identity.namespace in books.anonymous
    return books.memory.late_events_ms if anonymous else books.memory.settle_ms


def _kept(
    books: Books,
    part: str,
    records: tuple[_Record, ...],
    last_ms: Callable[[_Record], int | None],
    kind: Callable[[_Record], Hashable],
    now_ms: int,
) -> tuple[_Record, ...]:
    """Return the records that are younger than the rules need them, and not too many."""
    keep_ms = books.retention[part]
    if keep_ms is not None:
        records = tuple(it for it in records if (last := last_ms(it)) is None or last + keep_ms >= now_ms)
    return records if len(records) <= MOST_RECORDS else _weeded(records, last_ms, kind)


def _weeded(
    records: Sequence[_Record],
    last_ms: Callable[[_Record], int | None],
    kind: Callable[[_Record], Hashable],
) -> tuple[_Record, ...]:
    """Return as many records as are kept at most, in the order in which they are.

    Half of the room is for the newest of all. The other half goes around: the newest of each kind, the next
    one of each, and so on. So a mass of one kind drives out neither a no that was said to something else nor
    what a cap still counts. What has no end is newer than all.
    """
    times = [last_ms(record) for record in records]
    ranked = sorted(range(len(records)), key=lambda i: (times[i] is None, times[i] or 0), reverse=True)
    places: Counter[Hashable] = Counter()
    rounds: dict[int, int] = {}
    for i in ranked:
        of_kind = kind(records[i])
        rounds[i] = places[of_kind]
        places[of_kind] += 1
    newest, older = ranked[: MOST_RECORDS // 2], ranked[MOST_RECORDS // 2 :]
    around = sorted(older, key=rounds.__getitem__)[: MOST_RECORDS - len(newest)]
    return tuple(records[i] for i in sorted(newest + around))


def _ticket_ms(ticket: Ticket) -> int | None:
    """Return when a ticket was closed; an open one is never too old."""
    return ticket.closed_at_ms


def _ended_ms(record: Purchase | Event) -> int | None:
    times = [at for at in (record.at_ms, record.ended_at_ms) if at is not None]
    return max(times, default=None)


def _contact_ms(contact: Contact) -> int:
    return contact.at_ms


def _ticket_kind(ticket: Ticket) -> Hashable:
    return ticket.kind, ticket.products


def _purchase_kind(purchase: Purchase) -> Hashable:
    return purchase.product, purchase.category


def _event_kind(event: Event) -> Hashable:
    return event.type, event.products


def _contact_kind(contact: Contact) -> Hashable:
    return contact.action, contact.outcome
