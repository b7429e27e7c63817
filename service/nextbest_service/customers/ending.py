"""Records that begin and end: purchases and refunds, mentions and their resolution, in whatever order told.

An end whose beginning is not known yet stays as a record without a beginning, until that comes in.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TypeAlias, TypeVar

from nextbest_rules.records import Event, Purchase
from nextbest_service.customers.person import Person
from nextbest_service.customers.portion import Portion
from nextbest_service.store.keys import Ref

_Record = TypeVar("_Record", Purchase, Event)
_Records: TypeAlias = Callable[[Portion], Sequence[Purchase | Event]]
_LONG_AGO = -1


def bought(person: Person, origin: Ref, purchases: Iterable[Purchase]) -> Person:
    """Return the person with purchases; refunds that came in before them apply."""
    refunded = {
        held.product
        for portion in person.portions
        for held in portion.purchases
        if held.ended_at_ms is not None
    }
    told = [*purchases]
    plain = [purchase for purchase in told if purchase.product not in refunded]
    if plain:
        portion = person.portion(origin)
        person = person.with_portion(origin, portion._replace(purchases=(*portion.purchases, *plain)))
    for purchase in told:
        product = purchase.product
        if product not in refunded:
            continue
        where = _where(person, origin, partial(_awaits, _purchases_of(product), purchase.at_ms))
        portion = person.portion(where)
        own = [*_of_product(portion, product), purchase]
        person = person.with_portion(where, _with_purchases(portion, product, own))
    return person


def gave_back(person: Person, origin: Ref, products: Iterable[str], at_ms: int) -> Person:
    """Return the person without the newest purchase of each product until then."""
    for product in products:
        where = _where(person, origin, partial(_has_open, _purchases_of(product), at_ms))
        portion = person.portion(where)
        own = [*_of_product(portion, product), Purchase(product, ended_at_ms=at_ms)]
        person = person.with_portion(where, _with_purchases(portion, product, own))
    return person


def began(person: Person, origin: Ref, event: Event) -> Person:
    """Return the person with a recorded event; an end that came in before it applies."""
    where = _where(person, origin, partial(_awaits, partial(_of_kind, event), event.at_ms))
    portion = person.portion(where)
    return person.with_portion(where, _with_events(portion, event, [*_of_kind(event, portion), event]))


def ended(person: Person, origin: Ref, type_: str, subject: str, at_ms: int) -> Person:
    """Return the person with all records of a type and subject until then ended."""
    end = Event(type_, subject, ended_at_ms=at_ms)
    of_kind = partial(_of_kind, end)
    touched = [member.ref for member in person.members if _has_running(of_kind, at_ms, member.portion)]
    for where in touched or [origin]:
        portion = person.portion(where)
        person = person.with_portion(where, _with_events(portion, end, [*of_kind(portion), end]))
    return person


def _where(person: Person, origin: Ref, suits: Callable[[Portion], bool]) -> Ref:
    """Return whose portion a record belongs to: its origin's, unless only another's has its counterpart."""
    if suits(person.portion(origin)):
        return origin
    return next((member.ref for member in person.members if suits(member.portion)), origin)


def _awaits(records: _Records, at_ms: int | None, portion: Portion) -> bool:
    """Tell whether there is an end without a beginning that could be at this time."""
    return any(
        held.at_ms is None and held.ended_at_ms is not None and (at_ms or 0) <= held.ended_at_ms
        for held in records(portion)
    )


def _has_open(records: _Records, at_ms: int, portion: Portion) -> bool:
    """Tell whether there is a record that had begun by a time and has no end."""
    return any(held.ended_at_ms is None and _begin(held) <= at_ms for held in records(portion))


def _has_running(records: _Records, at_ms: int, portion: Portion) -> bool:
    """Tell whether there is a record that had begun by a time and, for all we know, not ended until then."""
    return _has_open(records, at_ms, portion) or any(
        held.at_ms is not None and held.ended_at_ms is not None and held.at_ms <= at_ms < held.ended_at_ms
        for held in records(portion)
    )


def _purchases_of(product: str) -> _Records:
    return lambda portion: _of_product(portion, product)


def _of_product(portion: Portion, product: str) -> list[Purchase]:
    return [held for held in portion.purchases if held.product == product]


def _with_purchases(portion: Portion, product: str, own: Sequence[Purchase]) -> Portion:
    others = [held for held in portion.purchases if held.product != product]
    return portion._replace(purchases=(*others, *_one_each(own)))


def _of_kind(event: Event, portion: Portion) -> list[Event]:
    return [held for held in portion.events if (held.type, held.subject) == (event.type, event.subject)]


def _with_events(portion: Portion, event: Event, own: Sequence[Event]) -> Portion:
    others = [held for held in portion.events if (held.type, held.subject) != (event.type, event.subject)]
    return portion._replace(events=(*others, *_all_until(own)))


def _one_each(records: Sequence[Purchase]) -> list[Purchase]:
    """Give each end the newest beginning before it that has none yet: the same for any order of arrival."""
    begun, ends = _taken_apart(records)
    without_end, done, loose = sorted(begun, key=_begin), [], []
    for end in sorted(ends, key=lambda record: record.ended_at_ms or 0):
        before = [record for record in without_end if _begin(record) <= (end.ended_at_ms or 0)]
        if before:
            without_end.remove(before[-1])
            done.append(before[-1]._replace(ended_at_ms=end.ended_at_ms))
        else:
            loose.append(end)
    return [*done, *without_end, *loose]


def _all_until(records: Sequence[Event]) -> list[Event]:
    """Give each beginning the first end after it. Ends that ended nothing wait for what they end."""
    begun, ends = _taken_apart(records)
    times = sorted({end.ended_at_ms for end in ends if end.ended_at_ms is not None})
    done = [
        record._replace(ended_at_ms=next((time for time in times if _begin(record) <= time), None))
        for record in begun
    ]
    used = {record.ended_at_ms for record in done}
    loose = {end.ended_at_ms: end for end in ends if end.ended_at_ms not in used}
    return [*done, *loose.values()]


def _taken_apart(records: Sequence[_Record]) -> tuple[list[_Record], list[_Record]]:
    """Return beginnings without their ends, and ends without their beginnings."""
    begun = [
        record._replace(ended_at_ms=None)
        for record in records
        if record.at_ms is not None or record.ended_at_ms is None
    ]
    ends = [
        record if record.at_ms is None else _bare_end(record)
        for record in records
        if record.ended_at_ms is not None
    ]
    return begun, ends


def _bare_end(record: _Record) -> _Record:
    if isinstance(record, Purchase):
        return Purchase(record.product, ended_at_ms=record.ended_at_ms)
    return Event(record.type, record.subject, ended_at_ms=record.ended_at_ms)


def _begin(record: Purchase | Event) -> int:
    return _LONG_AGO if record.at_ms is None else record.at_ms
