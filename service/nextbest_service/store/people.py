"""Reads and writes persons: one round trip to read, compare and set to write, and nothing is counted twice.

A writer reads a person, computes the person after (a pure function) and writes it if the version is still the
one read; otherwise it does so again.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from enum import Enum
from typing import Generic, TypeAlias, TypeVar
from weakref import WeakValueDictionary

import structlog

from nextbest_service.customers.linking import Linking
from nextbest_service.customers.naming import Naming
from nextbest_service.customers.person import MAX_MEMBERS, Member, Person
from nextbest_service.customers.portion import EMPTY, Reservation
from nextbest_service.errors import ServiceError, StoreUnavailableError
from nextbest_service.store import keys
from nextbest_service.store.codec import CodecError
from nextbest_service.store.found import MOST_HOPS, Answers, Ask, Fields, Found
from nextbest_service.store.keys import Identity, Ref
from nextbest_service.store.line import Command
from nextbest_service.store.person_codec import Changes, PersonCodec, UnknownSchemaError
from nextbest_service.store.person_hashes import Answer, PersonHashes, Write, fresh_version
from nextbest_service.store.reserving import reserving
from nextbest_service.store.updates import (
    Group,
    TooManyIdentitiesError,
    Update,
    applied,
    grouped,
    with_names,
)

R = TypeVar("R")
Settle: TypeAlias = Callable[[Person, int], Person]
"""Brings a changed person into order: trims what nobody needs any more, notes entered and left segments."""

MOST_ROUNDS = 50
CHANGED = b"changed"

log = structlog.get_logger()


class StateUnreadableError(ServiceError):
    """The stored state is damaged; it is not written over, for somebody may be able to mend it."""


class BusyError(StoreUnavailableError):
    """Others kept changing the same person; nothing was written."""


class Outcome(Enum):
    """What became of a commit."""

    WRITTEN = "written"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class Commit:
    """What a decision writes: reservations, and the answer to remember for a request id.

    The reservations come in under `origin`, whose identity is `name`; they are written only if the person is
    as it was `found`.
    """

    found: Found
    origin: Ref
    name: Identity | None
    reservations: tuple[Reservation, ...] = ()
    request_id: str = ""
    answer: bytes = b""
    remember_ms: int = 0


@dataclass(frozen=True, slots=True)
class Stored:
    """A person as it stands in its hash, None where there is none yet, and with what belongs to it beyond.

    `version` is that of the hash, and `leftovers` are its fields that a write has to remove: nobody has both
    where an old pointer leads to nobody.
    """

    hash: Person | None
    whole: Person
    version: bytes
    leftovers: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class _Attempt(Generic[R]):
    """One try to write a group of updates, and the results that hold once it has succeeded.

    The writes come one after the other: a new person is born before anybody's pointer leads there, and claims
    its names before it lists them. `emptying` leaves of pointers that carried somebody only the pointer.
    """

    birth: Write | None
    claims: Sequence[Write]
    write: Write
    emptying: Sequence[Write]
    results: dict[int, R]


class People:
    """The persons in the store."""

    def __init__(
        self, hashes: PersonHashes, naming: Naming, codec: PersonCodec, linking: Linking, settle: Settle
    ) -> None:
        self.hashes = hashes
        self.naming = naming
        self.codec = codec
        self.linking = linking
        self._settle = settle
        self._locks: WeakValueDictionary[Ref, asyncio.Lock] = WeakValueDictionary()

    def lock(self, ref: Ref) -> asyncio.Lock:
        """Return the lock that writers of one person in this process queue at, after they lost a race."""
        lock = self._locks.get(ref)
        if lock is None:
            lock = self._locks[ref] = asyncio.Lock()
        return lock

    async def read(self, asks: Sequence[Ask], more: Sequence[Command] = ()) -> Answers:
        """Return what is stored of some persons: see `PersonHashes.read`."""
        return await self.hashes.read(asks, more)

    async def person(self, ref: Ref) -> tuple[Person | None, int]:
        """Return a person, None where nobody is known, and the time.

        Raises:
            StoreUnavailableError: the store did not answer in time.
            StateUnreadableError: the stored state is damaged.
        """
        answers = await self.read([Ask((ref,))])
        stored = await self.decoded(answers.found[0])
        return (stored.whole if stored else None), answers.now_ms

    async def update(self, updates: Sequence[Update[R]]) -> list[R | ServiceError]:
        """Apply every update and return its result, or why it was not applied; none fails its neighbours.

        Updates of one person are applied in their order, in one write. A result that is returned is stored.
        """
        results: dict[int, R | ServiceError] = {}
        waiting = [*range(len(updates))]
        for attempt in range(MOST_ROUNDS):
            async with AsyncExitStack() as in_line:
                if attempt:
                    for ref in sorted({updates[place].refs[0] for place in waiting}):
                        await in_line.enter_async_context(self.lock(ref))
                try:
                    waiting = await self._round(updates, waiting, results)
                except StoreUnavailableError as error:
                    results.update((place, error) for place in waiting if place not in results)
                    break
            if not waiting:
                break
        busy = BusyError("others kept changing this customer; try again")
        return [results.get(place, busy) for place in range(len(updates))]

    async def commit(self, commit: Commit) -> Outcome | bytes:
        """Write what a decision reserves and remembers, in one step.

        Returns CHANGED, and nothing was written, if the person is not as it was found; the remembered answer
        where the request id was answered already.

        Raises:
            StoreUnavailableError: the store did not answer, even when asked again.
            StateUnreadableError: the stored state is damaged.
        """
        write = await self._reserving(commit)
        answer = None
        if commit.request_id:
            answer = Answer(commit.request_id, commit.answer, commit.remember_ms)
        (reply,) = await self.hashes.send([write], answer)
        if reply == CHANGED:
            # Where the first reply was lost, our own write may be among the changes.
            return Outcome.WRITTEN if await self._is_reserved(commit) else Outcome.CHANGED
        return Outcome.WRITTEN if reply in (b"written", commit.answer) else reply

    async def _is_reserved(self, commit: Commit) -> bool:
        person, _ = await self.person(commit.origin)
        portions = person.portions if person else ()
        return any(set(commit.reservations) & set(portion.reservations) for portion in portions)

    async def _reserving(self, commit: Commit) -> Write:
        """Return the write of a commit; without reservations it leaves the person as it is."""
        if not commit.reservations:
            return Write(commit.found.head or commit.origin, b"", b"", Changes({}, ()))
        now_ms = commit.reservations[0].at_ms
        found = commit.found
        changes = reserving(self.codec, found, commit.origin, commit.reservations, now_ms)
        if changes is not None and found.head is not None:  # the usual case
            return Write(found.head, found.fields[keys.VERSION], fresh_version(now_ms), changes)
        stored = await self.decoded(commit.found)
        if stored is None:
            stored = _nobody_yet(commit.origin, commit.name, commit.found.dangling)
        person = with_names(stored.whole, (commit.origin,), (commit.name,))
        portion = person.portion(commit.origin)
        live = tuple(it for it in portion.reservations if it.until_ms > now_ms)
        portion = portion._replace(reservations=live + commit.reservations)
        return self.write(stored, person.with_portion(commit.origin, portion), now_ms, stranger=True)

    async def _round(
        self, updates: Sequence[Update[R]], places: Sequence[int], results: dict[int, R | ServiceError]
    ) -> list[int]:
        """Try to apply the updates at some places; note the results of those that are written or refused.

        Returns the places of those that lost a race.
        """
        asks = [Ask(updates[place].refs, erased=updates[place].since_ms is not None) for place in places]
        answers = await self.read(asks)
        if forsaken := {one.head: one.fields for one in answers.found if keys.POINTER in one.fields}:
            await self.hashes.send([_at_home(head, fields) for head, fields in forsaken.items() if head])
            return [*places]
        attempts: list[_Attempt[R]] = []
        for group in grouped(updates, places, answers.found, self.naming):
            own: dict[int, R] = {}
            try:
                stored = await self._of_group(group, updates)
                after = applied(stored.whole, group, updates, answers.now_ms, self.naming, own, results)
                if after is not stored.whole:
                    after = self._settle(after, answers.now_ms)
                if after is stored.whole and not group.loose:
                    results.update(own)
                else:
                    told = any(updates[place].since_ms is None for place in group.places)
                    attempts.append(self._attempt(group, stored, after, answers.now_ms, own, told=told))
            except ServiceError as error:
                results.update((place, error) for place in group.places if place not in results)
        return await self._written(attempts, results)

    def _attempt(
        self, group: Group, stored: Stored, after: Person, now_ms: int, own: dict[int, R], *, told: bool
    ) -> _Attempt[R]:
        """Return the writes of a group; `told`: whether we were told more than what we proposed ourselves."""
        if told and keys.STRANGER in group.found.fields:
            stored = replace(stored, leftovers=(*stored.leftovers, keys.STRANGER))
        members = {member.ref for member in after.members}
        claims = [
            bare_pointer(ref, group.dangling.get(ref, {}), after.head)
            for ref in sorted(group.claimed & members - {after.head})
        ]
        birth = None
        if claims and stored.hash is None:
            newborn = Person(after.members[:1])
            newborn = newborn._replace(members=(newborn.members[0]._replace(portion=EMPTY),))
            birth = self.write(stored, newborn, now_ms)
            stored = Stored(newborn, newborn, birth.written)
        emptying = [bare_pointer(ref, fields, after.head) for ref, fields in group.loose.items()]
        write = self.write(stored, after, now_ms, stranger=not told)
        return _Attempt(birth, claims, write, emptying, own)

    async def _written(
        self, attempts: Sequence[_Attempt[R]], results: dict[int, R | ServiceError]
    ) -> list[int]:
        going: Sequence[_Attempt[R]] = attempts
        try:
            going = await self._won(going, lambda attempt: [attempt.birth] if attempt.birth else [])
            going = await self._won(going, lambda attempt: attempt.claims)
            going = await self._won(going, lambda attempt: [attempt.write])
            await self.hashes.send([write for attempt in going for write in attempt.emptying])
        except StoreUnavailableError as error:
            results.update((place, error) for attempt in going for place in attempt.results)
        else:
            for attempt in going:
                results.update(attempt.results)
        return [place for attempt in attempts for place in attempt.results if place not in results]

    async def _won(
        self, attempts: Sequence[_Attempt[R]], writes_of: Callable[[_Attempt[R]], Sequence[Write]]
    ) -> list[_Attempt[R]]:
        """Send some writes of all attempts, and return the attempts that lost no race."""
        writes = [(attempt, write) for attempt in attempts for write in writes_of(attempt)]
        replies = await self.hashes.send([write for _, write in writes])
        lost = {id(attempt) for (attempt, _), reply in zip(writes, replies, strict=True) if reply == CHANGED}
        return [attempt for attempt in attempts if id(attempt) not in lost]

    async def _of_group(self, group: Group, updates: Sequence[Update[R]]) -> Stored:
        """Return the person of a group before its updates."""
        found = group.found
        if len(group.loose) != len(found.loose):
            found = found._replace(loose=tuple(group.loose.items()))
        stored = await self.decoded(found)
        if stored is not None:
            return stored
        names = {
            ref: name
            for place in group.places
            for ref, name in zip(updates[place].refs, updates[place].names, strict=True)
        }
        return _nobody_yet(group.head, names.get(group.head), group.dangling)

    async def decoded(self, found: Found) -> Stored | None:
        """Return the person that was found, None where nobody was.

        Raises:
            StateUnreadableError: the stored state is damaged.
        """
        if found.head is None:
            return None
        for _ in range(MOST_HOPS):
            try:
                person = self.codec.decode(found.head, found.fields)
                loose = [self.codec.decode(ref, fields) for ref, fields in found.loose]
            except UnknownSchemaError as error:
                await self.learn(error.schema_id)
            except CodecError as error:
                log.error("customer_state_unreadable", error=str(error))
                raise StateUnreadableError("the stored state of this customer is damaged") from error
            else:
                whole = person
                for other in loose:
                    whole = self.linking.joined(whole, other)
                # It has left, for nobody else lists it: the mark that says from where is of no use any more.
                leftovers = (keys.LEFT,) if keys.LEFT in found.fields else ()
                return Stored(person, whole, person.version, leftovers)
        raise StateUnreadableError("the stored state of this customer has an unknown schema")

    async def learn(self, schema_id: bytes) -> None:
        """Look up a schema of feature states that another process registered.

        Raises:
            StateUnreadableError: nobody registered it.
        """
        (blob,) = await self.hashes.store.run([("HGET", keys.STATE_SCHEMAS, schema_id)])
        if not isinstance(blob, bytes):
            raise StateUnreadableError("the stored state of this customer has an unknown schema")
        self.codec.learn(blob)

    def write(self, stored: Stored, after: Person, now_ms: int, *, stranger: bool = False) -> Write:
        """Return the write that turns a person into another; a new one may stay a stranger.

        Raises:
            TooManyIdentitiesError: nobody has so many names.
        """
        if len(after.members) > MAX_MEMBERS:
            raise TooManyIdentitiesError
        changes = self.codec.changes(stored.hash, after)
        leftovers = tuple(name for name in stored.leftovers if name not in changes.set)
        mark = {keys.STRANGER: b"1"} if stranger and stored.hash is None else {}
        changes = Changes({**changes.set, **mark}, (*changes.delete, *leftovers))
        return Write(after.head, stored.version, fresh_version(now_ms), changes)


def _nobody_yet(ref: Ref, name: Identity | None, dangling: Mapping[Ref, Fields]) -> Stored:
    """Return the person that begins at a ref; nothing of it is stored."""
    left = dangling.get(ref, {})
    return Stored(None, Person((Member(ref, name),)), left.get(keys.VERSION, b""), _all_but_version(left))


def _at_home(ref: Ref, fields: Fields) -> Write:
    """Return the write by which somebody stays who was to join a person that was erased meanwhile.

    Should that one be back, and somebody have joined them just now, the person there goes on listing them.
    """
    stays = Changes({keys.LEFT: fields[keys.POINTER]}, (keys.POINTER,))
    return Write(ref, fields[keys.VERSION], fresh_version(0), stays)


_WAYS = (keys.POINTER, keys.FORWARD)


def _all_but_version(fields: Fields) -> tuple[bytes, ...]:
    return tuple(name for name in fields if name != keys.VERSION)


def bare_pointer(ref: Ref, fields: Fields, head: Ref) -> Write:
    """Return the write that makes of a hash a pointer, and nothing else."""
    others = tuple(name for name in _all_but_version(fields) if name not in _WAYS)
    version = fields.get(keys.VERSION, b"")
    return Write(ref, version, fresh_version(0), Changes({keys.POINTER: head}, others))
