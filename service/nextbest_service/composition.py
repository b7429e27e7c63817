"""The composition root: from settings and loaded parts to a decider. Nothing else wires things together."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np

from nextbest_models.affinity import AffinityKeys
from nextbest_models.artifact import load as load_ranker
from nextbest_models.features import FeatureSpec
from nextbest_models.online import OnlineFeatures
from nextbest_models.population import Population
from nextbest_models.ranker import Ranker
from nextbest_models.state import CustomerFeatures
from nextbest_rules import Catalog, RuleSet, load_catalog
from nextbest_rules.assignment import CHAMPION, STATIC
from nextbest_service.catalogs import find_catalog
from nextbest_service.clock import Clock, FixedClock, StoreClock, machine_ms
from nextbest_service.customers.books import Books
from nextbest_service.customers.care import Care
from nextbest_service.customers.intake import Intake
from nextbest_service.customers.naming import Naming
from nextbest_service.customers.settling import settled
from nextbest_service.decision_log.legend import Legend
from nextbest_service.decision_log.log import DecisionLog
from nextbest_service.decisions.decider import Decider, fresh_id
from nextbest_service.decisions.factors import Weights
from nextbest_service.decisions.generation import Generation, catalog_affinity_keys, feature_spec
from nextbest_service.decisions.last_known import LastKnown
from nextbest_service.decisions.storeless import Storeless
from nextbest_service.feast.mapping import FeastMapping, external_features, read_mapping
from nextbest_service.feast.reader import FeastReader
from nextbest_service.home import Home
from nextbest_service.settings import Settings
from nextbest_service.store.affinity_names import AffinityNames
from nextbest_service.store.connection import Store, SyncClient, connect
from nextbest_service.store.customer_store import CustomerStore
from nextbest_service.store.given import FeatureSource
from nextbest_service.store.links import Links
from nextbest_service.store.people import People
from nextbest_service.store.person_hashes import PersonHashes
from nextbest_service.store.population import read_population
from nextbest_service.store.preparing import Prepared, prepare
from nextbest_service.store.products import ProductBook
from nextbest_service.store.registry import AffinityIds
from nextbest_service.store.volume_holds import VolumeHolds

READS = 2
SLACK_MS = 50
"""Before it is made, a decision asks the store twice at most: with time for that and more no timer runs."""


@dataclass(frozen=True, slots=True)
class LoadedParts:
    """What can be loaded and checked without any store. `rankers` are the models in use, by name."""

    rules: RuleSet
    spec: FeatureSpec
    rankers: Mapping[str, Ranker]

    @property
    def champion(self) -> Ranker | None:
        """The model of everybody whose arm of an experiment says nothing else."""
        return self.rankers.get(CHAMPION)

    @property
    def missing_rankers(self) -> list[str]:
        """The rankers that the catalog's experiments name and that are not in use."""
        named = self.rules.catalog.experimentation.rankers - {CHAMPION, STATIC}
        return sorted(named - self.rankers.keys())


def load_parts(catalog: str, home: Home, model: Path | None = None) -> LoadedParts:
    """Load and check the catalog and the models in use: the champion, and those that its experiments name.

    Raises:
        CatalogError: the catalog has faults; all of them are listed.
        FeatureSpecError: a feature's definition means nothing to the models.
        ModelError: a model is damaged or does not fit the catalog.
        StartupError: there is no such catalog.
    """
    loaded = load_catalog(find_catalog(catalog))
    directories = home.models_in_use(loaded.name)
    return parts_of(loaded, directories if model is None else {**directories, CHAMPION: model})


@dataclass(frozen=True, slots=True)
class Known:
    """Models that serve already, by name: as good as loaded while features are those of a digest."""

    spec_digest: str
    rankers: Mapping[str, Ranker]


def parts_of(catalog: Catalog, models: Mapping[str, Path], known: Known | None = None) -> LoadedParts:
    """Load the models that a catalog needs, of the directories given by name, and compile its rules.

    Raises:
        FeatureSpecError: a feature's definition means nothing to the models.
        ModelError: a model is damaged or does not fit the catalog.
    """
    spec = feature_spec(catalog)
    named = {CHAMPION, *catalog.experimentation.rankers} - {STATIC}
    at_hand = known.rankers if known and known.spec_digest == spec.digest else {}
    rankers = {
        name: at_hand.get(name) or load_ranker(directory, spec)
        for name, directory in models.items()
        if name in named
    }
    return LoadedParts(RuleSet.compile(catalog), spec, rankers)


@dataclass(frozen=True, slots=True)
class Serving:
    """What answers calls: decisions, what comes in, and what people ask about customers."""

    decider: Decider
    intake: Intake
    care: Care


