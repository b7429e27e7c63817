"""The work behind `load`, `train` and `demo`, free of any printing."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from nextbest_models.complete_journey import CompleteJourney, SourceError, load_complete_journey
from nextbest_models.complete_journey.catalog_files import render_action_files
from nextbest_models.distributed import dask_client, fit_on
from nextbest_models.pipeline import TrainingReport, TrainingRun, train, train_on
from nextbest_models.progress import Progress
from nextbest_models.recipe import HistoryRecipe, LogRecipe, load_recipe
from nextbest_models.training import Fit, check_columns
from nextbest_models.training import fit as fit_here
from nextbest_rules import Catalog, load_catalog
from nextbest_service.catalogs import find_catalog
from nextbest_service.cli.extras import parquet_needed
from nextbest_service.customer_files import CustomerEntry, check_customers, read_states
from nextbest_service.customer_states import store_states
from nextbest_service.decisions.generation import action_profiles, feature_spec
from nextbest_service.errors import StartupError
from nextbest_service.home import Home
from nextbest_service.loading import LoadReport, load_journey
from nextbest_service.models_in_use import Why
from nextbest_service.shipped import shipped_directory
from nextbest_service.store.connection import connect_for_bulk
from nextbest_service.store.loaded import Loaded, write_loaded
from nextbest_service.store.where import store_url

GROCERY = "grocery"
FROM_LOG = "from-log"


def read_journey(progress: Progress) -> CompleteJourney:
    """Read the Complete Journey data set.

    Raises:
        StartupError: it is not installed.
    """
    try:
        return load_complete_journey(progress)
    except SourceError as error:
        raise StartupError(str(error)) from error


def write_grocery_actions(directory: Path, progress: Progress) -> int:
    """Write the grocery catalog's action files, made from the data, and return how many there are."""
    texts = render_action_files(read_journey(progress).offers)
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (directory / name).write_text(text, encoding="utf-8")
    return len(texts)


def load_grocery(
    home: Home,
    redis_url: str | None,
    catalog_name: str,
    journey: CompleteJourney,
    as_of: datetime | None,
    progress: Progress,
) -> LoadReport:
    """Write all households as of a moment (by default the catalog's clock) into the store."""
    catalog = load_catalog(find_catalog(catalog_name))
    moment_ms = _as_of_ms(as_of, catalog)
    with store_url(home, redis_url) as url, connect_for_bulk(url) as client:
        return load_journey(client, journey, catalog, feature_spec(catalog), moment_ms, progress)


@dataclass(frozen=True, slots=True)
class CustomersReport:
    """What `nextbest load customers` did. Somebody with several names is one customer."""

    customers: int
    identities: int
    as_of_ms: int
    dry_run: bool


def load_customers(
    home: Home,
    redis_url: str | None,
    catalog_name: str,
    paths: Sequence[Path],
    now: datetime | None,
    progress: Progress,
    *,
    dry_run: bool,
) -> CustomersReport:
    """Check all files, then replace the state of every customer in them; relative times count from `now`.

    Raises:
        CustomerFileError: the files have faults; nothing was written.
    """
    catalog = load_catalog(find_catalog(catalog_name))
    now_ms, spec = _as_of_ms(now, catalog), feature_spec(catalog)
    customers = check_customers(paths, catalog, now_ms, _watch(paths, progress))
    if dry_run:
        return CustomersReport(customers, 0, now_ms, dry_run)
    written = identities = 0

    def named() -> Iterator[CustomerEntry]:
        nonlocal identities
        for entry in read_states(paths, catalog, now_ms):
            identities += len(entry.identities)
            yield entry

    with store_url(home, redis_url) as url, connect_for_bulk(url) as client:
        for batch in store_states(client, catalog, spec, named(), now_ms):
            written += batch
            progress("Writing customers", written, customers)
        write_loaded(client, Loaded(", ".join(path.name for path in paths), now_ms, customers))
    return CustomersReport(customers, identities, now_ms, dry_run)


