"""Brings a data source into the store: every customer's features, counters and facts as of one moment."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import redis

from nextbest_models.affinity import AffinityCounters, AffinityKeys, KeyIds
from nextbest_models.complete_journey import CompleteJourney
from nextbest_models.features import FeatureSpec
from nextbest_models.population import Population
from nextbest_models.progress import Progress
from nextbest_models.snapshot import Snapshot, SnapshotEngine
from nextbest_models.state import CustomerFeatures
from nextbest_rules import Catalog
from nextbest_service.decisions.generation import catalog_affinity_keys
from nextbest_service.store.features import counters_tag, stored_counters, stored_vector, vector_schema
from nextbest_service.store.keys import Identity
from nextbest_service.store.loaded import Loaded, write_loaded
from nextbest_service.store.population import write_population
from nextbest_service.store.registry import register_affinity_keys, register_vector_schema
from nextbest_service.store.writer import CustomerRecord, write_customers

NAMESPACE = "customer"


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What was loaded. `transactions_seen` counts the lines before `as_of_ms`; no later one was looked at."""

    source: str
    as_of_ms: int
    customers: int
    transactions: int
    transactions_seen: int
    actions: int


def load_journey(
    client: redis.Redis,
    journey: CompleteJourney,
    catalog: Catalog,
    spec: FeatureSpec,
    as_of_ms: int,
    progress: Progress,
) -> LoadReport:
    """Write every household's state as of a moment, replacing what the store held of it."""
    dictionary = register_affinity_keys(
        client,
        {(family, key) for family, key in journey.log.keys.to_plain()} | catalog_affinity_keys(catalog),
    )
    register_vector_schema(client, vector_schema(spec))
    snapshot = SnapshotEngine(spec, journey.log).snapshot(as_of_ms)
    translation = _translation(journey.log.keys, AffinityKeys(dictionary.keys))
    tag = counters_tag(spec, dictionary)
    write_population(client, tag, as_of_ms, _translate_population(snapshot.population, translation))
    written = 0
    for batch in write_customers(client, _records(journey, spec, snapshot, translation, tag)):
        written += batch
        progress("Writing customers", written, len(journey.log.customers))
    write_loaded(client, Loaded(source="Complete Journey", as_of_ms=as_of_ms, customers=written))
    return LoadReport(
        source="Complete Journey",
        as_of_ms=as_of_ms,
        customers=written,
        transactions=journey.transactions,
        transactions_seen=int(journey.log.stream("trips").before(as_of_ms).values["lines"].sum()),
        actions=len(catalog.actions),
    )


def _records(
    journey: CompleteJourney, spec: FeatureSpec, snapshot: Snapshot, translation: KeyIds, tag: bytes
) -> Iterator[CustomerRecord]:
    facts = journey.facts(snapshot.as_of_ms)
    schema_id = vector_schema(spec).id
    for customer, features in zip(journey.log.customers, snapshot, strict=True):
        translated = CustomerFeatures(
            features.vector, _translate(features.counters, translation), features.as_of_ms
        )
        yield CustomerRecord(
            identity=Identity(NAMESPACE, customer),
            vector=stored_vector(schema_id, translated),
            counters=stored_counters(tag, translated),
            facts=facts[customer],
        )


def _translation(own: AffinityKeys, registered: AffinityKeys) -> KeyIds:
    """Return, for each key id of the source, the id that the store's dictionary gave the same key."""
    ids = [registered.ids_for(family, [key])[0] for family, key in own.to_plain()]
    return registered.stored(np.array(ids, dtype=np.int64))


def _translate(counters: AffinityCounters, translation: KeyIds) -> AffinityCounters:
    ids = translation[counters.ids]
    order = np.argsort(ids)
    return AffinityCounters(ids[order], *(column[order] for column in counters.statistics))


def _translate_population(population: Population, translation: KeyIds) -> Population:
    """Return the population by the store's key ids; nobody touched keys that the source does not have."""
    columns = (population.customers, population.counts, population.totals)
    return Population(*(np.bincount(translation, column).astype(np.int64) for column in columns))
