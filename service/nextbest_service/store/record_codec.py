"""How lists of records look as bytes: tables of values and of combinations of them, and columns of the rest.

A contact history is read with almost every decision, and contacts have all but time and decision in common
with others. So each combination of the other fields stands there once (benchmarks/micro/codec.py).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import chain
from operator import add, attrgetter, itemgetter
from types import MappingProxyType
from typing import Any, TypeAlias, cast

from nextbest_rules.records import Consent, Contact, Event, Kill, Purchase, Ticket
from nextbest_service.customers.portion import Reservation
from nextbest_service.store.codec import foreign, pack, unpack
from nextbest_service.store.columns import (
    FOREIGN,
    Packed,
    packed_decisions,
    packed_numbers,
    packed_times,
    unpacked_decisions,
    unpacked_numbers,
    unpacked_times,
)

Record: TypeAlias = Consent | Ticket | Purchase | Event | Contact | Reservation | Kill
Column: TypeAlias = Sequence[Any]

_KILL = "kill"
_KILLS_KEPT = 1024
_CONTACTS = "contacts"
_NEWEST_FIRST: Callable[[Any], int] = attrgetter("at_ms")
_TEXT, _TEXTS, _FLAG = frozenset({str}), frozenset({tuple}), frozenset({bool})
_TIME, _TIME_IF_ANY = frozenset({int}), frozenset({int, type(None)})
_DECISION: frozenset[type] = frozenset()
_SHARED = (_TEXT, _TEXTS, _FLAG)


@dataclass(frozen=True, slots=True)
class _Layout:
    """A record, and its fields in order, each with the types that its value may have.

    `shared` are those that many records have in common, `own` the others; `texts_only` where the shared
    ones are all texts. `in_order` brings a row of shared and then own fields into the record's order.
    """

    record: type[Record]
    fields: Mapping[str, frozenset[type]]
    shared: tuple[str, ...]
    own: tuple[str, ...]
    own_types: tuple[frozenset[type], ...]
    texts_only: bool
    shared_of: Callable[[Any], tuple[Any, ...]]
    own_of: Callable[[Any], tuple[Any, ...]]
    in_order: Callable[[Sequence[Any]], tuple[Any, ...]]

    @classmethod
    def of(cls, record: type[Record], fields: Mapping[str, frozenset[type]]) -> "_Layout":
        shared = tuple(name for name, types in fields.items() if types in _SHARED)
        own = tuple(name for name in fields if name not in shared)
        places = [(shared + own).index(name) for name in fields]
        texts_only = all(fields[name] is _TEXT for name in shared)
        return cls(
            record,
            fields,
            shared,
            own,
            tuple(fields[name] for name in own),
            texts_only,
            attrgetter(*shared),
            attrgetter(*own),
            itemgetter(*places),
        )


_LAYOUTS: Mapping[str, _Layout] = MappingProxyType(
    {
        "consents": _Layout.of(
            Consent,
            {"granted": _FLAG, "at_ms": _TIME, "channel": _TEXT, "purpose": _TEXT}
            | {"expires_at_ms": _TIME_IF_ANY},
        ),
        "tickets": _Layout.of(
            Ticket,
            {"id": _TEXT, "kind": _TEXT, "severity": _TEXT, "products": _TEXTS, "categories": _TEXTS}
            | {"opened_at_ms": _TIME_IF_ANY, "closed_at_ms": _TIME_IF_ANY, "updated_at_ms": _TIME_IF_ANY},
        ),
        "purchases": _Layout.of(
            Purchase,
            {"product": _TEXT, "category": _TEXT, "channel": _TEXT}
            | {"at_ms": _TIME_IF_ANY, "ended_at_ms": _TIME_IF_ANY},
        ),
        "events": _Layout.of(
            Event,
            {"type": _TEXT, "subject": _TEXT, "severity": _TEXT, "channel": _TEXT}
            | {"products": _TEXTS, "categories": _TEXTS}
            | {"at_ms": _TIME_IF_ANY, "ended_at_ms": _TIME_IF_ANY},
        ),
        _CONTACTS: _Layout.of(
            Contact,
            {"action": _TEXT, "outcome": _TEXT, "at_ms": _TIME, "channel": _TEXT, "brand": _TEXT}
            | {"type": _TEXT, "issue": _TEXT, "group": _TEXT, "decision": _DECISION},
        ),
        "reservations": _Layout.of(
            Reservation,
            {"action": _TEXT, "decision": _DECISION, "at_ms": _TIME, "until_ms": _TIME}
            | {"channel": _TEXT, "brand": _TEXT, "type": _TEXT, "issue": _TEXT, "group": _TEXT},
        ),
        _KILL: _Layout.of(
            Kill, {"reason": _TEXT, "since_ms": _TIME, "until_ms": _TIME_IF_ANY, "caller": _TEXT}
        ),
    }
)


def encode_records(part: str, records: Iterable[Record]) -> bytes:
    """Return the bytes of a part that is a list of records; contacts come into the order newest first."""
    layout = _LAYOUTS[part]
    rows = sorted(records, key=_NEWEST_FIRST, reverse=True) if part == _CONTACTS else [*records]
    combinations: dict[tuple[Any, ...], int] = {}
    values: dict[object, int] = {}
    places = [combinations.setdefault(it, len(combinations)) for it in map(layout.shared_of, rows)]
    numbers = [values.setdefault(it, len(values)) for it in chain.from_iterable(combinations)]
    columns = [*zip(*map(layout.own_of, rows), strict=True)] if rows else [()] * len(layout.own)
    content = [
        [*values],
        packed_numbers(numbers, len(values)),
        None if len(combinations) == len(rows) else packed_numbers(places, len(combinations)),
        *map(_packed, layout.own_types, columns),
    ]
    return pack(part, content)


def decode_records(part: str, blob: bytes) -> tuple[Any, ...]:
    """Read a part back that is a list of records.

    Raises:
        CodecError: the bytes are not this part by this codec.
    """
    content, layout = unpack(part, blob, tuple), _LAYOUTS[part]
    try:
        rows = _rows(layout, *content)
        return tuple(map(partial(tuple.__new__, layout.record), map(layout.in_order, rows)))
    except FOREIGN as error:
        raise foreign(part) from error


def encode_kill(kill: Kill) -> bytes:
    """Return the bytes of an operator's kill."""
    return encode_records(_KILL, [kill])


