"""What a reading of persons finds: whose hash the asked refs lead to, and what belongs to that person."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from nextbest_service.store import keys
from nextbest_service.store.keys import Ref

Fields: TypeAlias = Mapping[bytes, bytes]
"""A hash as it is stored."""

MOST_HOPS = 8
"""How many pointers in a row are followed; links shorten what they can."""


@dataclass(frozen=True, slots=True)
class Ask:
    """Whose state is wanted. With a request id, the answer that is remembered for it, too."""

    refs: tuple[Ref, ...]
    request_id: str = ""
    erased: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """What is stored of the person behind some refs; the first known one counts.

    `fields` are those of the head's hash, as they are; none where nobody is known. `loose` are pointers that
    still carry a person, because a link is under way: it belongs to this one. `unknown` are the asked refs
    that lead to nobody; `dangling` has the versions of those that are pointers all the same. `answer` is what
    is remembered for the request id. `erased_ms` is when the first ref was erased, where that was asked.
    """

    refs: tuple[Ref, ...]
    head: Ref | None = None
    fields: Fields = field(default_factory=dict)
    loose: tuple[tuple[Ref, Fields], ...] = ()
    unknown: tuple[Ref, ...] = ()
    dangling: Mapping[Ref, bytes] = field(default_factory=dict)
    answer: bytes | None = None
    erased_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Answers:
    """What one reading brought. `now_ms` is the service's time, `store_ms` the store's."""

    now_ms: int
    store_ms: int
    found: tuple[Found, ...]
    more: tuple[Any, ...]


def find(ask: Ask, stored: Mapping[Ref, Fields], extras: Iterator[Any]) -> Found:
    """Return what an ask finds in the hashes that were read; `extras` has the results of its own commands."""
    answers = [next(extras) for _ in range(2 * len(ask.refs))] if ask.request_id else []
    erased = next(extras) if ask.erased else None
    head: Ref | None = None
    unknown: list[Ref] = []
    loose: dict[Ref, Fields] = {}
    dangling: dict[Ref, bytes] = {}
    for ref in ask.refs:
        path = _path(ref, stored)
        end = path[-1]
        if keys.VERSION not in stored[end] or keys.POINTER in stored[end]:
            unknown.append(ref)
            if keys.VERSION in stored[ref]:
                dangling[ref] = stored[ref][keys.VERSION]
            continue
        head = head or end
        if end == head:
            loose.update((it, stored[it]) for it in path[:-1] if keys.IDENTITIES in stored[it])
    return Found(
        refs=ask.refs,
        head=head,
        fields=stored[head] if head else {},
        loose=tuple(loose.items()),
        unknown=tuple(unknown),
        dangling=dangling,
        answer=next((answer for answer in answers if answer is not None), None),
        erased_ms=None if erased is None else int(erased),
    )


def _path(ref: Ref, stored: Mapping[Ref, Fields]) -> list[Ref]:
    """Return the refs from one to where its pointers end."""
    path = [ref]
    while keys.POINTER in stored[path[-1]] and len(path) <= MOST_HOPS:
        path.append(stored[path[-1]][keys.POINTER])
        if path[-1] not in stored:
            return path[:-1]
    return path
