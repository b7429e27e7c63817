"""What a reading of persons finds: whose hash the asked refs lead to, and what belongs to that person."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias

from nextbest_service.store import keys
from nextbest_service.store.codec import CodecError
from nextbest_service.store.keys import REF_BYTES, KeyRing, Ref
from nextbest_service.store.member_codec import decode_members

Fields: TypeAlias = Mapping[bytes, bytes]
"""A hash as it is stored."""
NOTHING: Mapping[bytes, Any] = MappingProxyType({})

_WAYS = frozenset({keys.POINTER, keys.LEFT, keys.FORWARD})
MOST_HOPS = 8
"""How many pointers in a row are followed; links shorten what they can."""


class Ask(NamedTuple):
    """Whose state is wanted. With a request id, the answer that is remembered for it, too."""

    refs: tuple[Ref, ...]
    request_id: str = ""
    erased: bool = False


class Found(NamedTuple):
    """What is stored of the person behind some refs; the first known one counts.

    `fields` are those of the head's hash, as they are; none where nobody is known. A pointer among them leads
    to somebody who was erased before the head could join them. `loose` are pointers that
    still carry a person, because a link is under way: it belongs to this one. `unknown` are the asked refs
    that nobody lists; `dangling` has the hashes of those that are something all the same. `answer` is what
    is remembered for the request id. `erased_ms` is when the first ref was erased, where that was asked.
    """

    refs: tuple[Ref, ...]
    head: Ref | None = None
    fields: Fields = NOTHING
    loose: tuple[tuple[Ref, Fields], ...] = ()
    unknown: tuple[Ref, ...] = ()
    dangling: Mapping[Ref, Fields] = NOTHING
    answer: bytes | None = None
    erased_ms: int | None = None


class Answers(NamedTuple):
    """What one reading brought. `now_ms` is the service's time, `store_ms` the store's."""

    now_ms: int
    store_ms: int
    found: tuple[Found, ...]
    more: tuple[Any, ...]


def find(ask: Ask, stored: Mapping[Ref, Fields], extras: Iterator[Any], ring: KeyRing) -> Found:
    """Return what an ask finds in the hashes that were read; `extras` has the results of its own commands."""
    answers = [next(extras) for _ in range(2 * len(ask.refs))] if ask.request_id else []
    answer = next((it for it in answers if it is not None), None)
    erased = next(extras) if ask.erased else None
    if not any(stored[ref] for ref in ask.refs) and not ask.erased:
        return Found(ask.refs, unknown=ask.refs, answer=answer)  # the usual case where many are new
    only = ask.refs[0]
    if len(ask.refs) == 1 and is_at_home(stored[only]):  # the usual case of somebody known
        return Found(ask.refs, only, stored[only], answer=answer, erased_ms=_time(erased))
    hashes = _Hashes(stored, ring)
    owners = {ref: hashes.owner(ref) for ref in ask.refs}
    head = next((one.head for one in owners.values() if one.head is not None), None)
    way = {one for ref in ask.refs if owners[ref].head == head for one in hashes.way(ref)} if head else set()
    unknown = tuple(ref for ref, one in owners.items() if not one.listed and one.head in (None, head))
    return Found(
        refs=ask.refs,
        head=head,
        fields=stored[head] if head else {},
        loose=tuple(
            (it, stored[it]) for it in sorted(way - {head}) if is_loose(stored[it]) and hashes.end(it) == head
        ),
        unknown=unknown,
        dangling={ref: stored[ref] for ref in unknown if keys.VERSION in stored[ref]},
        answer=answer,
        erased_ms=_time(erased),
    )


def links(fields: Fields) -> list[Ref]:
    """Return where a hash leads."""
    if _WAYS.isdisjoint(fields):
        return []
    forward = fields.get(keys.FORWARD, b"")
    return [
        *(fields[name] for name in (keys.POINTER, keys.LEFT) if name in fields),
        *(forward[start : start + REF_BYTES] for start in range(0, len(forward), REF_BYTES)),
    ]


def is_loose(fields: Fields) -> bool:
    """Tell whether a hash is a pointer that still carries a person."""
    return keys.POINTER in fields and keys.IDENTITIES in fields


def is_at_home(fields: Fields) -> bool:
    """Tell whether a hash holds a person and leads nowhere: then the person lists whoever it is asked for."""
    return keys.VERSION in fields and keys.IDENTITIES in fields and _WAYS.isdisjoint(fields)


def _time(erased: bytes | None) -> int | None:
    return None if erased is None else int(erased)


class _Owner(NamedTuple):
    """The head of the person that a ref belongs to, None for nobody, and whether the person lists it."""

    head: Ref | None
    listed: bool


@dataclass(frozen=True, slots=True)
class _Hashes:
    """The hashes that a reading brought, those that they lead to included."""

    stored: Mapping[Ref, Fields]
    ring: KeyRing

    def owner(self, ref: Ref) -> "_Owner":
        """Return the person that a ref belongs to.

        That is the last person on the way who lists it: what somebody carries who is to leave holds only once
        the person there does not list it. A pointer to a person who does not list it yet claims it for that
        person; whoever adds it writes the pointer first, so that a claim read too late does no harm.
        """
        listing = [one for one in self.way(ref) if self._lists(one, ref)]
        if listing:
            return _Owner(self.end(listing[-1]), listed=True)
        return _Owner(self.end(ref) if keys.POINTER in self.stored.get(ref, {}) else None, listed=False)

    def way(self, ref: Ref) -> list[Ref]:
        """Return the refs that one leads to, itself the first."""
        way = [ref]
        for one in way:
            way += [it for it in links(self.stored.get(one, {})) if it not in way]
        return [one for one in way if keys.VERSION in self.stored.get(one, {})]

    def end(self, one: Ref) -> Ref | None:
        """Return the head of a person, or of the one who takes over what a pointer carries.

        Where that one is gone, for it was erased meanwhile, whoever carries is a head as before.
        """
        end, carrying = one, None
        for _ in range(MOST_HOPS):
            fields = self.stored.get(end, {})
            carrying = end if keys.IDENTITIES in fields else carrying
            end = fields.get(keys.POINTER, end)
        fields = self.stored.get(end, {})
        if keys.VERSION not in fields:
            return carrying
        if keys.POINTER in fields:
            return None
        return end if end == one else self.owner(end).head

    def _lists(self, one: Ref, ref: Ref) -> bool:
        fields = self.stored[one]
        if keys.IDENTITIES not in fields:
            return False
        if one == ref and not links(fields):
            return True  # the usual case
        try:
            return any(member.ref == ref for member in decode_members(fields[keys.IDENTITIES], self.ring))
        except CodecError:
            return True  # nothing can be told, and nothing must be written over
