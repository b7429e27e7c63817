"""The hashes of persons in the store: read in one round trip, written by compare and set."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

from nextbest_service.clock import Clock
from nextbest_service.errors import StoreUnavailableError
from nextbest_service.store import keys
from nextbest_service.store.connection import Store, milliseconds
from nextbest_service.store.found import MOST_HOPS, Answers, Ask, Fields, Found, find, links
from nextbest_service.store.keys import KeyRing, Ref, answer_keys, person_key
from nextbest_service.store.line import Command
from nextbest_service.store.person_codec import Changes
from nextbest_service.store.replies import checked, checked_hash

REPEATS = 4
"""How often a write is sent whose reply is lost."""

_WRITE = files(__package__).joinpath("write_person.lua").read_text()
_WRITE_SHA = hashlib.sha1(_WRITE.encode()).hexdigest()  # noqa: S324 - the server's name for it


@dataclass(frozen=True, slots=True)
class Write:
    """One write: the fields of a person, from one version to another. `changes` None leaves nothing."""

    ref: Ref
    read: bytes
    written: bytes
    changes: Changes | None


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer to remember for a request id, for `remember_ms` or a little longer."""

    request_id: str
    content: bytes
    remember_ms: int


class PersonHashes:
    """Reads and writes the hashes of persons."""

    def __init__(self, store: Store, ring: KeyRing, clock: Clock) -> None:
        self.store = store
        self._ring = ring
        self.clock = clock
        self._script = store.script(_WRITE, _WRITE_SHA)

    async def read(self, asks: Sequence[Ask], more: Sequence[Command] = ()) -> Answers:
        """Return what is stored of some persons, with the results of `more` commands, in one round trip.

        Pointers that lead to persons nobody asked for take another round trip.

        Raises:
            StoreUnavailableError: the store did not answer in time.
        """
        refs = [*dict.fromkeys(ref for ask in asks for ref in ask.refs)]
        extras = [command for ask in asks for command in self._extras(ask)]
        first = person_key(refs[0]) if refs else keys.SECRET
        results = iter(
            await self.store.run(
                [self.store.time_at(first), *more, *extras, *(("HGETALL", person_key(ref)) for ref in refs)]
            )
        )
        store_ms = milliseconds(checked(next(results)))
        of_more = tuple(next(results) for _ in more)
        of_extras = iter([checked(next(results)) for _ in extras])
        stored = {ref: checked_hash(next(results)) for ref in refs}
        await self._follow(stored)
        found = tuple(find(ask, stored, of_extras, self._ring) for ask in asks)
        return Answers(self.clock.at(store_ms), store_ms, found, of_more)

    async def found(self, refs: tuple[Ref, ...], stored: dict[Ref, Fields]) -> Found:
        """Return what is stored of the person behind some refs, from the hashes at these on.

        Raises:
            StoreUnavailableError: the store did not answer in time.
        """
        await self._follow(stored)
        return find(Ask(refs), stored, iter(()), self._ring)

    async def hashes(self, refs: Sequence[Ref]) -> list[Fields]:
        """Return what stands under some refs, pointers unfollowed.

        Raises:
            StoreUnavailableError: the store did not answer in time.
        """
        return [*map(checked_hash, await self.store.run([("HGETALL", person_key(ref)) for ref in refs]))]

    async def send(self, writes: Sequence[Write], answer: Answer | None = None) -> list[bytes]:
        """Write some hashes, each if it is as it was read; an answer is remembered with all of them.

        Returns, for each, b"written", b"changed", or the answer that is remembered already. Replies that are
        lost are asked for again, which is harmless.

        Raises:
            StoreUnavailableError: the store did not answer, even when asked again.
        """
        if not writes:
            return []
        commands = [self._command(write, answer) for write in writes]
        for left in reversed(range(REPEATS)):
            try:
                return [bytes(checked(reply)) for reply in await self.store.run(commands)]
            except StoreUnavailableError:
                if not left:
                    raise
        raise AssertionError("unreachable")

    def _extras(self, ask: Ask) -> list[Command]:
        commands: list[Command] = []
        if ask.request_id:
            commands += [("HGET", key, ask.request_id) for ref in ask.refs for key in answer_keys(ref)]
        if ask.erased:
            commands.append(("GET", self._ring.tombstone_key(ask.refs[0])))
        return commands

    async def _follow(self, stored: dict[Ref, Fields]) -> None:
        for _ in range(MOST_HOPS):
            missing = sorted({ref for fields in stored.values() for ref in links(fields)} - stored.keys())
            if not missing:
                return
            stored.update(zip(missing, await self.hashes(missing), strict=True))

    def _command(self, write: Write, answer: Answer | None) -> Command:
        person = person_key(write.ref)
        names, remember = [person], (b"", b"", 1)
        if answer is not None:
            names = [person, *answer_keys(write.ref)]
            remember = answer.request_id.encode(), answer.content, answer.remember_ms
        if write.changes is None:
            return self._script.call(names, (write.read, write.written, *remember, -1))
        deleted, fields = (
            write.changes.delete,
            (part for entry in write.changes.set.items() for part in entry),
        )
        return self._script.call(
            names, (write.read, write.written, *remember, len(deleted), *deleted, *fields)
        )


def fresh_version(now_ms: int) -> bytes:
    """Return a version that nobody else has: six bytes of time, for people, and four random ones."""
    return now_ms.to_bytes(6, "big") + secrets.token_bytes(4)
