"""Reads what is known of a customer: one round trip, whatever the number of identities."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar, cast

import redis
import redis.asyncio
import structlog

from nextbest_models.affinity import AffinityCounters
from nextbest_models.state import CustomerFeatures
from nextbest_service.errors import StoreUnavailableError
from nextbest_service.store import keys
from nextbest_service.store.codec import CodecError, decode_counters, decode_facts, decode_vector
from nextbest_service.store.features import FeatureReader
from nextbest_service.store.keys import Identity
from nextbest_service.store.vectors import VectorSchema

S = TypeVar("S")
T = TypeVar("T")
Blobs = Sequence[bytes | None]
SCHEMA_RETRY_SECONDS = 5.0

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Customer:
    """Everything a decision needs to know of one customer.

    `facts` is None where facts are stored but unreadable: then nothing may be assumed, not even declared
    defaults. `unreadable` names the parts of the stored state that could not be read. `defaulted`, sorted,
    names the customer features that took their default because the stored state does not have them.
    """

    known: bool
    features: CustomerFeatures
    facts: Mapping[str, object] | None
    unreadable: tuple[str, ...] = ()
    defaulted: tuple[str, ...] = ()


class CustomerStore:
    """The read side of the customer store."""

    def __init__(self, client: redis.asyncio.Redis) -> None:
        self._client = client
        self._asked_for: dict[bytes, float] = {}

    async def load(self, identities: Sequence[Identity], reader: FeatureReader, now_ms: int) -> Customer:
        """Return the customer behind the first identity that the store knows; nobody knows an anonymous one.

        Raises:
            StoreUnavailableError: the store did not answer in time.
        """
        for blobs in await self._read(identities):
            if any(blob is not None for blob in blobs):
                return await self._decode(blobs, reader, now_ms)
        return Customer(known=False, features=CustomerFeatures.unknown(reader.spec, now_ms), facts={})

    async def _read(self, identities: Sequence[Identity]) -> list[Blobs]:
        try:
            if len(identities) == 1:
                blobs = await self._client.hmget(identities[0].customer_key, keys.CUSTOMER_FIELDS)
                return [cast(Blobs, blobs)]
            pipeline = self._client.pipeline(transaction=False)
            for identity in identities:
                pipeline.hmget(identity.customer_key, keys.CUSTOMER_FIELDS)
            return cast(list[Blobs], await pipeline.execute())
        except (redis.RedisError, OSError, TimeoutError) as error:
            log.warning("store_read_failed", error=type(error).__name__)
            raise StoreUnavailableError("the customer store did not answer in time") from error

    async def _decode(self, blobs: Blobs, reader: FeatureReader, now_ms: int) -> Customer:
        unreadable: list[str] = []
        vector_blob, counters_blob, facts_blob = blobs
        stored = _part("vector", vector_blob, decode_vector, unreadable)
        if stored is not None and stored.schema_id not in reader.conversions:
            await self._learn(stored.schema_id, reader)
        read = _part("vector", stored, reader.vector, unreadable)
        vector, defaulted = read or (reader.spec.customer_defaults, reader.spec.customer_names)
        counters = _part(
            "counters", counters_blob, lambda blob: reader.counters(decode_counters(blob)), unreadable
        )
        facts = {} if facts_blob is None else _part("facts", facts_blob, decode_facts, unreadable)
        as_of_ms = now_ms if stored is None or read is None else stored.as_of_ms  # defaults do not age
        return Customer(
            known=True,
            features=CustomerFeatures(vector, counters or AffinityCounters.empty(), as_of_ms),
            facts=facts,
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
