"""All that is known of a person, as people and decisions see it: the 360-degree view."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nextbest_models.affinity import AffinityKeys
from nextbest_models.online import Affinity, FeatureState
from nextbest_rules.records import Consent, Contact, Event, Purchase, Ticket
from nextbest_service.customers import folding
from nextbest_service.customers.books import Books
from nextbest_service.customers.person import Member, Person
from nextbest_service.customers.segments import features_of

VERSION_TIME_BYTES = 6


@dataclass(frozen=True, slots=True)
class FeatureValue:
    """One feature: None is missing. `as_of_ms` is when it was computed, `stale` that this is too long ago."""

    name: str
    value: float | None
    as_of_ms: int
    stale: bool


@dataclass(frozen=True, slots=True)
class CustomerView:
    """A person at a moment. Contacts are newest first and include reservations, tickets open ones first."""

    members: tuple[Member, ...]
    attributes: Mapping[str, object]
    attributes_as_of: Mapping[str, int]
    consents: tuple[Consent, ...]
    features: tuple[FeatureValue, ...]
    tickets: tuple[Ticket, ...]
    purchases: tuple[Purchase, ...]
    events: tuple[Event, ...]
    contacts: tuple[Contact, ...]
    affinities: Mapping[str, Sequence[Affinity]]
    segments: Mapping[str, int]
    updated_ms: int


def view_of(
    books: Books, person: Person, keys: AffinityKeys, now_ms: int, affinity_limit: int
) -> CustomerView:
    """Return what is known of a person; `keys` is the dictionary of all affinity keys that it touched."""
    portions = person.portions
    facts, as_of = folding.folded_facts(portions)
    tickets = sorted(folding.folded_tickets(portions), key=_ticket_order)
    return CustomerView(
        members=person.members,
        attributes={name: value for name, value in facts.items() if value is not None},
        attributes_as_of=as_of,
        consents=folding.folded_consents(portions),
        features=_features(books, person, now_ms),
        tickets=tuple(tickets),
        purchases=folding.folded_purchases(portions),
        events=folding.folded_events(portions),
        contacts=folding.folded_contacts(portions, now_ms),
        affinities=books.features.strongest(folded_state(books, person), keys, affinity_limit),
        segments=person.segments,
        updated_ms=int.from_bytes(person.version[:VERSION_TIME_BYTES], "big"),
    )


def folded_state(books: Books, person: Person) -> FeatureState:
    """Return the feature state of a whole person, for reading."""
    states = [portion.features for portion in person.portions if portion.features is not None]
    return books.features.folded(states) if states else books.features.empty


def highest_key(state: FeatureState) -> int:
    """Return the highest id of an affinity key in a state, -1 without any."""
    return int(state.counters.ids[-1]) if len(state.counters.ids) else -1


def _features(books: Books, person: Person, now_ms: int) -> tuple[FeatureValue, ...]:
    values, as_of = features_of(books, person, now_ms)
    max_age = {item.name: item.max_age_ms for item in books.catalog.features}
    return tuple(
        FeatureValue(
            name,
            None if value != value else value,  # noqa: PLR0124 - NaN is missing
            as_of.get(name, now_ms),
            (limit := max_age.get(name)) is not None and now_ms - as_of.get(name, now_ms) > limit,
        )
        for name, value in values.items()
    )


def _ticket_order(ticket: Ticket) -> tuple[bool, int]:
    return not ticket.open, -(ticket.opened_at_ms or ticket.closed_at_ms or 0)
