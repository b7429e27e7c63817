"""How consents, tickets, purchases, events and contacts look as bytes: each part is one list of bare rows.

A row holds the fields of its record in the record's own order. Names would make twice the bytes, and
a contact history is read with almost every decision (benchmarks/micro/codec.py).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, starmap
from operator import attrgetter
from types import MappingProxyType
from typing import Any, TypeAlias, cast

from nextbest_rules.records import Consent, Contact, Event, Kill, Purchase, Ticket
from nextbest_service.store.codec import CodecError, seal, unseal

Record: TypeAlias = Consent | Ticket | Purchase | Event | Contact | Kill

_KILL = "kill"
_KILLS_KEPT = 1024
_TEXT, _TEXTS = frozenset({str}), frozenset({tuple})
_FLAG = frozenset({bool})
_TIME, _TIME_IF_ANY = frozenset({int}), frozenset({int, type(None)})


@dataclass(frozen=True, slots=True)
class _Layout:
    """The record that a row makes, and its fields in order, each with the types that its value may have."""

    record: type[Record]
    fields: Mapping[str, frozenset[type]]


_LAYOUTS: Mapping[str, _Layout] = MappingProxyType(
    {
        "consents": _Layout(
            Consent,
            {"granted": _FLAG, "at_ms": _TIME, "channel": _TEXT, "purpose": _TEXT}
            | {"expires_at_ms": _TIME_IF_ANY},
        ),
        "tickets": _Layout(
            Ticket,
            {"id": _TEXT, "kind": _TEXT, "severity": _TEXT, "products": _TEXTS, "categories": _TEXTS}
            | {"opened_at_ms": _TIME_IF_ANY, "closed_at_ms": _TIME_IF_ANY},
        ),
        "purchases": _Layout(
            Purchase,
            {"product": _TEXT, "category": _TEXT, "channel": _TEXT}
            | {"at_ms": _TIME_IF_ANY, "ended_at_ms": _TIME_IF_ANY},
        ),
        "events": _Layout(
            Event,
            {"type": _TEXT, "subject": _TEXT, "severity": _TEXT, "channel": _TEXT}
            | {"products": _TEXTS, "categories": _TEXTS}
            | {"at_ms": _TIME_IF_ANY, "ended_at_ms": _TIME_IF_ANY},
        ),
        "contacts": _Layout(
            Contact,
            {"action": _TEXT, "outcome": _TEXT, "at_ms": _TIME, "channel": _TEXT, "brand": _TEXT}
            | {"type": _TEXT, "issue": _TEXT, "group": _TEXT, "decision": _TEXT},
        ),
        _KILL: _Layout(Kill, {"reason": _TEXT, "since_ms": _TIME, "until_ms": _TIME_IF_ANY, "caller": _TEXT}),
    }
)


def encode_records(part: str, records: Iterable[Record]) -> bytes:
    """Return the bytes of a part that is a list of records; contacts come into the order newest first."""
    if part == "contacts":
        records = sorted(records, key=attrgetter("at_ms"), reverse=True)
    return seal([part, [*map(attrgetter(*_LAYOUTS[part].fields), records)]])


def decode_records(part: str, blob: bytes) -> tuple[Any, ...]:
    """Read a part back that is a list of records.

    Raises:
        CodecError: the bytes are not this part by this codec.
    """
    (rows,) = unseal(blob, part, tuple, use_list=False)
    layout = _LAYOUTS[part]
    if rows and not _fit(rows, [*layout.fields.values()]):
        raise CodecError(f"stored {part} are something else")
    return tuple(starmap(layout.record, rows))


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
        raise CodecError("a stored kill is something else")
    return cast(Kill, kills[0])


def _fit(rows: Sequence[Iterable[object]], types: Sequence[frozenset[type]]) -> bool:
    """Tell whether every row has the fields of its record: column by column, which is fast."""
    try:
        columns = [*zip(*rows, strict=True)]
    except (TypeError, ValueError):
        return False
    return len(columns) == len(types) and all(map(_column_fits, columns, types))


def _column_fits(column: Sequence[Any], types: frozenset[type]) -> bool:
    if not types.issuperset(map(type, column)):
        return False
    return types is not _TEXTS or _TEXT.issuperset(map(type, chain.from_iterable(column)))
