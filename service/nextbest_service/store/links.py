"""Links, unlinks and erases persons: several hashes, each written in one step, in an order that loses nobody.

A link first turns the weaker person's hash into a pointer that still carries the person (so nobody writes to
it any more), then writes what it carries to the stronger one, then leaves of it only the pointer. Whoever
meets a pointer that still carries somebody counts it as part of the person, and whoever writes finishes the
link. An unlink goes the same way back. Pointers lead from weaker to stronger names only, so they never run in
circles, whoever links what at the same time. An erasure first sees to it that nobody who is parting with a
name can carry it away from a person who is gone.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace

from nextbest_service.customers.linking import parted
from nextbest_service.customers.naming import Who
from nextbest_service.customers.person import Member, Person
from nextbest_service.errors import ServiceError
from nextbest_service.store import keys
from nextbest_service.store.found import Ask, Fields, Found
from nextbest_service.store.keys import REF_BYTES, Identity, Ref, answer_keys
from nextbest_service.store.people import (
    CHANGED,
    MOST_ROUNDS,
    BusyError,
    People,
    StateUnreadableError,
    Stored,
    bare_pointer,
)
from nextbest_service.store.person_codec import Changes
from nextbest_service.store.person_hashes import Write, fresh_version
from nextbest_service.store.updates import Update

LONGEST_PAUSE_SECONDS = 0.05


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
            self._check_all_may_join(person, who)
            first = person.first if person.version else self._weakest(who)
            after = _linked(person, who.refs, first, source, now_ms if at_ms is None else at_ms)
            return after, after

        merged = False
        async for _ in _rounds():
            heads = await self._heads(who.refs)
            if len(heads) > 1:
                merged = True
                await self._freeze(heads)
                continue
            update = Update(who.refs, who.names, introduced)
            (result,) = await self.people.update([update])
            if isinstance(result, ServiceError):
                raise result
            if {member.ref for member in result.members}.issuperset(who.refs):
                return Linked(merged, result)
            # Somebody was born under one of the names since the heads were read.
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
        async for _ in _rounds():
            answers = await self.people.read([Ask((asked,))])
            (found,) = answers.found
            if found.head is None:
                await self._forget({asked: found.dangling.get(asked, {})})
                return None
            person = await self._readable(found)
            members = () if person is None else tuple(member.ref for member in person.members)
            refs = tuple(dict.fromkeys((found.head, asked, *members, *(ref for ref, _ in found.loose))))
            stored = await self.people.decoded(found) if person else None
            if asked in found.unknown:  # a pointer that is old by now, unless nobody has touched it since
                claim = bare_pointer(asked, found.dangling.get(asked, {}), found.head)
                if not await self._sent([claim]):
                    continue
            if stored is not None and not await self._alone(found, stored, answers.now_ms):
                continue
            hashes = dict(zip(refs, await self.people.hashes.hashes(refs), strict=True))
            await self._bury(refs, answers.now_ms, remember_ms)
            gone = Write(found.head, found.fields[keys.VERSION], fresh_version(answers.now_ms), None)
            if await self._sent([gone]):
                await self._forget(hashes)
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

    async def _alone(self, found: Found, stored: Stored, now_ms: int) -> bool:
        """Tell whether nobody can carry away members of a person while it is erased; else try again.

        Whoever begins to part with members from now on finds the mark, takes it away, and so comes between.
        Who began before fails: the pointers are not any more what they were.
        """
        pointers = await self._prepared(found, stored)
        if not pointers:
            return pointers is not None
        head, version = stored.whole.head, found.fields[keys.VERSION]
        if keys.ERASING not in found.fields:
            mark = Changes({keys.ERASING: b"1"})
            await self._sent([Write(head, version, fresh_version(now_ms), mark)])
            return False
        return await self._sent([bare_pointer(ref, fields, head) for ref, fields in pointers.items()])

    async def _forget(self, hashes: Mapping[Ref, Fields]) -> None:
        """Remove what else is stored under some names of somebody erased: pointers, and remembered answers.

        hashes: what stood there before. Pointers that are others by now are of a new life.
        """
        pointers = (item for item in hashes.items() if keys.POINTER in item[1])
        await self._sent([_emptied(ref, fields) for ref, fields in pointers])
        answers = [("UNLINK", name) for ref in hashes for name in answer_keys(ref)]
        await self.people.hashes.store.run(answers)

    def _check_all_may_join(self, person: Person, who: Who) -> None:
        """Raise an InvalidRequestError if a person cannot have some names."""
        members = {member.ref: member for member in person.members}
        told = (Member(ref, name) for ref, name in zip(who.refs, who.names, strict=True))
        self.people.linking.check([*members.values(), *(it for it in told if it.ref not in members)])

    def _weakest(self, who: Who) -> Ref:
        """Return who came first where nobody was known: a visitor has a cookie before a customer number."""
        ranks = [self.people.naming.rank(name) for name in who.names]
        return who.refs[ranks.index(max(ranks))]

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
        pointer = Changes({keys.POINTER: strongest.whole.head}, (keys.LEFT,))
        await self._sent(
            [Write(other.whole.head, other.version, fresh_version(0), pointer) for other in others]
        )

    async def _part(self, ref: Ref) -> bool:
        """Make one name a customer of its own, and tell whether it was not."""
        async for _ in _rounds():
            answers = await self.people.read([Ask((ref,))])
            (found,) = answers.found
            stored = await self.people.decoded(found)
            if stored is None or len(stored.whole.members) == 1:
                return False
            if keys.ERASING in found.fields:
                stays = Changes({}, (keys.ERASING,))
                version = found.fields[keys.VERSION]
                await self._sent([Write(stored.whole.head, version, fresh_version(answers.now_ms), stays)])
                continue
            leaving = await self._leaving(ref, stored.whole)
            hashes = await self._prepared(found, stored) if leaving else None
            if hashes is None:  # somebody is about to join, or came between
                continue
            if await self._split(stored, {it: hashes[it] for it in leaving}, answers.now_ms):
                return True
        raise BusyError("others kept changing this customer; try again")

    async def _leaving(self, ref: Ref, person: Person) -> set[Ref]:
        """Return the members that must move for one of them to be alone; the head never does."""
        if ref != person.head:
            return {ref} & {member.ref for member in person.members}
        return await self._own(person) - {ref}

    async def _own(self, person: Person) -> set[Ref]:
        """Return the members that lead to a person: all, unless somebody comes between."""
        answers = await self.people.read([Ask((member.ref,)) for member in person.members])
        return {found.refs[0] for found in answers.found if found.head == person.head}

    async def _prepared(self, found: Found, stored: Stored) -> dict[Ref, Fields] | None:
        """Return the hashes of all members but the head, if they are bare pointers to it; None if not.

        Then, what others left half done is done now, and the next try may succeed. A person who parts with
        members must not be on anybody's way to somewhere else.
        """
        head = stored.whole.head
        refs = sorted(member.ref for member in stored.whole.members if member.ref != head)
        hashes = await self.people.hashes.hashes(refs)
        way = found.fields.get(keys.FORWARD, b"")
        busy = way or {keys.LEFT, keys.POINTER} & found.fields.keys() or found.loose
        if not busy and all(_is_bare(fields, head) for fields in hashes):
            return dict(zip(refs, hashes, strict=True))
        unnamed = [ref for ref, fields in zip(refs, hashes, strict=True) if not fields]
        await self._sent([bare_pointer(ref, {}, head) for ref in unnamed])
        await self._lead_on(head, way)
        everybody = [head, *refs]
        await self.people.update(
            [Update((ref,), (None,), lambda person, _: (person, None)) for ref in everybody]
        )
        await self._unload(refs, head)
        return None

    async def _lead_on(self, head: Ref, forward: bytes) -> None:
        """Set the pointers of those right who left a person together, so that nobody has to be led on."""
        if not forward:
            return
        left = [forward[start : start + REF_BYTES] for start in range(0, len(forward), REF_BYTES)]
        for one in left:
            person, _ = await self.people.person(one)
            refs = [member.ref for member in person.members] if person else []
            hashes = await self.people.hashes.hashes(refs)
            pointers = [
                bare_pointer(ref, fields, person.head)
                for ref, fields in zip(refs, hashes, strict=True)
                if person and _is_bare(fields, head)
            ]
            if not await self._sent(pointers):
                return
        (fields,) = await self.people.hashes.hashes([head])
        if fields.get(keys.FORWARD) == forward:
            done = Changes({}, (keys.FORWARD,))
            await self._sent([Write(head, fields[keys.VERSION], fresh_version(0), done)])

    async def _unload(self, refs: Sequence[Ref], head: Ref) -> bool:
        """Make bare pointers of what leads to a person who lists these refs; False if anybody came between.

        What somebody carries who is about to leave would hold as soon as the person parts with them. So the
        person is written first, as it is: whoever is about to part with them has to begin again.
        """
        hashes = await self.people.hashes.hashes(refs)
        answers = await self.people.read([Ask((head,)), *(Ask((ref,)) for ref in refs)])
        version = answers.found[0].fields.get(keys.VERSION, b"")
        if any(found.head != head or found.loose for found in answers.found):
            return False
        full = [
            bare_pointer(ref, fields, head)
            for ref, fields in zip(refs, hashes, strict=True)
            if ref != head and fields and not _is_bare(fields, head)
        ]
        if not full and keys.LEFT not in answers.found[0].fields:
            return True
        again = Write(head, version, fresh_version(answers.now_ms), Changes({}, (keys.LEFT,)))
        return await self._sent([again]) and await self._sent(full)

    async def _split(self, stored: Stored, hashes: Mapping[Ref, Fields], now_ms: int) -> bool:
        """Move some members, none of them the head, to a hash of their own; False if anybody came between.

        Their new head carries them while the old one still lists them. Once it does not, they have left.
        """
        staying, gone = parted(stored.whole, hashes.keys())
        gone = tuple(sorted(gone, key=lambda it: (self.people.naming.rank(it.identity), it.ref)))
        carried = Person(gone)
        carrying = self._carrying(carried, hashes[carried.head], stored.whole.head)
        followers = [bare_pointer(it.ref, hashes[it.ref], carried.head) for it in gone[1:]]
        if not await self._sent([carrying]):
            return False
        parting = self.people.write(stored, staying, now_ms)
        if followers:
            parting = replace(parting, changes=_forwarding(parting.changes, carried.head))
        if not await self._sent([parting]):
            return False
        free = Write(carried.head, carrying.written, fresh_version(now_ms), Changes({}, (keys.LEFT,)))
        await self._sent([free])
        if followers and await self._sent(followers):
            tidy = Write(parting.ref, parting.written, fresh_version(now_ms), Changes({}, (keys.FORWARD,)))
            await self._sent([tidy])
        return True

    def _carrying(self, carried: Person, fields: Fields, head: Ref) -> Write:
        """Return the write that makes a hash carry persons who are about to leave."""
        content = {**self.people.codec.changes(None, carried).set, keys.LEFT: head}
        others = tuple(name for name in fields if name not in content and name != keys.VERSION)
        version = fields.get(keys.VERSION, b"")
        return Write(carried.head, version, fresh_version(0), Changes(content, others))


async def _rounds() -> AsyncIterator[int]:
    """Count the tries, with growing pauses of chance between them, so that rivals come out of step."""
    for attempt in range(MOST_ROUNDS):
        yield attempt
        await asyncio.sleep(random.uniform(0.0, min(attempt, 10) * LONGEST_PAUSE_SECONDS / 10))  # noqa: S311


def _emptied(ref: Ref, fields: Fields) -> Write:
    """Return the write after which nothing stands under a ref."""
    return Write(ref, fields[keys.VERSION], fresh_version(0), None)


def _is_bare(fields: Fields, head: Ref) -> bool:
    """Tell whether a hash is a pointer to a person and nothing else."""
    return fields.get(keys.POINTER) == head and keys.IDENTITIES not in fields


def _forwarding(changes: Changes | None, head: Ref) -> Changes:
    """Return the changes of a parting after which pointers of those who left lead on to their new head."""
    assert changes is not None
    return Changes({**changes.set, keys.FORWARD: head}, changes.delete)


def _linked(person: Person, refs: Sequence[Ref], first: Ref, source: str, at_ms: int) -> Person:
    """Return the person whose members know who linked them; always another value, so that it is written.

    The `first` one was there before the link.
    """

    def told(member: Member) -> Member:
        if member.ref == first:
            return member if member.source else member._replace(since_ms=0)
        if member.ref not in refs or member.source:
            return member
        return member._replace(since_ms=at_ms, source=source)

    return person._replace(members=tuple(map(told, person.members)))
