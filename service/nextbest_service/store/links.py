"""Links, unlinks and erases persons: several hashes, each written in one step, in an order that loses nobody.

A link first turns the weaker person's hash into a pointer that still carries the person (so nobody writes to
it any more), then writes what it carries to the stronger one, then leaves of it only the pointer. Whoever
meets a pointer that still carries somebody counts it as part of the person, and whoever writes finishes the
link. An unlink goes the same way back. Pointers lead from weaker to stronger names only, so they never run in
circles, whoever links what at the same time.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from nextbest_service.store.person_codec import Changes

from nextbest_service.customers.linking import parted
from nextbest_service.customers.person import Member, Person
from nextbest_service.errors import ServiceError
from nextbest_service.store import keys
from nextbest_service.store.found import Ask, Fields, Found
from nextbest_service.store.keys import Identity, Ref, answer_keys
from nextbest_service.store.people import (
    CHANGED,
    MOST_ROUNDS,
    BusyError,
    People,
    StateUnreadableError,
    Stored,
)
from nextbest_service.store.person_hashes import Write, fresh_version
from nextbest_service.store.updates import Update


@dataclass(frozen=True, slots=True)
class Linked:
    """The person after a link, and whether two customers became one."""

    merged: bool
    person: Person


@dataclass(frozen=True, slots=True)
class Erased:
    """Who was erased: all refs of the person, and the person where the state could be read."""

    refs: tuple[Ref, ...]
    person: Person | None


@dataclass(frozen=True, slots=True)
class Links:
    """Changes which names are one person's."""

    people: People

    async def link(self, identities: Sequence[Identity], source: str, at_ms: int | None) -> Linked:
        """Make one person of everybody behind some names. `at_ms` None is now.

        Raises:
            InvalidRequestError: they cannot be one person.
            StoreUnavailableError: the store did not answer; repeating the call ends what it began.
            StateUnreadableError: somebody's stored state is damaged.
        """
        who = self.people.naming.who(identities)

        def introduced(person: Person, now_ms: int) -> tuple[Person, Person]:
            after = _linked(person, who.refs, source, now_ms if at_ms is None else at_ms)
            return after, after

        merged = False
        for _ in range(MOST_ROUNDS):
            heads = await self._heads(who.refs)
            if len(heads) <= 1:
                update = Update(who.refs, who.names, introduced)
                (result,) = await self.people.update([update])
                if isinstance(result, ServiceError):
                    raise result
                return Linked(merged, result)
            merged = True
            await self._freeze(heads)
        raise BusyError("others kept changing these customers; try again")

    async def unlink(self, identities: Sequence[Identity]) -> tuple[Identity, ...]:
        """Make each of some names of one person a customer of its own, and return those that were not yet.

        Raises:
            StoreUnavailableError: the store did not answer; repeating the call ends what it began.
            StateUnreadableError: the stored state is damaged.
        """
        who = self.people.naming.who(identities)
        unlinked = []
        for ref, name in zip(who.refs, who.names, strict=True):
            if await self._part(ref):
                unlinked.append(name)
        return tuple(unlinked)

    async def erase(self, identity: Identity, remember_ms: int) -> Erased | None:
        """Erase the person behind a name, and return who it was; None where nobody is known.

        For `remember_ms`, outcomes of earlier decisions are refused instead of bringing the person back.

        Raises:
            StoreUnavailableError: the store did not answer; repeating the call ends what it began.
        """
        (asked,) = self.people.naming.who([identity]).refs
        for _ in range(MOST_ROUNDS):
            answers = await self.people.read([Ask((asked,))])
            (found,) = answers.found
            if found.head is None:
                await self._forget([asked])
                return None
            person = await self._readable(found)
            members = () if person is None else tuple(member.ref for member in person.members)
            refs = tuple(dict.fromkeys((found.head, asked, *members, *(ref for ref, _ in found.loose))))
            await self._bury(refs, answers.now_ms, remember_ms)
            gone = Write(found.head, found.fields[keys.VERSION], fresh_version(answers.now_ms), None)
            if await self._sent([gone]):
                await self._forget(refs)
                return Erased(refs, person)
        raise BusyError("others kept changing this customer; try again")

    async def _sent(self, writes: Sequence[Write]) -> bool:
        """Write, and tell whether nobody came between any of them."""
        return CHANGED not in await self.people.hashes.send(writes)

    async def _readable(self, found: Found) -> Person | None:
        try:
            stored = await self.people.decoded(found)
        except StateUnreadableError:  # what is damaged must go, too
            return None
        return stored.whole if stored else None

    async def _bury(self, refs: Sequence[Ref], now_ms: int, remember_ms: int) -> None:
        """Set tombstones: before the person goes, so that no late outcome slips in between."""
        ring = self.people.naming.ring
        await self.people.hashes.store.run(
            [("SET", ring.tombstone_key(ref), now_ms, "PX", remember_ms) for ref in refs]
        )

    async def _forget(self, refs: Sequence[Ref]) -> None:
        """Remove what else is stored under some refs: remembered answers, and pointers if they still are."""
        hashes = await self.people.hashes.hashes(refs)
        pointers = [
            Write(ref, fields[keys.VERSION], fresh_version(0), None)
            for ref, fields in zip(refs, hashes, strict=True)
            if keys.POINTER in fields
        ]
        await self._sent(pointers)
        answers = [("UNLINK", name) for ref in refs for name in answer_keys(ref)]
        await self.people.hashes.store.run(answers)

    async def _heads(self, refs: Sequence[Ref]) -> list[Stored]:
        """Return the persons behind some refs, the strongest first."""
        answers = await self.people.read([Ask((ref,)) for ref in refs])
        found = {one.head: one for one in answers.found if one.head is not None}
        stored = [await self.people.decoded(one) for one in found.values()]
        return sorted((one for one in stored if one is not None), key=self._strength)

    def _strength(self, stored: Stored) -> tuple[int, Ref]:
        head = stored.whole.members[0]
        return self.people.naming.rank(head.identity), head.ref

    async def _freeze(self, heads: Sequence[Stored]) -> None:
        """Turn all but the strongest into pointers that still carry the person."""
        strongest, *others = heads
        person = strongest.whole
        for other in others:
            person = self.people.linking.joined(person, other.whole)  # raises before anything is written
        pointer = Changes({keys.POINTER: strongest.whole.head}, ())
        await self._sent(
            [Write(other.whole.head, other.version, fresh_version(0), pointer) for other in others]
        )

    async def _part(self, ref: Ref) -> bool:
        """Make one name a customer of its own, and tell whether it was not."""
        for _ in range(MOST_ROUNDS):
            answers = await self.people.read([Ask((ref,))])
            (found,) = answers.found
            stored = await self.people.decoded(found)
            if stored is None or len(stored.whole.members) == 1:
                return False
            person = stored.whole
            leaving = {ref} if ref != person.head else {member.ref for member in person.members} - {ref}
            if await self._split(stored, leaving, answers.now_ms):
                return True
        raise BusyError("others kept changing this customer; try again")

    async def _split(self, stored: Stored, leaving: set[Ref], now_ms: int) -> bool:
        """Move some members, none of them the head, to a hash of their own; False if anybody came between."""
        staying, gone = parted(stored.whole, leaving)
        gone = tuple(sorted(gone, key=lambda it: (self.people.naming.rank(it.identity), it.ref)))
        hashes = await self.people.hashes.hashes([member.ref for member in gone])
        carried = Person(gone)
        pointers = [
            self._carrying(carried, hashes[0], stored.whole.head),
            *(
                Write(
                    member.ref,
                    fields.get(keys.VERSION, b""),
                    fresh_version(now_ms),
                    _only(fields, carried.head),
                )
                for member, fields in zip(gone[1:], hashes[1:], strict=True)
            ),
        ]
        if not await self._sent(pointers):
            return False
        if not await self._sent([self.people.write(stored, staying, now_ms)]):
            return False
        free = Write(carried.head, pointers[0].written, fresh_version(now_ms), Changes({}, (keys.POINTER,)))
        return await self._sent([free])

    def _carrying(self, carried: Person, fields: Fields, head: Ref) -> Write:
        """Return the write that makes a hash a pointer which carries a person."""
        content = {**self.people.codec.changes(None, carried).set, keys.POINTER: head}
        rest = tuple(name for name in fields if name not in content and name != keys.VERSION)
        return Write(carried.head, fields.get(keys.VERSION, b""), fresh_version(0), Changes(content, rest))


def _only(fields: Fields, head: Ref) -> Changes:
    """Return the changes that make a hash a mere pointer."""
    return Changes(
        {keys.POINTER: head}, tuple(name for name in fields if name not in (keys.VERSION, keys.POINTER))
    )


def _linked(person: Person, refs: Sequence[Ref], source: str, at_ms: int) -> Person:
    """Return the person whose members know who linked them; always another value, so that it is written."""

    def told(member: Member) -> Member:
        if member.ref not in refs or member.ref == person.head or member.source:
            return member
        return replace(member, since_ms=at_ms, source=source)

    return replace(person, members=tuple(map(told, person.members)))
