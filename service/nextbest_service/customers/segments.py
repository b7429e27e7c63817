"""Segments have a memory: when a person enters or leaves one, that is an event like any other."""

from collections.abc import Iterable, Mapping, Set

from nextbest_rules import Situation
from nextbest_rules.catalog import Segment
from nextbest_rules.event_types import SEGMENT_ENTERED, SEGMENT_LEFT, SEGMENT_PASSED
from nextbest_service.customers import folding
from nextbest_service.customers.books import Books
from nextbest_service.customers.events import with_declared_effects
from nextbest_service.customers.incoming import Stamp, TrackedEvent
from nextbest_service.customers.person import Person

_NO_STAMP = Stamp(b"", 0)


def with_passages(books: Books, person: Person, now_ms: int) -> Person:
    """Return the person with the segments that hold now, and an event for each one entered or left.

    Within a group, going from one segment to another is a passage, and an event of its own. All of it is
    written down with the head of the person.
    """
    if not books.catalog.segments:
        return person
    holding = books.rules.memberships(situation_of(books, person, now_ms))
    if holding == person.segments.keys():
        return person
    for type_, subject in _passages(books.catalog.segments, person.segments.keys(), holding):
        event = TrackedEvent(_NO_STAMP, type_, now_ms, subject, brand=books.catalog.default_brand)
        person = with_declared_effects(books, person, person.head, event)
    return person._replace(segments={name: person.segments.get(name, now_ms) for name in sorted(holding)})


def situation_of(books: Books, person: Person, now_ms: int) -> Situation:
    """Return what rules see of a person outside any decision."""
    portions = person.portions
    facts, facts_as_of = folding.folded_facts(portions)
    features, features_as_of = features_of(books, person, now_ms)
    return Situation(
        now_ms=now_ms,
        known=True,
        facts=facts,
        facts_as_of=facts_as_of,
        features=features,
        features_as_of=features_as_of,
        consents=folding.folded_consents(portions),
        tickets=folding.folded_tickets(portions),
        purchases=folding.folded_purchases(portions),
        events=folding.folded_events(portions),
        contacts=folding.folded_contacts(portions, now_ms),
    )


def features_of(books: Books, person: Person, now_ms: int) -> tuple[Mapping[str, float], Mapping[str, int]]:
    """Return the customer's features by name, and when those were computed that were given."""
    online = books.features
    states = [portion.features for portion in person.portions if portion.features is not None]
    state = online.folded(states) if states else online.empty
    vector = online.features(state, now_ms).vector  # as decisions see it: float32
    return dict(zip(online.spec.customer_names, vector.tolist(), strict=True)), online.as_of(state)


def _passages(segments: Iterable[Segment], before: Set[str], now: Set[str]) -> Iterable[tuple[str, str]]:
    """Yield (type, subject) of every event: left ones first."""
    known = [*segments]
    group = {segment.id: segment.group for segment in known}
    left = sorted(before - now)
    entered = [segment.id for segment in known if segment.id in now - before]
    for name in left:
        yield SEGMENT_LEFT, name
    for name in entered:
        yield SEGMENT_ENTERED, name
    for old in left:
        for new in entered:
            if group.get(old) and group.get(old) == group[new]:
                yield SEGMENT_PASSED, f"{old}>{new}"
