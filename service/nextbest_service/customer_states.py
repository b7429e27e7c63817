"""Brings customers' states, as people write them, into the store."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict

import numpy as np
import redis

from nextbest_models.features import FeatureSpec
from nextbest_rules.trials.state import CustomerState
from nextbest_service.store.codec import StoredVector
from nextbest_service.store.keys import Identity
from nextbest_service.store.registry import register_vector_schema
from nextbest_service.store.vectors import VectorSchema
from nextbest_service.store.writer import CustomerRecord, write_customers


def store_states(
    client: redis.Redis, spec: FeatureSpec, states: Iterable[tuple[Identity, CustomerState]]
) -> Iterator[int]:
    """Replace the stored state of each person, and yield the number of persons of each batch written."""
    registered: set[VectorSchema] = set()

    def records() -> Iterator[CustomerRecord]:
        for identity, state in states:
            schema = schema_of(state, spec)
            if schema not in registered:
                register_vector_schema(client, schema)
                registered.add(schema)
            yield record_of(identity, state, schema)

    yield from write_customers(client, records())


def schema_of(state: CustomerState, spec: FeatureSpec) -> VectorSchema:
    """Return the schema of the features that the state gives: the others stay missing, as the reader sees."""
    return VectorSchema.of(
        (feature.name, asdict(feature.definition))
        for feature in spec.customer_features
        if feature.name in state.features
    )


def record_of(identity: Identity, state: CustomerState, schema: VectorSchema) -> CustomerRecord:
    """Return the state as the store keeps it."""
    values = np.array([state.features[name] for name in schema.names], dtype=np.float32)
    as_of_ms = state.features_as_of_ms
    return CustomerRecord(
        identity=identity,
        vector=None if as_of_ms is None or not len(values) else StoredVector(schema.id, as_of_ms, values),
        counters=None,
        facts=state.facts,
        facts_as_of_ms=state.facts_as_of,
        consents=state.consents,
        tickets=state.tickets,
        purchases=state.purchases,
        events=state.events,
        contacts=state.contacts,
    )
