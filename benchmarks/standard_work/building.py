"""Makes the home of the standard work: catalog, model, customers, and the figures that prove what it is."""

import hashlib
import shutil
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

import lightgbm
import uvloop

from benchmarks.handwritten import exporting
from benchmarks.standard_work.catalog_files import write_catalog
from benchmarks.standard_work.customers import CONTACTS, Households
from benchmarks.standard_work.loading import load
from benchmarks.standard_work.measuring import measured
from benchmarks.standard_work.work import (
    WHOLE,
    Figures,
    Model,
    Size,
    Spread,
    StandardWork,
    catalog_of,
    question,
)
from nextbest_models import online, state_codec
from nextbest_models.artifact import MODEL_FILE
from nextbest_models.artifact import load as load_ranker
from nextbest_models.complete_journey import CompleteJourney
from nextbest_models.definitions import Source
from nextbest_models.features import FeatureSpec
from nextbest_models.pipeline import TrainingRun, train
from nextbest_models.progress import Progress, silent
from nextbest_models.recipe import HistoryRecipe, load_recipe
from nextbest_rules import Catalog, load_catalog
from nextbest_rules.rulebook import rules_of
from nextbest_service.catalogs import find_catalog
from nextbest_service.cli.steps import read_journey
from nextbest_service.decisions.generation import action_profiles, feature_spec
from nextbest_service.home import Home, locked
from nextbest_service.models_in_use import Why
from nextbest_service.store import keys as store_keys

HERE = Path(__file__).parent


def default_root() -> Path:
    """Return where this state of the code keeps its standard work: in a directory that git ignores."""
    return Path(".nextbest") / f"standard-work-{key(WHOLE)}"


def key(size: Size) -> str:
    """Return a name for what the work is made from: the catalog, this package, how state is stored."""
    files = [Path(exporting.__file__), *(path for path in HERE.iterdir() if path.is_file())]
    files += find_catalog("grocery").rglob("*.yaml")
    for module, named in ((online, "*.py"), (state_codec, "*.py"), (store_keys, "*codec.py")):
        files += Path(str(module.__file__)).parent.glob(named)
    digest = hashlib.sha256(repr(asdict(size)).encode())
    for path in sorted(files):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def build(root: Path | None = None, progress: Progress = silent, size: Size = WHOLE) -> StandardWork:
    """Return the standard work in a home; it is made anew unless it stands there as this code makes it."""
    root, made_from = root or default_root(), key(size)
    with locked(root / "standard-work"):
        found = StandardWork.read(root)
        if found is not None and found.key == made_from:
            return found
        for stale in ("catalog", "models", "valkey", "standard-work.json"):
            _remove(root / stale)
        work = _built(root.resolve(), made_from, size, progress)
        work.save()
    return work


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)


def _built(root: Path, made_from: str, size: Size, progress: Progress) -> StandardWork:
    write_catalog(catalog_of(root))
    catalog = load_catalog(catalog_of(root))
    assert catalog.clock_ms is not None
    spec, journey = feature_spec(catalog), read_journey(progress)
    model = _train(root, catalog, spec, journey, size, progress)
    households = Households.of(journey, catalog, size)
    customers, sizes = load(root, households, spec, model, progress)
    questions = [question(name, number) for number, name in enumerate(customers)]
    figures = Figures(
        actions=len(catalog.actions),
        live_actions=len(households.live),
        rules=sum(1 for _ in rules_of(catalog)),
        customers=len(customers),
        contacts=CONTACTS,
        features=len(spec.columns),
        pair_features=sum(it.source is Source.PAIR for it in spec.features),
        model=_model(model, spec),
        decisions=uvloop.run(measured(root, catalog.clock_ms, questions, progress)),
        person_bytes_median=sizes.median,
        person_bytes_max=sizes.max,
    )
    return StandardWork(root, made_from, tuple(customers), figures)


def _train(
    root: Path, catalog: Catalog, spec: FeatureSpec, journey: CompleteJourney, size: Size, progress: Progress
) -> Path:
    home, recipe = Home(root), load_recipe(HERE / "recipe.toml", HistoryRecipe)
    report = train(
        recipe=recipe.model_copy(
            update={"lightgbm": recipe.lightgbm.model_copy(update={"trees": size.trees})}
        ),
        spec=spec,
        log=journey.log,
        actions=action_profiles(catalog),
        exposures=(
            replace(it, customers=it.customers[:: size.learn_from_one_in]) for it in journey.exposures()
        ),
        # On a busy machine two threads wait for each other longer than one takes.
        run=TrainingRun(home.models(catalog.name), datetime.now(tz=UTC), 1, progress),
    )
    home.use_model(catalog.name, report.version, why=Why.TRAINED)
    return report.directory


def _model(directory: Path, spec: FeatureSpec) -> Model:
    trees = lightgbm.Booster(model_file=directory / MODEL_FILE).dump_model()["tree_info"]
    leaves = Spread.of([tree["num_leaves"] for tree in trees])
    return Model(len(trees), leaves, load_ranker(directory, spec).scorer.name)
