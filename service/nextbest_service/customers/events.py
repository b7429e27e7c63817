"""What an event does to a person: it is counted once, and leaves what its type stands for."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from nextbest_rules.catalog import EventType
from nextbest_rules.dates import from_ms
from nextbest_rules.declarations import WrongTypeError, conform
from nextbest_rules.records import Event, Purchase, Ticket
from nextbest_service.customers import ending
from nextbest_service.customers.books import Books
from nextbest_service.customers.counting import Ledger, ReusedEventIdError
from nextbest_service.customers.facts import told
from nextbest_service.customers.incoming import Status, TrackedEvent
from nextbest_service.customers.person import Person
from nextbest_service.customers.tickets import with_ticket
from nextbest_service.store.keys import Ref

CATEGORY = "category"
"""The affinity family that names the categories of purchases, tickets and events."""
_PROPERTY = "properties."


def apply_events(
    books: Books, person: Person, origin: Ref, events: Iterable[TrackedEvent], now_ms: int
) -> tuple[Person, list[Status | ReusedEventIdError]]:
    """Return the person after events that came in under one of the identities, and what became of each.

    What is ahead of our clock counts as of now: the next decision sees it.
    """
    ledger = Ledger.of(person, books.memory)
    results: list[Status | ReusedEventIdError] = []
    for event in events:
        try:
            status = ledger.status(event.stamp, event.time_ms)
        except ReusedEventIdError as error:
            results.append(error)
            continue
        results.append(status)
        if status is Status.APPLIED:
            past = event if event.time_ms <= now_ms else replace(event, time_ms=now_ms)
            ledger.enter(past.stamp, past.time_ms, books.streams.of_event(past, now_ms))
            person = _with_effects(books, person, origin, past)
    portion = person.portion(origin)
    closed = ledger.closed(portion, books.features)
    return (person if closed is portion else person.with_portion(origin, closed)), results


def apply_event(
    books: Books, person: Person, origin: Ref, event: TrackedEvent, now_ms: int
) -> tuple[Person, Status]:
    """Return the person after one event, and what became of it.

    Raises:
        ReusedEventIdError: another event of the same id was counted.
    """
    person, (result,) = apply_events(books, person, origin, [event], now_ms)
    if isinstance(result, ReusedEventIdError):
        raise result
    return person, result


def _with_effects(books: Books, person: Person, origin: Ref, event: TrackedEvent) -> Person:
    effect = _EFFECTS.get(event.type)
    if effect is not None:
        person = effect(books, person, origin, event)
    return with_declared_effects(books, person, origin, event)


def with_declared_effects(books: Books, person: Person, origin: Ref, event: TrackedEvent) -> Person:
    """Return the person with what the catalog declares of the event's type: records, ends, facts."""
    declared = books.catalog.events[event.type]
    if books.keeps("events"):
        if declared.ends:
            person = ending.ended(person, origin, declared.ends, event.subject, event.time_ms)
        if declared.recorded:
            person = ending.began(person, origin, _record(event))
    values = dict.fromkeys(declared.clears) | _facts(books, declared, event)
    return told(person, origin, values, event.time_ms) if values else person


def _ordered(books: Books, person: Person, origin: Ref, event: TrackedEvent) -> Person:
    if not books.keeps("purchases"):
        return person
    purchases = dict.fromkeys(
        Purchase(line.product, _category(line.keys), event.channel, event.time_ms) for line in event.lines
    )
    return ending.bought(person, origin, purchases)


def _refunded(books: Books, person: Person, origin: Ref, event: TrackedEvent) -> Person:
    if not books.keeps("purchases"):
        return person
    products = dict.fromkeys(line.product for line in event.lines)
    return ending.gave_back(person, origin, products, event.time_ms)


def _ticket(books: Books, person: Person, origin: Ref, event: TrackedEvent, *, step: str) -> Person:
    if not books.keeps("tickets"):
        return person
    texts = {name: _text(event.properties, name) for name in ("kind", "reason", "severity")}
    ticket = Ticket(
        id=event.subject,
        kind=texts["kind"] or texts["reason"],
        severity=texts["severity"],
        products=_products(event),
        categories=_categories(event),
        opened_at_ms=event.time_ms if step == "opened" else None,
        closed_at_ms=event.time_ms if step == "closed" else None,
        updated_at_ms=event.time_ms if texts["severity"] else None,
    )
    return with_ticket(person, origin, ticket)


_EFFECTS: Mapping[str, Callable[[Books, Person, Ref, TrackedEvent], Person]] = {
    "order.placed": _ordered,
    "order.refunded": _refunded,
    "ticket.opened": partial(_ticket, step="opened"),
    "ticket.updated": partial(_ticket, step="updated"),
    "ticket.closed": partial(_ticket, step="closed"),
}


def _record(event: TrackedEvent) -> Event:
    return Event(
        type=event.type,
        subject=event.subject,
        severity=_text(event.properties, "severity"),
        channel=event.channel,
        products=_products(event),
        categories=_categories(event),
        at_ms=event.time_ms,
    )


def _facts(books: Books, declared: EventType, event: TrackedEvent) -> dict[str, object]:
    """Return the facts that an event tells, in their declared types; what does not fit is left out."""
    sources = {name: _source(event, source) for name, source in declared.sets.items()}
    if declared.answers:
        sources[event.subject] = event.properties.get("answer")
    facts: dict[str, object] = {}
    for name, value in sources.items():
        declaration = books.catalog.facts.declarations.get(name)
        if declaration is not None and value is not None:
            try:
                facts[name] = conform(value, declaration.type)
            except WrongTypeError:
                continue
    return facts


def _source(event: TrackedEvent, source: str) -> object:
    match source:
        case "subject":
            return event.subject
        case "time":
            return from_ms(event.time_ms)
        case "channel":
            return event.channel
        case "brand":
            return event.brand
        case "amount":
            return event.amount
        case _:
            return event.properties.get(source.removeprefix(_PROPERTY))


def _text(properties: Mapping[str, object], name: str) -> str:
    value = properties.get(name)
    return value if isinstance(value, str) else ""


def _products(event: TrackedEvent) -> tuple[str, ...]:
    return tuple(dict.fromkeys(line.product for line in event.lines))


def _categories(event: TrackedEvent) -> tuple[str, ...]:
    return _distinct(key for line in event.lines for key in line.keys.get(CATEGORY, ()))


def _category(keys: Mapping[str, Sequence[str]]) -> str:
    return next(iter(keys.get(CATEGORY, ())), "")


def _distinct(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))