def _watch(paths: Sequence[Path], progress: Progress) -> Callable[[int], None]:
    total = sum(path.stat().st_size for path in paths if path.is_file())
    done = 0

    def watch(read: int) -> None:
        nonlocal done
        done += read
        progress("Checking bytes", done, total)

    return watch


def train_grocery(
    home: Home,
    catalog_name: str,
    journey: CompleteJourney,
    recipe: Path | None,
    threads: int,
    progress: Progress,
    *,
    dask: str = "",
    use: bool = True,
) -> TrainingReport:
    """Train a model for the catalog by a recipe, write it to the home and, if wanted, put it into use.

    Trees are grown on a Dask cluster where one is named.

    Raises:
        DaskError: there is no such cluster.
    """
    catalog = load_catalog(find_catalog(catalog_name))
    with _fitting(dask) as fit:
        report = train(
            recipe=load_recipe(recipe or shipped_recipe(GROCERY), HistoryRecipe),
            spec=feature_spec(catalog),
            log=journey.log,
            actions=action_profiles(catalog),
            exposures=journey.exposures(),
            run=TrainingRun(home.models(catalog.name), datetime.now(tz=UTC), threads, progress, fit),
        )
    if use:
        home.use_model(catalog.name, report.version, why=Why.TRAINED)
    return report


@dataclass(frozen=True, slots=True)
class LogTraining:
    """What `nextbest train --from-log` was asked for. `recipe` and `assume_shown` None leave the defaults."""

    export: Path
    recipe: Path | None
    assume_shown: bool | None
    use: bool


def train_from_log(
    home: Home, catalog_name: str, asked: LogTraining, threads: int, progress: Progress, dask: str = ""
) -> TrainingReport:
    """Train a model for the catalog from an exported decision log, and write it to the home.

    Raises:
        StartupError: pyarrow is not installed.
        LoggedDataError: nothing can be learned from the export.
        DatasetError: nothing positive happened in some period.
        RecipeError: the recipe has faults.
        DaskError: there is no such cluster as the one that is named.
    """
    with parquet_needed():
        from nextbest_models.logged.export import LogExport  # noqa: PLC0415 - pyarrow may be missing
        from nextbest_models.logged.material import material_of  # noqa: PLC0415
    catalog = load_catalog(find_catalog(catalog_name))
    spec = feature_spec(catalog)
    recipe = load_recipe(asked.recipe or shipped_recipe(FROM_LOG), LogRecipe)
    if asked.assume_shown is not None:
        plan = recipe.log.model_copy(update={"assume_shown": asked.assume_shown})
        recipe = recipe.model_copy(update={"log": plan})
    check_columns(recipe, spec.columns)
    material = material_of(recipe, spec, LogExport(asked.export, spec.digest, catalog.name), progress)
    with _fitting(dask) as fit:
        run = TrainingRun(home.models(catalog.name), datetime.now(tz=UTC), threads, progress, fit)
        report = train_on(recipe, spec, material, run)
    if asked.use:
        home.use_model(catalog.name, report.version, why=Why.TRAINED)
    return report


@contextmanager
def _fitting(dask: str) -> Iterator[Fit]:
    """Yield what trains: this machine, or a Dask cluster."""
    if not dask:
        yield fit_here
        return
    with dask_client(dask) as client:
        yield fit_on(client)


def shipped_recipe(name: str) -> Path:
    """Return the path of a training recipe that comes with nextbest."""
    return shipped_directory("nextbest_models", "recipes") / f"{name}.toml"


def _as_of_ms(as_of: datetime | None, catalog: Catalog) -> int:
    if as_of is not None:
        return round(as_of.timestamp() * 1000)
    if catalog.clock_ms is not None:
        return catalog.clock_ms
    return round(datetime.now(tz=UTC).timestamp() * 1000)
