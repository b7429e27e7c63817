"""What an outcome does to a person: the contact history, the reservation, the features, the consent."""

import grpc

from nextbest_rules.records import Consent, Contact, Outcome
from nextbest_service.customers.books import Books
from nextbest_service.customers.counting import Ledger
from nextbest_service.customers.facts import said
from nextbest_service.customers.folding import SETTLES_RESERVATION
from nextbest_service.customers.incoming import ReportedOutcome, Status
from nextbest_service.customers.person import Person
from nextbest_service.customers.portion import Portion, Reservation
from nextbest_service.customers.tokens import Attribution
from nextbest_service.errors import ServiceError
from nextbest_service.store.keys import Ref

_NO_CONTACT = frozenset({Outcome.FAILED, Outcome.WITHHELD})


class LateOutcomeError(ServiceError):
    """The token had expired."""

    status = grpc.StatusCode.FAILED_PRECONDITION
    reason = "LATE_OUTCOME"

    def __init__(self) -> None:
        super().__init__("the token's life is over: the catalog declares how late an outcome may be")


def apply_outcome(
    books: Books, person: Person, origin: Ref, outcome: ReportedOutcome, now_ms: int
) -> tuple[Person, Status]:
    """Return the person after an outcome, and what became of it.

    Raises:
        LateOutcomeError: it happened, or came in, after the end of the token's life.
        ReusedEventIdError: another outcome of the same id was counted.
    """
    time_ms = now_ms if outcome.time_ms is None else outcome.time_ms
    ledger = Ledger.of(person, books.memory)
    status = ledger.status(outcome.stamp, time_ms)
    if status is not Status.APPLIED:
        return person, status
    if max(time_ms, now_ms) > outcome.of.expires_ms:
        raise LateOutcomeError
    time_ms = min(time_ms, now_ms)
    ledger.enter(outcome.stamp, time_ms, books.streams.of_outcome(outcome, now_ms))
    portion = ledger.closed(person.portion(origin), books.features)
    reservation = _reservation(person, outcome.of)
    if outcome.type not in _NO_CONTACT and books.keeps("contacts"):
        contact = _contact(books, outcome, time_ms, reservation)
        portion = portion._replace(contacts=_with_contact(portion.contacts, contact))
    person = person.with_portion(origin, portion)
    if reservation is not None and outcome.type in SETTLES_RESERVATION:
        person = _without_reservation(person, outcome.of)
    if outcome.type is Outcome.UNSUBSCRIBED:
        person = said(person, origin, [Consent(False, time_ms, outcome.of.channel)])
    return person, status


def _contact(
    books: Books, outcome: ReportedOutcome, time_ms: int, reservation: Reservation | None
) -> Contact:
    of, action = outcome.of, books.actions.get(outcome.of.action)
    if action is not None:
        type_, issue, group = action.type.value, action.issue, action.group
    elif reservation is not None:  # the action has left the catalog meanwhile
        type_, issue, group = reservation.type, reservation.issue, reservation.group
    else:
        type_ = issue = group = ""
    return Contact(
        action=of.action,
        outcome=outcome.type.value,
        at_ms=time_ms,
        channel=of.channel,
        brand=of.brand,
        type=type_,
        issue=issue,
        group=group,
        decision=of.decision,
    )


def _with_contact(contacts: tuple[Contact, ...], contact: Contact) -> tuple[Contact, ...]:
    """Return the contacts with another one, newest first."""
    place = next((i for i, it in enumerate(contacts) if it.at_ms <= contact.at_ms), len(contacts))
    return (*contacts[:place], contact, *contacts[place:])


def _reservation(person: Person, of: Attribution) -> Reservation | None:
    return next((it for portion in person.portions for it in portion.reservations if _is_of(it, of)), None)


def _without_reservation(person: Person, of: Attribution) -> Person:
    for member in person.members:
        if any(_is_of(it, of) for it in member.portion.reservations):
            person = person.with_portion(member.ref, _released(member.portion, of))
    return person


def _released(portion: Portion, of: Attribution) -> Portion:
    return portion._replace(reservations=tuple(it for it in portion.reservations if not _is_of(it, of)))


def _is_of(reservation: Reservation, of: Attribution) -> bool:
    return (reservation.decision, reservation.action) == (of.decision, of.action)
