"""What a reading of persons finds: whose hash the asked refs lead to, and what belongs to that person."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from nextbest_service.store import keys
from nextbest_service.store.codec import CodecError
from nextbest_service.store.keys import REF_BYTES, KeyRing, Ref
from nextbest_service.store.member_codec import decode_members

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
    that lead to nobody; `dangling` has the hashes of those that are something all the same. `answer` is what
    is remembered for the request id. `erased_ms` is when the first ref was erased, where that was asked.
    """

    refs: tuple[Ref, ...]
    head: Ref | None = None
    fields: Fields = field(default_factory=dict)
    loose: tuple[tuple[Ref, Fields], ...] = ()
    unknown: tuple[Ref, ...] = ()
    dangling: Mapping[Ref, Fields] = field(default_factory=dict)
    answer: bytes | None = None
    erased_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Answers:
    """What one reading brought. `now_ms` is the service's time, `store_ms` the store's."""

    now_ms: int
    store_ms: int
    found: tuple[Found, ...]
    more: tuple[Any, ...]


def find(ask: Ask, stored: Mapping[Ref, Fields], extras: Iterator[Any], ring: KeyRing) -> Found:
    """Return what an ask finds in the hashes that were read; `extras` has the results of its own commands."""
    answers = [next(extras) for _ in range(2 * len(ask.refs))] if ask.request_id else []
    erased = next(extras) if ask.erased else None
    hashes = _Hashes(stored, ring)
    heads = {ref: hashes.head(ref) for ref in ask.refs}
    head = next((one for one in heads.values() if one is not None), None)
    way = {one for ref in ask.refs if heads[ref] == head for one in hashes.way(ref)} if head else set()
    unknown = tuple(ref for ref, one in heads.items() if one is None)
    return Found(
        refs=ask.refs,
        head=head,
        fields=stored[head] if head else {},
        loose=tuple((one, stored[one]) for one in sorted(way) if is_loose(stored[one])),
        unknown=unknown,
        dangling={ref: stored[ref] for ref in unknown if keys.VERSION in stored[ref]},
        answer=next((answer for answer in answers if answer is not None), None),
        erased_ms=None if erased is None else int(erased),
    )


def links(fields: Fields) -> list[Ref]:
    """Return where a hash leads."""
    forward = fields.get(keys.FORWARD, b"")
    return [
        *(fields[name] for name in (keys.POINTER, keys.LEFT) if name in fields),
        *(forward[start : start + REF_BYTES] for start in range(0, len(forward), REF_BYTES)),
    ]


def is_loose(fields: Fields) -> bool:
    """Tell whether a hash is a pointer that still carries a person."""
    return keys.POINTER in fields and keys.IDENTITIES in fields


@dataclass(frozen=True, slots=True)
class _Hashes:
    """The hashes that a reading brought, those that they lead to included."""

    stored: Mapping[Ref, Fields]
    ring: KeyRing

    def head(self, ref: Ref) -> Ref | None:
        """Return the head of the person that a ref belongs to, None where it leads to nobody.

        That is the last person on the way who lists it: what somebody carries who is about to leave holds only
        once the person there does not list it. Only, two persons may have claimed a new name at the same
        moment: then nothing ever comes in under it in one of them, who does not count. Where nobody lists a
        ref, what stands there is a leftover of an erasure, or was read between two writes; in the second case
        writing over it fails, and the next reading sees what came of it.
        """
        listing = [(one, place) for one in self.way(ref) if (place := self._place(one, ref)) is not None]
        filled = [one for one, place in listing if _is_filled(self.stored[one], place)]
        if not listing:
            return None
        return self._end(filled[-1] if filled else listing[-1][0])

    def way(self, ref: Ref) -> list[Ref]:
        """Return the refs that one leads to, itself the first."""
        way = [ref]
        for one in way:
            way += [it for it in links(self.stored.get(one, {})) if it not in way]
        return [one for one in way if keys.VERSION in self.stored.get(one, {})]

    def _end(self, one: Ref) -> Ref | None:
        """Return the head of a person, or of the one who takes over what a pointer carries."""
        end = one
        for _ in range(MOST_HOPS):
            end = self.stored.get(end, {}).get(keys.POINTER, end)
        fields = self.stored.get(end, {})
        if keys.POINTER in fields or keys.VERSION not in fields:
            return None
        return end if end == one else self.head(end)

    def _place(self, one: Ref, ref: Ref) -> int | None:
        """Return the place of a ref among the members of a person, None where it is none."""
        fields = self.stored[one]
        if keys.IDENTITIES not in fields:
            return None
        if one == ref and not links(fields):
            return 0  # the usual case
        try:
            members = decode_members(fields[keys.IDENTITIES], self.ring)
        except CodecError:
            return 0  # nothing can be told, and nothing must be written over
        return next((place for place, member in enumerate(members) if member.ref == ref), None)


def _is_filled(fields: Fields, place: int) -> bool:
    """Tell whether anything came in under a member."""
    suffix = b"%d" % place if place else b""
    return any(letter + suffix in fields for letter in keys.PORTION_FIELDS)
