"""Changes of many persons at once: whose they are, and what they make of each. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from nextbest_service.customers.naming import Naming
from nextbest_service.customers.person import MAX_MEMBERS, Member, Person
from nextbest_service.errors import ServiceError, UnknownDecisionError
from nextbest_service.store.found import Fields, Found
from nextbest_service.store.keys import Identity, Ref

R = TypeVar("R")


class TooManyIdentitiesError(ServiceError):
    """A person would have more identities than anybody has."""

    def __init__(self) -> None:
        super().__init__(f"a person has at most {MAX_MEMBERS} identities")


@dataclass(frozen=True, slots=True)
class Update(Generic[R]):
    """A change of one person. `refs` say who, the first known one counts; unknown ones are learnt.

    `names` are the identities of the refs, None where only the ref is known. `change` is pure: it gets the
    person and the time and returns the person after and a result; the very same person changes nothing.
    `since_ms` is when what it is about began: if the person was erased since, the update is refused.
    """

    refs: tuple[Ref, ...]
    names: tuple[Identity | None, ...]
    change: Callable[[Person, int], tuple[Person, R]]
    since_ms: int | None = None


@dataclass(slots=True)
class Group:
    """Updates of one person in a batch, by their places in it; `claimed` are the unknown refs they name.

    `forgotten` are the places of updates about something that ended with an erasure.
    """

    head: Ref
    found: Found
    places: list[int] = field(default_factory=list)
    loose: dict[Ref, Fields] = field(default_factory=dict)
    claimed: set[Ref] = field(default_factory=set)
    dangling: dict[Ref, Fields] = field(default_factory=dict)
    forgotten: set[int] = field(default_factory=set)


def grouped(
    updates: Sequence[Update[R]], places: Sequence[int], found: Sequence[Found], naming: Naming
) -> list[Group]:
    """Return the updates by person; names that are new in this batch make one person where they meet."""
    groups: dict[Ref, Group] = {}
    claimed: dict[Ref, Ref] = {}
    for place, one in zip(places, found, strict=True):
        update = updates[place]
        head = one.head or next((claimed[ref] for ref in update.refs if ref in claimed), None)
        head = head or _strongest(update, naming)
        group = groups.setdefault(head, Group(head, one))
        group.places.append(place)
        group.loose.update(one.loose)
        group.dangling.update(one.dangling)
        if _is_forgotten(update, one):
            group.forgotten.add(place)
        group.claimed |= {ref for ref in one.unknown if claimed.setdefault(ref, head) == head}
    return [*groups.values()]


def applied(
    person: Person,
    group: Group,
    updates: Sequence[Update[R]],
    now_ms: int,
    naming: Naming,
    own: dict[int, R],
    results: dict[int, R | ServiceError],
) -> Person:
    """Apply the updates of a group in their order; `own` gets the results that hold once it is written."""
    for place in group.places:
        update = updates[place]
        introduced = _introduced(person, group, update, now_ms, naming)
        try:
            if place in group.forgotten:
                raise UnknownDecisionError
            after, result = update.change(introduced, now_ms)
            if len(after.members) > MAX_MEMBERS:
                raise TooManyIdentitiesError
        except ServiceError as error:
            results[place] = error
        else:
            own[place] = result
            if after is not introduced:
                person = after
    return person


def with_names(person: Person, refs: Sequence[Ref], names: Sequence[Identity | None]) -> Person:
    """Return the person with the names of members of whom only the ref was known."""
    if all(member.identity is not None for member in person.members):
        return person
    told = {ref: name for ref, name in zip(refs, names, strict=True) if name is not None}
    if not any(member.identity is None and member.ref in told for member in person.members):
        return person
    members = tuple(
        member._replace(identity=member.identity or told.get(member.ref)) for member in person.members
    )
    return person._replace(members=members)


def _introduced(person: Person, group: Group, update: Update[R], now_ms: int, naming: Naming) -> Person:
    """Return the person with the names that an update tells: unknown ones join, if they may."""
    person = with_names(person, update.refs, update.names)
    if group.claimed.isdisjoint(update.refs):
        return person
    members = {member.ref: member for member in person.members}
    for ref, name in zip(update.refs, update.names, strict=True):
        others = (member.identity for member in members.values())
        if ref in group.claimed and ref not in members and naming.may_join(name, others):
            members[ref] = Member(ref, name, now_ms)
    return person if len(members) == len(person.members) else person._replace(members=(*members.values(),))


def _is_forgotten(update: Update[R], found: Found) -> bool:
    if update.since_ms is None or found.erased_ms is None:
        return False
    return found.erased_ms >= update.since_ms


def _strongest(update: Update[R], naming: Naming) -> Ref:
    ranked = zip(map(naming.rank, update.names), range(len(update.refs)), update.refs, strict=True)
    return min(ranked)[-1]