def build_serving(
    parts: LoadedParts,
    bulk: SyncClient,
    store: Store,
    clock: Clock,
    decision_log: DecisionLog,
    source: FeatureSource | None = None,
    last_known: LastKnown | None = None,
) -> Serving:
    """Bring the loaded parts and the store together; blocks while it registers what the catalog needs."""
    last_known = LastKnown() if last_known is None else last_known
    catalog = parts.rules.catalog
    prepared = prepare(bulk, OnlineFeatures(parts.spec), catalog_affinity_keys(catalog))
    population = read_population(bulk, prepared.codec.features.tag)
    keys = AffinityKeys(prepared.dictionary.keys)
    generation = Generation.build(parts.rules, parts.spec, keys, population, parts.rankers)
    intake = build_intake(parts.rules, prepared, store, clock, decision_log)
    people = intake.people
    decider = Decider(
        generation=generation,
        customers=CustomerStore(people, clock, source),
        people=people,
        volumes=intake.volumes,
        log=decision_log,
        legend=Legend.of(generation),
        last_known=last_known,
        plenty_ns=(READS * store.timeout_ms + SLACK_MS) * 1_000_000,
    )
    care = Care(people, Links(people), intake.books, AffinityNames(store), decision_log, last_known)
    return Serving(decider, intake, care)


def build_storeless(parts: LoadedParts, clock: Clock, decision_log: DecisionLog) -> Storeless:
    """Return what decides as long as the store has never been there; blocks while it is put together."""
    keys = AffinityKeys(tuple(sorted(catalog_affinity_keys(parts.rules.catalog))))
    generation = Generation.build(parts.rules, parts.spec, keys, Population.unknown(), {})
    nobody, ones = CustomerFeatures.unknown(parts.spec, 0), np.ones(len(generation.values))
    weights = Weights(generation.values, ones, ones, ones, np.empty(0, np.bool_))
    generation.rankings[STATIC].factors(nobody, {}, 1, weights, 0)  # what is slow the first time
    return Storeless(generation, clock, decision_log, fresh_id)


def build_intake(
    rules: RuleSet, prepared: Prepared, store: Store, clock: Clock, decision_log: DecisionLog
) -> Intake:
    """Return what takes in events, outcomes and profiles: the same for callers and for files."""
    codec = prepared.codec
    ids = AffinityIds.of(store, prepared.dictionary)
    books = Books.of(rules, codec.features.features, ids.known)
    people = People(
        hashes=PersonHashes(store, codec.ring, clock),
        naming=Naming.of(rules.catalog, codec.ring),
        codec=codec,
        linking=books.linking,
        settle=partial(settled, books),
    )
    volumes = VolumeHolds.of(store, rules.catalog)
    return Intake(people, books, ProductBook(store), ids, volumes, decision_log)


def open_feature_source(settings: Settings, parts: LoadedParts) -> FeastReader | None:
    """Return the reader of the Feast store that the settings name, None where they name none.

    Raises:
        BrokenFileError: the mapping has faults; all of them are listed.
    """
    if settings.feast is None or settings.feast_redis_url is None:
        return None
    url = settings.feast_redis_url.get_secret_value()
    return feast_reader(settings.feast, url, settings.store_timeout_ms, parts)


def feast_reader(mapping: Path, url: str, timeout_ms: int, parts: LoadedParts) -> FeastReader:
    """Return the reader of a Feast store.

    Raises:
        BrokenFileError: the mapping has faults; all of them are listed.
    """
    return FeastReader(connect(url, timeout_ms), _mapping(mapping, parts))


def _mapping(path: Path, parts: LoadedParts) -> FeastMapping:
    namespaces = {namespace.name for namespace in parts.rules.catalog.namespaces}
    return read_mapping(path, external_features(parts.spec), namespaces)


def renewed_source(settings: Settings, source: FeastReader | None, parts: LoadedParts) -> FeastReader | None:
    """Return a reader of the same Feast store for other parts, by the mapping as it is now.

    Raises:
        BrokenFileError: the mapping has faults; all of them are listed.
    """
    if source is None or settings.feast is None:
        return None
    return source.over(_mapping(settings.feast, parts))


def choose_clock(settings: Settings, catalog: Catalog) -> Clock:
    """Return the clock asked for, else the one the catalog lives by, else the machine's."""
    start_ms = catalog.clock_ms if settings.clock is None else _start_ms(settings.clock)
    since_ms = machine_ms() if settings.started_ms is None else settings.started_ms
    if settings.freeze_clock:
        return FixedClock(since_ms if start_ms is None else start_ms)
    return StoreClock() if start_ms is None else StoreClock.starting_at(start_ms, since_ms)


def _start_ms(clock: datetime | Literal["now"]) -> int | None:
    return None if clock == "now" else round(clock.timestamp() * 1000)
