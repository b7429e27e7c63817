"""Makes the home of the standard work: catalog, model, customers, and the figures that prove what it is."""

import hashlib
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import lightgbm
import uvloop

from benchmarks.standard_work.catalog_files import write_catalog
from benchmarks.standard_work.customers import CONTACTS, Households
from benchmarks.standard_work.measuring import measured
from benchmarks.standard_work.work import Figures, Spread, StandardWork, catalog_of, question
from nextbest_models import online, state_codec
from nextbest_models.artifact import MODEL_FILE
from nextbest_models.artifact import load as load_ranker
from nextbest_models.complete_journey import CompleteJourney
from nextbest_models.definitions import Source
from nextbest_models.features import FeatureSpec
from nextbest_models.online import OnlineFeatures
from nextbest_models.pipeline import TrainingRun, train
from nextbest_models.progress import Progress, silent
from nextbest_models.recipe import HistoryRecipe, load_recipe
from nextbest_models.snapshot import SnapshotEngine
from nextbest_rules import Catalog, load_catalog
from nextbest_rules.rulebook import rules_of
from nextbest_service.catalogs import find_catalog
from nextbest_service.cli.steps import read_journey
from nextbest_service.customers.person import Person
from nextbest_service.decisions.generation import action_profiles, feature_spec
from nextbest_service.home import Home, locked
from nextbest_service.loading import numbered
from nextbest_service.models_in_use import Why
from nextbest_service.store import keys as store_keys
from nextbest_service.store.connection import connect_for_bulk
from nextbest_service.store.loaded import Loaded, write_loaded
from nextbest_service.store.population import write_population
from nextbest_service.store.preparing import prepare
from nextbest_service.store.statistics import Sizes, customer_statistics
from nextbest_service.store.where import store_url
from nextbest_service.store.writer import write_persons

HERE = Path(__file__).parent
LOADED_FROM = "the standard work"


def default_root() -> Path:
    """Return where this state of the code keeps its standard work: in a directory that git ignores."""
    return Path(".nextbest") / f"standard-work-{key()}"


def key() -> str:
    """Return a name for what the work is made from: the catalog, this package, how state is stored."""
    files = [path for path in HERE.iterdir() if path.is_file()]
    files += find_catalog("grocery").rglob("*.yaml")
    for module in (online, state_codec, store_keys):
        assert module.__file__ is not None
        files += Path(module.__file__).parent.glob("*.py")
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def build(root: Path | None = None, progress: Progress = silent) -> StandardWork:
    """Return the standard work in a home; it is made anew unless it stands there as this code makes it."""
    root, made_from = root or default_root(), key()
    with locked(root / "standard-work"):
        found = StandardWork.read(root)
        if found is not None and found.key == made_from:
            return found
        for stale in ("catalog", "models", "valkey", "standard-work.json"):
            _remove(root / stale)
        work = _built(root.resolve(), made_from, progress)
        work.save()
    return work


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)


def _built(root: Path, made_from: str, progress: Progress) -> StandardWork:
    write_catalog(catalog_of(root))
    catalog = load_catalog(catalog_of(root))
    spec, journey = feature_spec(catalog), read_journey(progress)
    model = _train(root, catalog, spec, journey, progress)
    households = Households.of(journey, catalog)
    customers, sizes = _load(root, households, spec, progress)
    assert catalog.clock_ms is not None
    questions = [question(name, number) for number, name in enumerate(customers)]
    spreads = uvloop.run(measured(root, catalog.clock_ms, questions, progress))
    figures = Figures(
        actions=len(catalog.actions),
        live_actions=len(households.live),
        rules=sum(1 for _ in rules_of(catalog)),
        customers=len(customers),
        contacts=CONTACTS,
        features=len(spec.columns),
        pair_features=sum(it.source is Source.PAIR for it in spec.features),
        **_model_figures(model, spec),
        person_bytes_median=sizes.median,
        person_bytes_max=sizes.max,
        **spreads,
    )
    return StandardWork(root, made_from, tuple(customers), figures)


def _train(
    root: Path, catalog: Catalog, spec: FeatureSpec, journey: CompleteJourney, progress: Progress
) -> Path:
    home = Home(root)
    report = train(
        recipe=load_recipe(HERE / "recipe.toml", HistoryRecipe),
        spec=spec,
        log=journey.log,
        actions=action_profiles(catalog),
        exposures=journey.exposures(),
        run=TrainingRun(home.models(catalog.name), datetime.now(tz=UTC), 2, progress),
    )
    home.use_model(catalog.name, report.version, why=Why.TRAINED)
    return report.directory


def _model_figures(directory: Path, spec: FeatureSpec) -> dict[str, object]:
    trees = lightgbm.Booster(model_file=directory / MODEL_FILE).dump_model()["tree_info"]
    return {
        "trees": len(trees),
        "leaves": Spread.of([tree["num_leaves"] for tree in trees]),
        "scorer": load_ranker(directory, spec).scorer.name,
    }


def _load(
    root: Path, households: Households, spec: FeatureSpec, progress: Progress
) -> tuple[list[str], Sizes]:
    """Write the customers, and return their ids and what they take of the store's memory."""
    clock_ms, own_log, features = households.clock_ms, households.journey.log, OnlineFeatures(spec)
    wanted = {(family, name) for family, name in own_log.keys.to_plain()}
    names = list[str]()
    with store_url(Home(root), None) as url, connect_for_bulk(url) as client:
        codec, dictionary = prepare(client, features, wanted)
        log = numbered(own_log, dictionary.keys)
        write_population(client, codec.features.tag, SnapshotEngine(spec, log).snapshot(clock_ms).population)

        def named() -> Iterator[Person]:
            for name, person in households.persons(log, features, codec.ring):
                names.append(name)
                yield person

        for _ in write_persons(client, codec, named(), clock_ms):
            progress("Writing customers", len(names), households.count)
        write_loaded(client, Loaded(LOADED_FROM, clock_ms, len(names)))
        sizes = customer_statistics(client, len(names)).person
    return names, sizes
