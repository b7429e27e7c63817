"""Takes in what happened to customers and what is known of them: many items at once, each with its result."""

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from itertools import islice
from typing import Generic, NamedTuple, TypeVar

from nextbest_rules.records import Outcome
from nextbest_service.clock import machine_ms
from nextbest_service.customers.books import Books
from nextbest_service.customers.events import apply_event
from nextbest_service.customers.incoming import ProfileChange, ReportedOutcome, Status, TrackedEvent
from nextbest_service.customers.naming import Naming, Who
from nextbest_service.customers.outcomes import apply_outcome
from nextbest_service.customers.person import Person
from nextbest_service.customers.profiles import apply_profile
from nextbest_service.decision_log.log import DecisionLog
from nextbest_service.decision_log.outcomes import LoggedOutcome
from nextbest_service.errors import FieldViolation, InvalidRequestError, ServiceError, StoreUnavailableError
from nextbest_service.store.keys import Identity, Ref
from nextbest_service.store.people import People
from nextbest_service.store.products import ProductBook
from nextbest_service.store.registry import AffinityIds
from nextbest_service.store.updates import Update
from nextbest_service.store.volume_holds import VolumeHolds

R = TypeVar("R")
T = TypeVar("T")

SLICE = 100
"""Items that are applied at once; then others have their turn."""
MOST_AHEAD_MS = 5 * 60_000
"""Clocks differ, but what lies further ahead has not happened."""
TOOK_PLACE = frozenset({Outcome.DISPLAYED, Outcome.DELIVERED})
NEVER_WILL = frozenset({Outcome.FAILED, Outcome.WITHHELD})


@dataclass(frozen=True, slots=True)
class Item(Generic[T]):
    """One item of a batch: whom it is about, and where it stands in the request, for errors."""

    about: tuple[Identity, ...]
    content: T
    path: str = ""


class Reported(NamedTuple):
    """One outcome of a batch, with who reports it under which id."""

    source: str
    id: str
    outcome: ReportedOutcome
    path: str = ""


class _Counted(NamedTuple):
    """What became of an outcome, and when that was."""

    status: Status
    now_ms: int


