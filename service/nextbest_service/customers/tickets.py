"""Tickets from their events, in whatever order these come in."""

from nextbest_rules.records import Ticket
from nextbest_service.customers.folding import same_ticket
from nextbest_service.customers.person import Person
from nextbest_service.store.keys import Ref


def with_ticket(person: Person, origin: Ref, told: Ticket) -> Person:
    """Return the person with what one event told of a ticket, in the portion that knows the ticket."""
    where = next(
        (member.ref for member in person.members if any(it.id == told.id for it in member.portion.tickets)),
        origin,
    )
    portion = person.portion(where)
    others = tuple(ticket for ticket in portion.tickets if ticket.id != told.id)
    for held in portion.tickets:
        if held.id == told.id:
            told = same_ticket(held, told)
    return person.with_portion(where, portion._replace(tickets=(*others, told)))
