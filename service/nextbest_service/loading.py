"""Brings a data source into the store: every customer as of one moment, and the product book."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nextbest_models.affinity import AffinityKey, AffinityKeys
from nextbest_models.complete_journey import CompleteJourney
from nextbest_models.features import FeatureSpec
from nextbest_models.history import EventLog, Touches
from nextbest_models.online import OnlineFeatures
from nextbest_models.progress import Progress
from nextbest_models.snapshot import SnapshotEngine
from nextbest_rules import Catalog, RuleSet
from nextbest_rules.records import Contact, Outcome
from nextbest_service.customers.person import Member, Person
from nextbest_service.customers.portion import Portion
from nextbest_service.decisions.generation import catalog_affinity_keys
from nextbest_service.store.connection import SyncClient
from nextbest_service.store.keys import Identity, KeyRing
from nextbest_service.store.loaded import Loaded, write_loaded
from nextbest_service.store.population import write_population
from nextbest_service.store.preparing import prepare
from nextbest_service.store.products import product_commands
from nextbest_service.store.writer import write_persons

NAMESPACE = "customer"


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What was loaded. `transactions_seen` counts the lines before `as_of_ms`; no later one was looked at.

    `actions` counts the offers that the data tells of.
    """

    source: str
    as_of_ms: int
    customers: int
    products: int
    transactions: int
    transactions_seen: int
    actions: int


def load_journey(
    client: SyncClient,
    journey: CompleteJourney,
    catalog: Catalog,
    spec: FeatureSpec,
    as_of_ms: int,
    progress: Progress,
) -> LoadReport:
    """Write every household's state as of a moment, replacing what the store held of it."""
    features = OnlineFeatures(spec)
    own = {(family, key) for family, key in journey.log.keys.to_plain()}
    codec, dictionary = prepare(client, features, own | catalog_affinity_keys(catalog))
    log = numbered(journey.log, dictionary.keys)
    write_population(client, codec.features.tag, SnapshotEngine(spec, log).snapshot(as_of_ms).population)
    contacts = _redeemed(journey, catalog, as_of_ms)
    households = _households(journey, log, features, codec.ring, contacts, as_of_ms)
    written = 0
    for batch in write_persons(client, codec, households, as_of_ms):
        written += batch
        progress("Writing customers", written, len(log.customers))
    products = journey.product_keys()
    for command in product_commands(products):
        client.execute_command(*command)  # type: ignore[no-untyped-call]
    progress("Writing products", len(products), len(products))
    write_loaded(client, Loaded(source="Complete Journey", as_of_ms=as_of_ms, customers=written))
    return LoadReport(
        source="Complete Journey",
        as_of_ms=as_of_ms,
        customers=written,
        products=len(products),
        transactions=len(journey.transactions),
        transactions_seen=int(journey.log.stream("trips").before(as_of_ms).values["lines"].sum()),
        actions=len(journey.offers),
    )


def _households(
    journey: CompleteJourney,
    log: EventLog,
    features: OnlineFeatures,
    ring: KeyRing,
    contacts: Mapping[str, Sequence[Contact]],
    as_of_ms: int,
) -> Iterator[Person]:
    facts = journey.facts(as_of_ms)
    for household, state in zip(log.customers, features.from_snapshot(log, as_of_ms), strict=True):
        identity = Identity(NAMESPACE, household)
        portion = Portion(
            facts=facts[household],
            facts_as_of=dict.fromkeys(facts[household], as_of_ms),
            contacts=tuple(contacts.get(household, ())),
            features=state,
        )
        yield Person((Member(ring.ref(identity), identity, portion=portion),))


def _redeemed(journey: CompleteJourney, catalog: Catalog, as_of_ms: int) -> Mapping[str, Sequence[Contact]]:
    """Return what each household redeemed, newest first, as far back as a rule looks."""
    kept_ms = RuleSet.compile(catalog).retention()["contacts"]
    found: dict[str, list[Contact]] = {}
    for household, redemption in journey.redemptions(0 if kept_ms is None else as_of_ms - kept_ms, as_of_ms):
        bit = catalog.index.get(redemption.offer)
        if bit is not None:
            action = catalog.actions[bit]
            found.setdefault(household, []).append(
                Contact(
                    action=action.id,
                    outcome=Outcome.ACCEPTED.value,
                    at_ms=redemption.day_ms,
                    type=action.type.value,
                    issue=action.issue,
                    group=action.group,
                )
            )
    return {household: sorted(own, key=lambda it: -it.at_ms) for household, own in found.items()}


def numbered(log: EventLog, keys: Sequence[AffinityKey]) -> EventLog:
    """Return the log with the key ids of the store's dictionary."""
    dictionary = AffinityKeys(keys)
    ids = np.array([dictionary.ids_for(family, [key])[0] for family, key in log.keys.to_plain()])
    touches = {family: Touches(it.stream, ids[it.keys]) for family, it in log.touches.items()}
    return EventLog(log.customers, log.streams, touches, dictionary)