@dataclass(frozen=True, slots=True)
class Intake:
    """Writes items down. A result is a status or the refusal; no item fails its neighbours."""

    people: People
    books: Books
    products: ProductBook
    ids: AffinityIds
    volumes: VolumeHolds
    log: DecisionLog

    def about_now_ms(self) -> int:
        """Return the service's time by this machine's clock: for figures, never for what is counted."""
        return self.people.hashes.clock.at(machine_ms())

    async def track(self, items: Sequence[Item[TrackedEvent]]) -> list[Status | ServiceError]:
        """Count events."""
        try:
            events = await self.with_keys([item.content for item in items])
        except StoreUnavailableError as error:
            return [error for _ in items]
        updates = (
            self._event(self.people.naming.who(item.about), event, item.path)
            for item, event in zip(items, events, strict=True)
        )
        return await self._applied(updates)

    async def with_keys(self, events: Sequence[TrackedEvent]) -> list[TrackedEvent]:
        """Return events with the affinity keys of their products, all of them numbered.

        Raises:
            StoreUnavailableError: the store did not answer in time.
        """
        unknown = (line.product for event in events for line in event.lines if not line.keys)
        products = await self.products.keys_of(unknown)
        complete = [event.with_keys(products) for event in events]
        streams = self.books.streams
        await self.ids.meet(key for event in complete for key in streams.keys_of(event))
        return complete

    async def upsert(self, items: Sequence[Item[ProfileChange]]) -> list[Status | ServiceError]:
        """Write profiles down."""
        return await self._applied(
            self._profile(self.people.naming.who(item.about), item.content, item.path) for item in items
        )

    async def report(self, items: Sequence[Reported]) -> list[Status | ServiceError]:
        """Count outcomes, and record them in the log.

        That is done for repeated ones, too: the first time it may have failed halfway.
        """
        results = await self._applied(self._outcome(item.outcome, item.path) for item in items)
        counted = [
            (item, result)
            for item, result in zip(items, results, strict=True)
            if isinstance(result, _Counted) and result.status is not Status.STALE
        ]
        try:
            await self.volumes.confirm(_contacts(counted, TOOK_PLACE))
            await self.volumes.release(_contacts(counted, NEVER_WILL))
            await self.log.record_outcomes([_logged(item, result.now_ms) for item, result in counted])
        except StoreUnavailableError as error:
            return [error if isinstance(result, _Counted) else result for result in results]
        return [result.status if isinstance(result, _Counted) else result for result in results]

    async def _applied(self, updates: Iterable[Update[R]]) -> list[R | ServiceError]:
        """Apply updates some at a time; those of one person stay in their order."""
        results: list[R | ServiceError] = []
        waiting = iter(updates)
        while some := [*islice(waiting, SLICE)]:
            applied = await self.people.update(some)
            results += applied
        return results

    def _event(self, who: Who, event: TrackedEvent, path: str) -> Update[Status]:
        def change(person: Person, now_ms: int) -> tuple[Person, Status]:
            refuse_future(event.time_ms, now_ms, f"{path}time_unix_ms")
            origin = origin_of(person, who, self.people.naming)
            return apply_event(self.books, person, origin, event, now_ms)

        return Update(who.refs, who.names, change)

    def _profile(self, who: Who, profile: ProfileChange, path: str) -> Update[Status]:
        def change(person: Person, now_ms: int) -> tuple[Person, Status]:
            refuse_future(profile.as_of_ms or 0, now_ms, f"{path}as_of_unix_ms")
            for index, consent in enumerate(profile.consents):
                refuse_future(consent.at_ms, now_ms, f"{path}consents[{index}].time_unix_ms")
            origin = origin_of(person, who, self.people.naming)
            return apply_profile(self.books, person, origin, profile, now_ms)

        return Update(who.refs, who.names, change)

    def _outcome(self, outcome: ReportedOutcome, path: str) -> Update[_Counted]:
        def change(person: Person, now_ms: int) -> tuple[Person, _Counted]:
            refuse_future(outcome.time_ms or 0, now_ms, f"{path}time_unix_ms")
            after, status = apply_outcome(self.books, person, outcome.of.ref, outcome, now_ms)
            return after, _Counted(status, now_ms)

        return Update((outcome.of.ref,), (None,), change, since_ms=outcome.of.decided_at_ms)


def refuse_future(time_ms: int, now_ms: int, field: str) -> None:
    """Refuse what lies too far ahead.

    Raises:
        InvalidRequestError: it does.
    """
    if time_ms > now_ms + MOST_AHEAD_MS:
        raise InvalidRequestError([FieldViolation(field, "more than 5 minutes ahead of the server's clock")])


def origin_of(person: Person, who: Who, naming: Naming) -> Ref:
    """Return under which name of a person something comes in: the strongest of those that were told."""
    members = {member.ref for member in person.members}
    if len(who.refs) == 1:
        return who.refs[0] if who.refs[0] in members else person.head
    told = {
        naming.rank(name): ref
        for ref, name in reversed([*zip(who.refs, who.names, strict=True)])
        if ref in members
    }
    return told[min(told)] if told else person.head


def _contacts(counted: Iterable[tuple[Reported, _Counted]], kinds: Set[Outcome]) -> list[tuple[str, str]]:
    """Return (action, decision) of the outcomes of some kinds."""
    outcomes = (item.outcome for item, _ in counted)
    return [(outcome.of.action, outcome.of.decision) for outcome in outcomes if outcome.type in kinds]


def _logged(item: Reported, now_ms: int) -> LoggedOutcome:
    outcome, of = item.outcome, item.outcome.of
    return LoggedOutcome(
        source=item.source,
        id=item.id,
        type=outcome.type.value,
        at_ms=now_ms if outcome.time_ms is None else outcome.time_ms,
        received_ms=now_ms,
        decision=of.decision,
        customer=of.ref,
        action=of.action,
        placement=of.placement,
        channel=of.channel,
        brand=of.brand,
        treatment=of.treatment,
        rank=of.rank,
        propensity=of.propensity,
        selection_probability=of.selection_probability,
        amount=outcome.amount,
        properties=outcome.properties,
    )
