"""Reads what is known of a customer: one round trip, whatever the number of identities."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar, cast

import redis
import redis.asyncio
import structlog

from nextbest_models.affinity import AffinityCounters
from nextbest_models.state import CustomerFeatures
from nextbest_rules.records import Consent, Contact, Event, Kill, Purchase, Ticket
from nextbest_service.errors import StoreUnavailableError
from nextbest_service.store import keys
from nextbest_service.store.codec import (
    AsOf,
    CodecError,
    StoredFacts,
    decode_counters,
    decode_facts,
    decode_vector,
)
from nextbest_service.store.features import FeatureReader
from nextbest_service.store.keys import Identity
from nextbest_service.store.kills import kills_of
from nextbest_service.store.record_codec import decode_records
from nextbest_service.store.vectors import VectorSchema
from nextbest_service.store.volumes import volumes_of

S = TypeVar("S")
T = TypeVar("T")
Blobs = Sequence[bytes | None]
SCHEMA_RETRY_SECONDS = 5.0
_NO_FACTS = StoredFacts({})

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ReadPlan:
    """What the rules of a catalog read beyond features and facts; nothing else is fetched or decoded.

    `records` are names of `keys.RECORD_FIELDS`. `capped` are the ids of the actions with a volume cap.
    """

    records: tuple[str, ...] = tuple(keys.RECORD_FIELDS)
    capped: tuple[str, ...] = ()

    @property
    def fields(self) -> list[bytes]:
        """The fields of a customer's hash, those of the records last."""
        return [keys.VECTOR, keys.COUNTERS, keys.FACTS, *(keys.RECORD_FIELDS[name] for name in self.records)]


@dataclass(frozen=True, slots=True)
class Customer:
    """Everything a decision needs to know of one customer.

    `facts`, and each list of records, is None where it is stored but unreadable: then nothing may be assumed,
    not even declared defaults. Contacts come newest first. `features_as_of_ms` is None where no features are
    stored. `unreadable` names the parts of the stored state that could not be read. `defaulted`, sorted,
    names the customer features that took their default because the stored state does not have them.
    """

    known: bool
    features: CustomerFeatures
    features_as_of_ms: int | None
    facts: Mapping[str, object] | None
    facts_as_of: AsOf = None
    consents: tuple[Consent, ...] | None = ()
    tickets: tuple[Ticket, ...] | None = ()
    purchases: tuple[Purchase, ...] | None = ()
    events: tuple[Event, ...] | None = ()
    contacts: tuple[Contact, ...] | None = ()
    unreadable: tuple[str, ...] = ()
    defaulted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """What one round trip brought: the customer, and what holds for everybody at this moment.

    `volumes` has every capped action of the plan; None says that the volumes cannot be read.
    """

    customer: Customer
    killed: Mapping[str, Kill]
    volumes: Mapping[str, int] | None


class CustomerStore:
    """The read side of the customer store."""

    def __init__(self, client: redis.asyncio.Redis) -> None:
        self._client = client
        self._asked_for: dict[bytes, float] = {}

    async def load(
        self, identities: Sequence[Identity], reader: FeatureReader, now_ms: int, plan: ReadPlan
    ) -> Reading:
        """Return the customer behind the first identity that the store knows; nobody knows an anonymous one.

        Raises:
            StoreUnavailableError: the store did not answer in time.
        """
        kills, volumes, *states = await self._read(identities, plan)
        known = next((blobs for blobs in states if any(blob is not None for blob in blobs)), None)
        customer = (
            _stranger(reader, now_ms) if known is None else await self._decode(known, reader, now_ms, plan)
        )
        return Reading(customer, kills_of(kills), volumes_of(plan.capped, volumes))

    async def _read(self, identities: Sequence[Identity], plan: ReadPlan) -> list[Any]:
        """Return the kills, the volumes, and for each identity the plan's fields."""
        pipeline = self._client.pipeline(transaction=False)
        pipeline.hgetall(cast(str, keys.KILLS))
        if plan.capped:
            pipeline.hmget(cast(str, keys.VOLUMES), plan.capped)
        for identity in identities:
            pipeline.hmget(identity.customer_key, plan.fields)
        try:
            kills, *rest = await pipeline.execute()
        except (redis.RedisError, OSError, TimeoutError) as error:
            log.warning("store_read_failed", error=type(error).__name__)
            raise StoreUnavailableError("the customer store did not answer in time") from error
        return [kills, *rest] if plan.capped else [kills, (), *rest]

    async def _decode(self, blobs: Blobs, reader: FeatureReader, now_ms: int, plan: ReadPlan) -> Customer:
        unreadable: list[str] = []
        vector_blob, counters_blob, facts_blob, *record_blobs = blobs
        stored = _part("vector", vector_blob, decode_vector, unreadable)
        if stored is not None and stored.schema_id not in reader.conversions:
            await self._learn(stored.schema_id, reader)
        read = _part("vector", stored, reader.vector, unreadable)
        vector, defaulted = read or (reader.spec.customer_defaults, reader.spec.customer_names)
        as_of_ms = None if stored is None or read is None else stored.as_of_ms
        counters = _part("counters", counters_blob, partial(_counters, reader), unreadable)
        facts = _NO_FACTS if facts_blob is None else _part("facts", facts_blob, decode_facts, unreadable)
        records = dict(_records(plan.records, record_blobs, unreadable))
        return Customer(
            known=True,
            features=CustomerFeatures(
                vector,
                counters or AffinityCounters.empty(),
                now_ms if as_of_ms is None else as_of_ms,  # defaults do not age
            ),
            features_as_of_ms=as_of_ms,
            facts=facts.values if facts else None,
            facts_as_of=facts.as_of_ms if facts else None,
            **records,
            unreadable=tuple(unreadable),
            defaulted=tuple(sorted(defaulted)),
        )

    async def _learn(self, schema_id: bytes, reader: FeatureReader) -> None:
        """Look a vector schema up that was registered after this reader was made."""
        if time.monotonic() < self._asked_for.get(schema_id, 0.0) + SCHEMA_RETRY_SECONDS:
            return
        self._asked_for[schema_id] = time.monotonic()
        try:
            found = await self._client.hget(cast(str, keys.VECTOR_SCHEMAS), cast(str, schema_id))
        except (redis.RedisError, OSError, TimeoutError) as error:
            raise StoreUnavailableError("the customer store did not answer in time") from error
        if found is None:
            return
        try:
            reader.learn(VectorSchema.from_bytes(cast(bytes, found)))
        except CodecError as error:
            log.error("vector_schema_unreadable", schema=schema_id.hex(), error=str(error))


def _stranger(reader: FeatureReader, now_ms: int) -> Customer:
    return Customer(
        known=False,
        features=CustomerFeatures.unknown(reader.spec, now_ms),
        features_as_of_ms=None,
        facts={},
    )


def _counters(reader: FeatureReader, blob: bytes) -> AffinityCounters:
    return reader.counters(decode_counters(blob))


def _records(names: Sequence[str], blobs: Blobs, unreadable: list[str]) -> Iterator[tuple[str, Any]]:
    for name, blob in zip(names, blobs, strict=True):
        yield name, () if blob is None else _part(name, blob, partial(decode_records, name), unreadable)


def _part(name: str, stored: S | None, read: Callable[[S], T], unreadable: list[str]) -> T | None:
    """Return one part of the state, or None where it is absent or, noted in `unreadable`, cannot be read."""
    if stored is None:
        return None
    try:
        return read(stored)
    except CodecError as error:
        log.error("customer_state_unreadable", part=name, error=str(error))
        unreadable.append(name)
        return None
