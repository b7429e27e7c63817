"""What all portions of a person say together: this is what decisions see."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from operator import attrgetter

from nextbest_rules.records import Consent, Contact, Event, Outcome, Purchase, Ticket
from nextbest_service.customers.portion import Portion, Reservation

SETTLES_RESERVATION = frozenset({Outcome.DISPLAYED, Outcome.DELIVERED, Outcome.FAILED, Outcome.WITHHELD})
"""Outcomes after which a reservation is none any more: the contact took place, or never will."""


def folded_facts(portions: Sequence[Portion]) -> tuple[Mapping[str, object], Mapping[str, int]]:
    """Return all facts and when each was known, by the newest word. None: it is not known any more."""
    if len(portions) == 1:
        return portions[0].facts, portions[0].facts_as_of
    facts: dict[str, object] = {}
    as_of: dict[str, int] = {}
    for portion in portions:
        for name, value in portion.facts.items():
            known_ms = portion.facts_as_of.get(name, 0)
            if name not in facts or known_ms > as_of.get(name, 0):
                facts[name] = value
                if name in portion.facts_as_of:
                    as_of[name] = known_ms
    return facts, as_of


def folded_consents(portions: Sequence[Portion]) -> tuple[Consent, ...]:
    """Return every word on consent: rules find the newest."""
    if len(portions) == 1:
        return portions[0].consents
    return tuple(chain.from_iterable(portion.consents for portion in portions))


def folded_purchases(portions: Sequence[Portion]) -> tuple[Purchase, ...]:
    """Return every purchase."""
    if len(portions) == 1:
        return portions[0].purchases
    return tuple(chain.from_iterable(portion.purchases for portion in portions))


def folded_events(portions: Sequence[Portion]) -> tuple[Event, ...]:
    """Return every recorded event."""
    if len(portions) == 1:
        return portions[0].events
    return tuple(chain.from_iterable(portion.events for portion in portions))


def folded_tickets(portions: Sequence[Portion]) -> tuple[Ticket, ...]:
    """Return every ticket once, although several portions may tell parts of its story."""
    return told_tickets(chain.from_iterable([portion.tickets for portion in portions]))


def told_tickets(told: Iterable[Ticket]) -> tuple[Ticket, ...]:
    """Return every ticket once of all that was told of some."""
    tickets: dict[str, Ticket] = {}
    for ticket in told:
        held = tickets.get(ticket.id)
        tickets[ticket.id] = ticket if held is None else same_ticket(held, ticket)
    return tuple(tickets.values())


def same_ticket(one: Ticket, other: Ticket) -> Ticket:
    """Return what two accounts of one ticket say together: it is closed unless it was opened again later.

    Its kind stays as first told, its severity is the newest, and it concerns all products that were told.
    """
    older, newer = sorted((one, other), key=lambda ticket: ticket.updated_at_ms or 0)
    opened = max((at for at in (one.opened_at_ms, other.opened_at_ms) if at is not None), default=None)
    closed = max((at for at in (one.closed_at_ms, other.closed_at_ms) if at is not None), default=None)
    return Ticket(
        id=one.id,
        kind=one.kind or other.kind,
        severity=newer.severity or older.severity,
        products=tuple(sorted({*one.products, *other.products})),
        categories=tuple(sorted({*one.categories, *other.categories})),
        opened_at_ms=opened,
        closed_at_ms=closed if opened is None or closed is None or closed >= opened else None,
        updated_at_ms=newer.updated_at_ms,
    )


def folded_contacts(portions: Sequence[Portion], now_ms: int) -> tuple[Contact, ...]:
    """Return the contact history, newest first, with the reservations that are still held."""
    if len(portions) == 1 and not portions[0].reservations:
        return portions[0].contacts
    contacts = [*chain.from_iterable(portion.contacts for portion in portions)]
    held = live_reservations(contacts, chain.from_iterable(it.reservations for it in portions), now_ms)
    if len(portions) == 1 and not held:
        return portions[0].contacts
    contacts.extend(reservation.as_contact() for reservation in held)
    return tuple(sorted(contacts, key=attrgetter("at_ms"), reverse=True))


def live_reservations(
    contacts: Iterable[Contact], reservations: Iterable[Reservation], now_ms: int
) -> list[Reservation]:
    """Return the reservations that are neither over nor settled by an outcome."""
    held = [reservation for reservation in reservations if reservation.until_ms > now_ms]
    if not held:
        return []
    settled = {(it.decision, it.action) for it in contacts if it.outcome in SETTLES_RESERVATION}
    return [it for it in dict.fromkeys(held) if (it.decision, it.action) not in settled]
