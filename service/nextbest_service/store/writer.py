"""Writes customer state in bulk."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

import redis

from nextbest_rules.records import Consent, Contact, Event, Purchase, Ticket
from nextbest_service.store import keys
from nextbest_service.store.codec import (
    AsOf,
    StoredCounters,
    StoredVector,
    encode_counters,
    encode_facts,
    encode_vector,
)
from nextbest_service.store.keys import Identity
from nextbest_service.store.record_codec import encode_records

BATCH = 250


@dataclass(frozen=True, slots=True)
class CustomerRecord:
    """The whole state of one customer, ready to be written."""

    identity: Identity
    vector: StoredVector | None
    counters: StoredCounters | None
    facts: Mapping[str, object]
    facts_as_of_ms: AsOf = None
    consents: tuple[Consent, ...] = ()
    tickets: tuple[Ticket, ...] = ()
    purchases: tuple[Purchase, ...] = ()
    events: tuple[Event, ...] = ()
    contacts: tuple[Contact, ...] = ()


def write_customers(client: redis.Redis, records: Iterable[CustomerRecord]) -> Iterator[int]:
    """Replace each customer's state in one step, and yield the number of customers of each batch written."""
    waiting = iter(records)
    while batch := [*islice(waiting, BATCH)]:
        pipeline = client.pipeline()
        for record in batch:
            pipeline.delete(record.identity.customer_key)
            pipeline.hset(record.identity.customer_key, mapping=dict(_fields(record)))
        pipeline.execute()
        yield len(batch)


def _fields(record: CustomerRecord) -> Iterator[tuple[bytes, bytes]]:
    """Yield what is stored. Facts always are, so that the customer is known; empty lists are not."""
    yield keys.FACTS, encode_facts(record.facts, record.facts_as_of_ms)
    if record.vector is not None:
        yield keys.VECTOR, encode_vector(record.vector)
    if record.counters is not None:
        yield keys.COUNTERS, encode_counters(record.counters)
    for part, field in keys.RECORD_FIELDS.items():
        if records := getattr(record, part):
            yield field, encode_records(part, records)
