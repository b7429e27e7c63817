"""Loads events: those of one customer in the order of time, with one write."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from nextbest_service.bulk.event_drafts import DraftReader, EventDraft
from nextbest_service.bulk.results import Result
from nextbest_service.customers.events import apply_events
from nextbest_service.customers.incoming import TrackedEvent
from nextbest_service.customers.intake import Intake, origin_of, refuse_future
from nextbest_service.customers.naming import Who
from nextbest_service.customers.person import Person
from nextbest_service.errors import ServiceError
from nextbest_service.store.keys import Identity
from nextbest_service.store.updates import Update

PERSONS = 128
"""How many persons are read and written at once. Two such groups take turns: one computes, one waits."""
AT_ONCE = 2


@dataclass(frozen=True, slots=True)
class _OfOne:
    """Events of one customer by their places in the batch."""

    who: Who
    places: list[int]


@dataclass(frozen=True, slots=True)
class EventLoader:
    """Counts events."""

    intake: Intake
    reader: DraftReader

    async def load(self, messages: Sequence[EventDraft]) -> list[Result]:
        """Load events and return what became of each.

        Raises:
            StoreUnavailableError: the store did not answer; loading them again is harmless.
        """
        results: dict[int, Result] = {}
        read: dict[int, tuple[tuple[Identity, ...], TrackedEvent]] = {}
        for place, message in enumerate(messages):
            try:
                read[place] = self.reader.read(message)
            except ServiceError as error:
                results[place] = error
        complete = await self.intake.with_keys([event for _, event in read.values()])
        events = dict(zip(read, complete, strict=True))
        groups = self._by_customer({place: names for place, (names, _) in read.items()}, events)
        turns = asyncio.Semaphore(AT_ONCE)

        async def write(some: Sequence[_OfOne]) -> None:
            async with turns:
                results.update(await self._written(some, events))

        async with asyncio.TaskGroup() as tasks:
            for start in range(0, len(groups), PERSONS):
                tasks.create_task(write(groups[start : start + PERSONS]))
        return [results[place] for place in range(len(messages))]

    def _by_customer(
        self, names: dict[int, tuple[Identity, ...]], events: dict[int, TrackedEvent]
    ) -> list[_OfOne]:
        groups: dict[tuple[Identity, ...], list[int]] = {}
        for place, identities in names.items():
            groups.setdefault(identities, []).append(place)
        return [
            _OfOne(
                self.intake.people.naming.who(identities), sorted(places, key=lambda it: events[it].time_ms)
            )
            for identities, places in groups.items()
        ]

    async def _written(self, groups: Sequence[_OfOne], events: dict[int, TrackedEvent]) -> dict[int, Result]:
        updates = [self._update(group, [events[place] for place in group.places]) for group in groups]
        outcomes = await self.intake.people.update(updates)
        return {
            place: result
            for group, outcome in zip(groups, outcomes, strict=True)
            for place, result in zip(group.places, _each(outcome, len(group.places)), strict=True)
        }

    def _update(self, group: _OfOne, events: Sequence[TrackedEvent]) -> Update[list[Result]]:
        books, naming, who = self.intake.books, self.intake.people.naming, group.who

        def change(person: Person, now_ms: int) -> tuple[Person, list[Result]]:
            refused = {place: error for place, it in enumerate(events) if (error := _refusal(it, now_ms))}
            accepted = [it for place, it in enumerate(events) if place not in refused]
            origin = origin_of(person, who, naming)
            person, results = apply_events(books, person, origin, accepted, now_ms)
            waiting = iter(results)
            return person, [refused.get(place) or next(waiting) for place in range(len(events))]

        return Update(who.refs, who.names, change)


def _refusal(event: TrackedEvent, now_ms: int) -> ServiceError | None:
    try:
        refuse_future(event.time_ms, now_ms, "time")
    except ServiceError as error:
        return error
    return None


def _each(outcome: list[Result] | ServiceError, count: int) -> Sequence[Result]:
    """Return the results of a customer's events: one error may be that of all."""
    return [outcome] * count if isinstance(outcome, ServiceError) else outcome
