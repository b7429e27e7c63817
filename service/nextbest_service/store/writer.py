"""Writes customer state in bulk."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import redis

from nextbest_service.store import keys
from nextbest_service.store.codec import (
    StoredCounters,
    StoredVector,
    encode_counters,
    encode_facts,
    encode_vector,
)
from nextbest_service.store.keys import Identity

BATCH = 500


@dataclass(frozen=True, slots=True)
class CustomerRecord:
    """The whole state of one customer, ready to be written."""

    identity: Identity
    vector: StoredVector
    counters: StoredCounters
    facts: Mapping[str, object]


def write_customers(client: redis.Redis, records: Iterable[CustomerRecord]) -> Iterable[int]:
    """Write the records in batches, each customer in one step, and yield the number of each batch written."""
    pipeline = client.pipeline(transaction=False)
    for record in records:
        pipeline.hset(
            record.identity.customer_key,
            mapping={
                keys.VECTOR: encode_vector(record.vector),
                keys.COUNTERS: encode_counters(record.counters),
                keys.FACTS: encode_facts(record.facts),
            },
        )
        if len(pipeline) >= BATCH:
            yield len(pipeline.execute())
    yield len(pipeline.execute())
