"""The population in the store: one sealed value, read when a generation is built."""

from typing import cast

import numpy as np
import structlog

from nextbest_models.population import Population
from nextbest_service.store import keys
from nextbest_service.store.codec import CodecError, foreign, pack, unpack
from nextbest_service.store.connection import SyncClient

_PART = "population"

log = structlog.get_logger()


def write_population(client: SyncClient, tag: bytes, population: Population) -> None:
    """Replace the stored population; `tag` names the dictionary and the families' meaning."""
    columns = (population.customers, population.counts, population.totals)
    content = [tag, *(column.astype("<i8").tobytes() for column in columns)]
    client.set(keys.POPULATION, pack(_PART, content, deflate=True))


def read_population(client: SyncClient, tag: bytes) -> Population:
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
    stored_tag, *columns = unpack(_PART, blob, list, use_list=True) or [b""]
    if stored_tag != tag:
        raise CodecError("the population was stored under another dictionary or other definitions")
    try:
        customers, counts, totals = (np.frombuffer(column, dtype="<i8") for column in columns)
    except (TypeError, ValueError) as error:
        raise foreign(_PART) from error
    if not len(customers) == len(counts) == len(totals):
        raise foreign(_PART)
    return Population(customers, counts, totals)
