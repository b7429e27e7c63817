"""Brings customers' states, as people write them, into the store."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from nextbest_models.features import FeatureSpec
from nextbest_models.online import OnlineFeatures
from nextbest_rules import Catalog
from nextbest_rules.trials.state import CustomerState
from nextbest_service.customers.naming import Naming
from nextbest_service.customers.person import Member, Person
from nextbest_service.customers.portion import EMPTY, Portion
from nextbest_service.decisions.generation import catalog_affinity_keys
from nextbest_service.store.connection import SyncClient
from nextbest_service.store.keys import Identity
from nextbest_service.store.preparing import prepare
from nextbest_service.store.writer import write_persons


class WrittenCustomer(Protocol):
    """One customer: every name of the person, and what is known of them at a moment."""

    @property
    def identities(self) -> Sequence[Identity]:
        """The names."""
        ...

    @property
    def state(self) -> CustomerState:
        """What is known."""
        ...


def store_states(
    client: SyncClient,
    catalog: Catalog,
    spec: FeatureSpec,
    customers: Iterable[WrittenCustomer],
    now_ms: int,
) -> Iterator[int]:
    """Replace the stored state of each person, and yield the number of persons of each batch written."""
    features = OnlineFeatures(spec)
    codec = prepare(client, features, catalog_affinity_keys(catalog)).codec
    naming = Naming.of(catalog, codec.ring)
    persons = (person_of(it, features, naming, now_ms) for it in customers)
    yield from write_persons(client, codec, persons, now_ms)


def person_of(customer: WrittenCustomer, features: OnlineFeatures, naming: Naming, now_ms: int) -> Person:
    """Return the person as the store keeps it: all that is known is known under the strongest name."""
    who = naming.who(customer.identities)
    named = sorted(zip(who.names, who.refs, strict=True), key=lambda pair: naming.rank(pair[0]))
    known = portion_of(customer.state, features, now_ms)
    return Person(
        tuple(
            Member(ref, identity, portion=EMPTY if index else known)
            for index, (identity, ref) in enumerate(named)
        )
    )


def portion_of(state: CustomerState, features: OnlineFeatures, now_ms: int) -> Portion:
    """Return the state as what came in under one name. Its features are given: no events add up to them."""
    as_of_ms = now_ms if state.features_as_of_ms is None else state.features_as_of_ms
    given = features.with_given(features.empty, state.features, as_of_ms) if state.features else None
    return Portion(
        facts=state.facts,
        facts_as_of=_times_of(state, now_ms),
        consents=state.consents,
        tickets=state.tickets,
        purchases=state.purchases,
        events=state.events,
        contacts=state.contacts,
        features=given,
    )


def _times_of(state: CustomerState, now_ms: int) -> Mapping[str, int]:
    """Return when each fact was known; where nobody says so, it is now."""
    as_of = state.facts_as_of
    if isinstance(as_of, Mapping):
        return {name: as_of.get(name, now_ms) for name in state.facts}
    return dict.fromkeys(state.facts, now_ms if as_of is None else as_of)
