"""What people may ask for: who is one person, what is known of somebody, and to be forgotten."""

from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import structlog

from nextbest_service.customers.books import Books
from nextbest_service.customers.disclosure import Record, records_of
from nextbest_service.customers.intake import refuse_future
from nextbest_service.customers.person import Person
from nextbest_service.customers.view import CustomerView, folded_state, highest_key, view_of
from nextbest_service.decision_log.log import DecisionLog
from nextbest_service.decisions.last_known import LastKnown
from nextbest_service.logs import named
from nextbest_service.store.affinity_names import AffinityNames
from nextbest_service.store.durability import rewrite_files
from nextbest_service.store.keys import Identity, Ref
from nextbest_service.store.links import Linked, Links
from nextbest_service.store.people import People, StateUnreadableError

SHOWN_AFFINITIES = 50
_EVERYTHING = 1 << 30

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Erasure:
    """What was erased, as a number of records by kind, and when the last trace is gone (Unix ms)."""

    erased: Mapping[str, int]
    complete_at_ms: int


@dataclass(frozen=True, slots=True)
class Care:
    """Links, shows, exports and erases customers."""

    people: People
    links: Links
    books: Books
    names: AffinityNames
    log: DecisionLog
    last_known: LastKnown = field(default_factory=LastKnown)

    async def link(self, identities: Sequence[Identity], source: str, at_ms: int | None) -> Linked:
        """Make one person of everybody behind some names; `at_ms` None is now.

        Raises:
            InvalidRequestError: they cannot be one person, or the time is too far ahead.
            StoreUnavailableError: the store did not answer; repeating the call ends what it began.
        """
        if at_ms is not None:
            answers = await self.people.read([])
            refuse_future(at_ms, answers.now_ms, "time_unix_ms")
        self._forget(identities)
        return await self.links.link(identities, source, at_ms)

    async def unlink(self, identities: Sequence[Identity], source: str) -> tuple[Identity, ...]:
        """Make each of some names a customer of its own, and return those that were not.

        Raises:
            StoreUnavailableError: the store did not answer; repeating the call ends what it began.
        """
        self._forget(identities)
        unlinked = await self.links.unlink(identities)
        self._forget(identities)  # others may have asked meanwhile
        if unlinked:
            log.info("identities_unlinked", count=len(unlinked), source=named(source))
        return unlinked

    async def show(self, identity: Identity, affinities: int = SHOWN_AFFINITIES) -> CustomerView | None:
        """Return what is known of a customer, None where nobody is known.

        Raises:
            StoreUnavailableError: the store did not answer in time.
            StateUnreadableError: the stored state is damaged.
        """
        person, now_ms = await self.people.person(self._ref(identity))
        return None if person is None else await self._view(person, now_ms, affinities)

    async def export(self, identity: Identity) -> AsyncIterator[Record]:
        """Yield all that is held about a person, the log last.

        Raises:
            StoreUnavailableError: the store did not answer in time.
            StateUnreadableError: the stored state is damaged.
        """
        person, now_ms = await self.people.person(self._ref(identity))
        if person is not None:
            for record in records_of(await self._view(person, now_ms, _EVERYTHING)):
                yield record
        async for kind, content in self.log.of_person(self._refs(identity, person)):
            yield Record(kind, content)

    async def erase(self, identity: Identity, source: str) -> Erasure:
        """Erase a person from the store and from the log.

        Raises:
            StoreUnavailableError: the store did not answer; repeating the call ends what it began.
        """
        self._forget([identity])
        counts: Counter[str] = Counter()
        try:
            counts.update([record.kind async for record in self.export(identity)])
        except StateUnreadableError:  # what is damaged must go, too
            counts.update(["identity"])
        erased = await self.links.erase(identity, self.books.memory.late_outcomes_ms)
        refs = erased.refs if erased else (self._ref(identity),)
        answers = await self.people.read([])
        self.last_known.forget(refs)  # those of other processes of the service go by their age
        await self.log.erase(refs, answers.now_ms)
        left_ms = await rewrite_files(self.people.hashes.store)
        log.info("customer_erased", source=named(source), records=counts.total())
        return Erasure(counts, answers.now_ms + left_ms)

    async def _view(self, person: Person, now_ms: int, affinities: int) -> CustomerView:
        keys = await self.names.up_to(highest_key(folded_state(self.books, person)))
        return view_of(self.books, person, keys, now_ms, affinities)

    def _forget(self, identities: Sequence[Identity]) -> None:
        self.last_known.forget(self.people.naming.who(identities).refs)

    def _ref(self, identity: Identity) -> Ref:
        return self.people.naming.who([identity]).refs[0]

    def _refs(self, identity: Identity, person: Person | None) -> frozenset[Ref]:
        members: Iterable[Ref] = () if person is None else (member.ref for member in person.members)
        return frozenset((self._ref(identity), *members))