@lru_cache(maxsize=_KILLS_KEPT)
def decode_kill(blob: bytes) -> Kill:
    """Read a kill back. Every decision reads the same few again, so they are kept.

    Raises:
        CodecError: the bytes are not a kill by this codec.
    """
    kills = decode_records(_KILL, blob)
    if len(kills) != 1:
        raise foreign(_KILL)
    return cast(Kill, kills[0])


def _rows(layout: _Layout, values: Packed, numbers: Packed, places: Packed, *own: Packed) -> Iterable[Any]:
    """Return the rows of shared and then own fields: whole rows at a time, which is faster than columns."""
    width = len(layout.shared)
    cells = [*map(values.__getitem__, unpacked_numbers(numbers, len(values)))]
    if layout.texts_only:
        _check(_TEXT, values)
    else:
        for start, name in enumerate(layout.shared):
            _check(layout.fields[name], cells[start::width])
    combinations = [*zip(*[iter(cells)] * width, strict=True)]
    if places is not None:
        combinations = [*map(combinations.__getitem__, unpacked_numbers(places, len(combinations)))]
    columns = [
        _unpacked(layout.fields[name], packed, len(combinations))
        for name, packed in zip(layout.own, own, strict=True)
    ]
    return map(add, combinations, zip(*columns, strict=True))


def _packed(types: frozenset[type], column: Column) -> Packed:
    return packed_decisions(column) if types is _DECISION else packed_times(column)


def _unpacked(types: frozenset[type], packed: Packed, size: int) -> Column:
    column = unpacked_decisions(packed) if types is _DECISION else unpacked_times(packed, size)
    if len(column) != size:
        raise ValueError
    if types is not _DECISION:
        _check(types, column)
    return column


def _check(types: frozenset[type], column: Column) -> None:
    """Let only those values pass that may stand in the column."""
    if not types.issuperset(map(type, column)):
        raise TypeError
    if types is _TEXTS and not _TEXT.issuperset(map(type, chain.from_iterable(column))):
        raise TypeError
