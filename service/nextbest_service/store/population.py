"""The population in the store: one sealed value, read when a generation is built."""

from typing import cast

import numpy as np
import redis
import structlog

from nextbest_models.population import Population
from nextbest_service.store import keys
from nextbest_service.store.codec import CodecError, StoredCounters, decode_counters, encode_counters

COLUMNS = 3

log = structlog.get_logger()


def write_population(client: redis.Redis, tag: bytes, as_of_ms: int, population: Population) -> None:
    """Replace the stored population; `tag` names the dictionary and the families' meaning."""
    columns = (population.customers, population.counts, population.totals)
    ids = np.arange(len(population.customers), dtype=np.uint32)
    client.set(keys.POPULATION, encode_counters(StoredCounters(tag, as_of_ms, ids, columns)))


def read_population(client: redis.Redis, tag: bytes) -> Population:
    """Return the population, or the unknown one where there is none that was written under `tag`."""
    blob = cast(bytes | None, client.get(keys.POPULATION))
    if blob is None:
        return Population.unknown()
    try:
        return _decode(blob, tag)
    except CodecError as error:
        log.error("population_unreadable", error=str(error))
        return Population.unknown()


def _decode(blob: bytes, tag: bytes) -> Population:
    stored = decode_counters(blob)
    if stored.tag != tag or len(stored.columns) != COLUMNS:
        raise CodecError("the population was stored under another dictionary or other definitions")
    return Population(*(column.astype(np.int64) for column in stored.columns))
