"""The composition root: from settings and loaded parts to a decider. Nothing else wires things together."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

import redis
import redis.asyncio

from nextbest_models.affinity import AffinityKeys
from nextbest_models.artifact import load as load_ranker
from nextbest_models.features import FeatureSpec
from nextbest_models.ranker import Ranker
from nextbest_rules import Catalog, RuleSet, load_catalog
from nextbest_service.catalogs import find_catalog
from nextbest_service.clock import Clock, FixedClock, ShiftedClock, SystemClock
from nextbest_service.decisions.decider import Decider
from nextbest_service.decisions.generation import Generation, catalog_affinity_keys, feature_spec
from nextbest_service.home import Home
from nextbest_service.settings import Settings
from nextbest_service.store.customers import CustomerStore
from nextbest_service.store.embedded import embedded_valkey
from nextbest_service.store.features import FeatureReader, vector_schema
from nextbest_service.store.population import read_population
from nextbest_service.store.registry import (
    read_vector_schemas,
    register_affinity_keys,
    register_vector_schema,
)


@dataclass(frozen=True, slots=True)
class LoadedParts:
    """What can be loaded and checked without any store."""

    rules: RuleSet
    spec: FeatureSpec
    ranker: Ranker | None


def load_parts(catalog: str, home: Home, model: Path | None = None) -> LoadedParts:
    """Load and check the catalog and, if there is one, the model.

    Raises:
        CatalogError: the catalog has faults; all of them are listed.
        FeatureSpecError: a feature's definition means nothing to the models.
        ModelError: the model is damaged or does not fit the catalog.
        StartupError: there is no such catalog.
    """
    loaded = load_catalog(find_catalog(catalog))
    spec = feature_spec(loaded)
    directory = model or home.current_model(loaded.name)
    ranker = load_ranker(directory, spec) if directory else None
    return LoadedParts(RuleSet.compile(loaded), spec, ranker)


def build_decider(
    parts: LoadedParts, bulk: redis.Redis, client: redis.asyncio.Redis, clock: Clock
) -> Decider:
    """Bring the loaded parts and the store together; blocks while it registers what the catalog needs."""
    dictionary = register_affinity_keys(bulk, catalog_affinity_keys(parts.rules.catalog))
    register_vector_schema(bulk, vector_schema(parts.spec))
    reader = FeatureReader.of(parts.spec, dictionary, read_vector_schemas(bulk))
    generation = Generation.build(
        parts.rules,
        parts.spec,
        AffinityKeys(dictionary.keys),
        read_population(bulk, reader.tag),
        parts.ranker,
    )
    return Decider(generation, reader, CustomerStore(client), clock)


def choose_clock(settings: Settings, catalog: Catalog) -> Clock:
    """Return the clock asked for, else the one the catalog lives by, else the machine's."""
    start_ms = catalog.clock_ms if settings.clock is None else _start_ms(settings.clock)
    if settings.freeze_clock:
        return FixedClock(SystemClock().now_ms() if start_ms is None else start_ms)
    return SystemClock() if start_ms is None else ShiftedClock.starting_at(start_ms)


def _start_ms(clock: datetime | Literal["now"]) -> int | None:
    return None if clock == "now" else round(clock.timestamp() * 1000)


@contextmanager
def store_url(home: Home, redis_url: str | None) -> Iterator[str]:
    """Yield the URL of the store: the user's own, or the embedded Valkey as long as the context lasts."""
    if redis_url is not None:
        yield redis_url
        return
    with embedded_valkey(home.valkey) as url:
        yield url
