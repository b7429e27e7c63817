"""The composition root: from settings and loaded parts to a decider. Nothing else wires things together."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Literal

from nextbest_models.affinity import AffinityKeys
from nextbest_models.artifact import load as load_ranker
from nextbest_models.features import FeatureSpec
from nextbest_models.online import OnlineFeatures
from nextbest_models.ranker import Ranker
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
from nextbest_service.decisions.decider import Decider
from nextbest_service.decisions.generation import Generation, catalog_affinity_keys, feature_spec
from nextbest_service.feast.mapping import external_features, read_mapping
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
    spec = feature_spec(loaded)
    named = {CHAMPION, *loaded.experimentation.rankers} - {STATIC}
    directories = {name: path for name, path in home.models_in_use(loaded.name).items() if name in named}
    if model is not None:
        directories[CHAMPION] = model
    rankers = {name: load_ranker(directory, spec) for name, directory in directories.items()}
    return LoadedParts(RuleSet.compile(loaded), spec, rankers)


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
) -> Serving:
    """Bring the loaded parts and the store together; blocks while it registers what the catalog needs."""
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
    )
    care = Care(people, Links(people), intake.books, AffinityNames(store), decision_log)
    return Serving(decider, intake, care)


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
    namespaces = {namespace.name for namespace in parts.rules.catalog.namespaces}
    read = read_mapping(mapping, external_features(parts.spec), namespaces)
    return FeastReader(connect(url, timeout_ms), read)


def choose_clock(settings: Settings, catalog: Catalog) -> Clock:
    """Return the clock asked for, else the one the catalog lives by, else the machine's."""
    start_ms = catalog.clock_ms if settings.clock is None else _start_ms(settings.clock)
    since_ms = machine_ms() if settings.started_ms is None else settings.started_ms
    if settings.freeze_clock:
        return FixedClock(since_ms if start_ms is None else start_ms)
    return StoreClock() if start_ms is None else StoreClock.starting_at(start_ms, since_ms)


def _start_ms(clock: datetime | Literal["now"]) -> int | None:
    return None if clock == "now" else round(clock.timestamp() * 1000)
