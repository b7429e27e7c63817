"""What becomes of the portions when two customers turn out to be one person, or one to be two."""

from collections import Counter
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from typing import Protocol, TypeVar

from nextbest_models.online import FeatureState, StreamEvent
from nextbest_rules.durations import DAY_MS
from nextbest_rules.records import Event, Purchase
from nextbest_service.customers.person import MAX_MEMBERS, Member, Person
from nextbest_service.customers.portion import EMPTY, Seen
from nextbest_service.errors import FieldViolation, InvalidRequestError
from nextbest_service.store.keys import Ref

_Endable = TypeVar("_Endable", Purchase, Event)


class TakesBack(Protocol):
    """The features, as far as links need them."""

    def without_events(self, state: FeatureState, events: Sequence[StreamEvent]) -> FeatureState:
        """Return the state without what some events added to it."""
        ...


@dataclass(frozen=True, slots=True)
class Linking:
    """Joins customers. `one_per_person` names the namespaces of which a person has one id only."""

    features: TakesBack
    one_per_person: Set[str]

    def joined(self, person: Person, other: Person) -> Person:
        """Return the person with the other's members, and nothing counted twice.

        What both of them had counted is taken back from the other's portions. Members of both stay as they
        are in the person, unless nothing came in under them there. So repeating a link changes nothing, also
        where all that came in under a member was taken back the first time.

        Raises:
            InvalidRequestError: the two cannot be one person.
        """
        held = {member.ref: member for member in person.members}
        coming = [
            member
            for member in other.members
            if member.ref not in held or (held[member.ref].portion == EMPTY and member.portion != EMPTY)
        ]
        if not coming:
            return person
        self.check([*held.values(), *(member for member in coming if member.ref not in held)])
        for ref in tuple(held):
            for place, arriving in enumerate(coming):
                held[ref], coming[place] = self._told_apart(held[ref], arriving)
        for arriving in coming:
            listed = held.get(arriving.ref)
            held[arriving.ref] = arriving if listed is None else listed._replace(portion=arriving.portion)
        members = tuple(held.values())
        if members == person.members:
            return person
        earliest = {
            name: min(since, other.segments.get(name, since)) for name, since in person.segments.items()
        }
        return person._replace(members=members, segments={**other.segments, **earliest})

    def _told_apart(self, held: Member, arriving: Member) -> tuple[Member, Member]:
        """Return two members of whom only the first has what both had counted."""
        counted = {seen.key for seen in held.portion.seen}
        repeats = [seen for seen in arriving.portion.seen if seen.key in counted]
        if not repeats:
            return held, arriving
        days = {seen.at_ms // DAY_MS for seen in repeats}
        mine, theirs = held.portion, arriving.portion
        purchases, more_purchases = _twins_resolved(mine.purchases, theirs.purchases, days)
        events, more_events = _twins_resolved(mine.events, theirs.events, days)
        mine = mine._replace(purchases=purchases, events=events)
        theirs = theirs._replace(
            features=self._taken_back(theirs.features, repeats),
            purchases=more_purchases,
            events=more_events,
            contacts=tuple(it for it in theirs.contacts if it not in mine.contacts),
            reservations=tuple(it for it in theirs.reservations if it not in mine.reservations),
            seen=tuple(seen for seen in theirs.seen if seen.key not in counted),
        )
        return held._replace(portion=mine), arriving._replace(portion=theirs)

    def _taken_back(self, features: FeatureState | None, repeats: Iterable[Seen]) -> FeatureState | None:
        back = [event for seen in repeats for event in seen.counted]
        return features if features is None or not back else self.features.without_events(features, back)

    def check(self, members: Sequence[Member]) -> None:
        """Look whether some members can be one person.

        Raises:
            InvalidRequestError: they cannot.
        """
        named = Counter(member.identity.namespace for member in members if member.identity is not None)
        repeated = sorted(name for name in self.one_per_person if named[name] > 1)
        problems = [f"a person has one {name} only; unlink the other first" for name in repeated]
        if len(members) > MAX_MEMBERS:
            problems.append(f"a person has at most {MAX_MEMBERS} identities")
        if problems:
            raise InvalidRequestError([FieldViolation("identities", problem) for problem in problems])


def parted(person: Person, refs: Set[Ref]) -> tuple[Person, tuple[Member, ...]]:
    """Return the person without some members, and these members, each now a customer of its own.

    Where all of them are to go, the head stays. Where only the head goes, the next member is the new head:
    then `head` of the result is not where the person was read.
    """
    if refs >= {member.ref for member in person.members}:
        refs -= {person.head}
    gone = tuple(member._replace(since_ms=0, source="") for member in person.members if member.ref in refs)
    if not gone:
        return person, ()
    first, *others = (member for member in person.members if member.ref not in refs)
    return person._replace(members=(first, *others)), gone


def _twins_resolved(
    held: tuple[_Endable, ...], arriving: tuple[_Endable, ...], days: Set[int]
) -> tuple[tuple[_Endable, ...], tuple[_Endable, ...]]:
    """Return what is held, with the ends that only the arriving records know, and what arrives beyond it.

    Records are twins if they tell the same apart from their end. Only records of days on which something was
    counted twice can be twins: the same purchase on another day is another purchase.
    """
    known = {_without_end(record) for record in held}
    twins = {record for record in arriving if _is_of(record.at_ms, days) and _without_end(record) in known}
    ends = {_without_end(record): record.ended_at_ms for record in twins if record.ended_at_ms is not None}
    completed = tuple(
        record._replace(ended_at_ms=ends[record]) if record.ended_at_ms is None and record in ends else record
        for record in held
    )
    return completed, tuple(record for record in arriving if record not in twins)


def _without_end(record: _Endable) -> _Endable:
    return record._replace(ended_at_ms=None)


def _is_of(at_ms: int | None, days: Set[int]) -> bool:
    return at_ms is not None and at_ms // DAY_MS in days
