"""How a person looks as the fields of one hash: one field for each part of each portion."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from nextbest_service.customers.person import Member, Person
from nextbest_service.customers.portion import EMPTY, Portion
from nextbest_service.store import keys
from nextbest_service.store.codec import CodecError
from nextbest_service.store.fact_codec import NO_FACTS, Facts, decode_facts, encode_facts
from nextbest_service.store.feature_codec import FeatureCodec, UnknownSchemaError
from nextbest_service.store.found import Fields
from nextbest_service.store.keys import Identity, KeyRing, Ref
from nextbest_service.store.member_codec import (
    decode_members,
    decode_segments,
    encode_members,
    encode_segments,
)
from nextbest_service.store.record_codec import decode_records, encode_records
from nextbest_service.store.seen_codec import decode_seen, encode_seen

__all__ = ["Changes", "PersonCodec", "UnknownSchemaError"]

RESERVATIONS = "reservations"
LISTS: Mapping[str, bytes] = MappingProxyType({**keys.RECORD_FIELDS, RESERVATIONS: keys.RESERVATIONS})


@dataclass(frozen=True, slots=True)
class Changes:
    """What to write into a hash: fields to set, and fields to delete. Never the version."""

    set: Mapping[bytes, bytes]
    delete: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class PersonCodec:
    """Writes and reads persons under one generation's features."""

    ring: KeyRing
    features: FeatureCodec

    def learn(self, schema: bytes) -> None:
        """Make features that were written under one more schema readable.

        Raises:
            CodecError: the bytes are no schema.
        """
        self.features.learn(schema)

    def decode(self, head: Ref, fields: Fields) -> Person:
        """Return the person that the hash at `head` holds.

        Raises:
            UnknownSchemaError: learn the schema and try again.
            CodecError: a part is damaged, or the person is another one's.
        """
        members = self.members(head, fields)
        segments = fields.get(keys.SEGMENTS)
        return Person(
            tuple(
                member._replace(portion=self.portion(fields, index)) for index, member in enumerate(members)
            ),
            fields.get(keys.VERSION, b""),
            {} if segments is None else decode_segments(segments),
        )

    def members(self, head: Ref, fields: Fields) -> tuple[Member, ...]:
        """Return the members of the person at `head`, without what came in under them.

        Raises:
            CodecError: they are damaged, or those of another person.
        """
        blob = fields.get(keys.IDENTITIES)
        if blob is None:
            raise CodecError("stored identities are missing")
        members = decode_members(blob, self.ring)
        if members[0].ref != head:
            raise CodecError("stored identities are those of another person")
        return members

    def portion(self, fields: Fields, index: int) -> Portion:
        """Return what is stored of one member, by its place among the members.

        Raises:
            UnknownSchemaError: learn the schema and try again.
            CodecError: a part is damaged.
        """
        suffix = _suffix(index)
        facts, seen = fields.get(keys.FACTS + suffix), fields.get(keys.SEEN + suffix)
        values, as_of = NO_FACTS if facts is None else decode_facts(facts)
        lists: dict[str, Any] = {
            part: decode_records(part, blob)
            for part, letter in LISTS.items()
            if (blob := fields.get(letter + suffix)) is not None
        }
        return Portion(
            facts=values,
            facts_as_of=as_of,
            seen=() if seen is None else decode_seen(seen),
            features=self.features.decode(
                fields.get(keys.FEATURES + suffix), fields.get(keys.COUNTERS + suffix)
            ),
            **lists,
        )

    def changes(self, before: Person | None, after: Person) -> Changes:
        """Return what makes one person stand where another does; `before` None is where nobody does."""
        stored = before.members if before else ()
        changed: dict[bytes, bytes | None] = {}
        for index in range(max(len(stored), len(after.members))):
            old, new = _portion(stored, index), _portion(after.members, index)
            if old is not new:
                changed.update((part + _suffix(index), blob) for part, blob in self._changed(old, new))
        if [*map(_named, stored)] != [*map(_named, after.members)]:
            changed[keys.IDENTITIES] = encode_members(after.members)
        if after.segments != (before.segments if before else {}):
            changed[keys.SEGMENTS] = encode_segments(after.segments) if after.segments else None
        return Changes(
            {field: blob for field, blob in changed.items() if blob is not None},
            tuple(field for field, blob in changed.items() if blob is None),
        )

    def portion_fields(self, portion: Portion, index: int) -> dict[bytes, bytes]:
        """Return the fields of a portion, by the place of its member."""
        suffix = _suffix(index)
        parts = self._changed(EMPTY, portion)
        return {part + suffix: blob for part, blob in parts if blob is not None}

    def _changed(self, old: Portion, new: Portion) -> Iterator[tuple[bytes, bytes | None]]:
        """Yield the parts in which two portions differ, as in the new one; None where nothing is left."""
        facts = Facts(new.facts, new.facts_as_of)
        if not _same(old.facts, new.facts) or not _same(old.facts_as_of, new.facts_as_of):
            yield keys.FACTS, None if facts == NO_FACTS else encode_facts(facts)
        for part, letter in LISTS.items():
            records = getattr(new, part)
            if not _same(getattr(old, part), records):
                yield letter, encode_records(part, records) if records else None
        if not _same(old.seen, new.seen):
            yield keys.SEEN, encode_seen(new.seen) if new.seen else None
        if old.features is not new.features:
            yield from self._features(old, new)

    def _features(self, old: Portion, new: Portion) -> Iterator[tuple[bytes, bytes | None]]:
        features, counters = (None, None) if new.features is None else self.features.encode(new.features)
        yield keys.FEATURES, features
        if counters is not None or old.features is not None:
            yield keys.COUNTERS, counters


def suffixes(fields: Fields) -> list[bytes]:
    """Return what the fields of each stored portion end with: nothing for the head's."""
    if max(map(len, fields), default=1) == 1:
        return [b""]  # the usual case
    return sorted({b"", *(name[1:] for name in fields if len(name) > 1)})


def _suffix(index: int) -> bytes:
    return b"%d" % index if index else b""


def _portion(members: Sequence[Member], index: int) -> Portion:
    return members[index].portion if index < len(members) else EMPTY


def _named(member: Member) -> tuple[Ref, Identity | None, int, str]:
    return member.ref, member.identity, member.since_ms, member.source


def _same(old: object, new: object) -> bool:
    return old is new or old == new
