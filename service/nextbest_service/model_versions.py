"""The model versions of a home, and putting one of them into use."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from nextbest_models.artifact import MANIFEST_FILE, load, read_manifest
from nextbest_models.features import FeatureSpec
from nextbest_models.judging.gates import GateReport
from nextbest_models.manifest import Manifest
from nextbest_models.ranker import ModelError
from nextbest_service.home import Home
from nextbest_service.models_in_use import ModelUseError, Why


@dataclass(frozen=True, slots=True)
class ListedModel:
    """A model version as its manifest describes it; nothing of it is loaded.

    auc, ndcg_at_10, calibration_error: on the test period of its training; None where they were not written
    down. in_use: the names it is in use as. fits: whether it was trained for the features of the catalog.
    problem: why it cannot be read, empty if it can.
    """

    version: str
    created: str = ""
    recipe: str = ""
    trees: int | None = None
    rows: int | None = None
    auc: float | None = None
    ndcg_at_10: float | None = None
    calibration_error: float | None = None
    in_use: tuple[str, ...] = ()
    fits: bool = False
    problem: str = ""


def list_models(home: Home, catalog: str, spec: FeatureSpec) -> tuple[ListedModel, ...]:
    """Return all versions of a catalog's models, the newest first, and those in use that are gone.

    Raises:
        ModelUseError: the history of the models in use is damaged.
    """
    in_use = {name: path.name for name, path in home.models_in_use(catalog).items()}
    found = {path.name for path in version_directories(home, catalog)}
    models = [_listed(home.models(catalog) / version, spec, in_use) for version in {*found, *in_use.values()}]
    return tuple(sorted(models, key=lambda model: (model.created, model.version), reverse=True))


def version_directories(home: Home, catalog: str) -> Iterator[Path]:
    """Yield the directories of all versions of a catalog's models."""
    for manifest in sorted(home.models(catalog).glob(f"*/{MANIFEST_FILE}")):
        if not manifest.parent.name.startswith("."):
            yield manifest.parent


def newest_unused(home: Home, catalog: str) -> Path:
    """Return the newest model version that is not in use.

    Raises:
        ModelUseError: there is none, or the history of the models in use is damaged.
        ModelError: a manifest is damaged.
    """
    in_use = {*home.models_in_use(catalog).values()}
    spare = [path for path in version_directories(home, catalog) if path not in in_use]
    if not spare:
        raise ModelUseError("there is no model version that is not in use; name one, or train one")
    return max(spare, key=lambda path: (read_manifest(path).created, path.name))


def version_directory(home: Home, catalog: str, version: str) -> Path:
    """Return the directory of a version, which may be shortened to what tells it from the others.

    Raises:
        ModelUseError: there is no such version, or there are several.
    """
    names = [path.name for path in version_directories(home, catalog)]
    matching = [name for name in names if name == version] or [
        name for name in names if version and name.startswith(version)
    ]
    if len(matching) == 1:
        return home.models(catalog) / matching[0]
    if matching:
        raise ModelUseError(f"several versions begin with {version}: {', '.join(matching)}")
    raise ModelUseError(
        f"there is no model version {version} in {home.models(catalog)}. See `nextbest models list`."
    )


def put_into_use(home: Home, catalog: str, directory: Path, name: str, gates: GateReport) -> None:
    """Put a model version that was checked into use under a name, and remember the gates that it met.

    Raises:
        ModelUseError: the name is none, or the history of the models in use is damaged.
    """
    figures = {figure: {"found": gate.found, "least": gate.least} for figure, gate in gates.gates.items()}
    home.use_model(catalog, directory.name, name, why=Why.PROMOTED, gates=figures)


def roll_back(home: Home, catalog: str, spec: FeatureSpec, name: str) -> Path | None:
    """Put back into use what was before under a name, and return its directory; None: nothing was in use.

    Raises:
        ModelError: what was in use before cannot be used any more; nothing has changed.
        ModelUseError: nothing was in use before, or the history is damaged.
    """
    before = home.model_history(catalog).before(name)
    if before is not None:
        check_version(home.models(catalog) / before, spec)
    home.roll_back_model(catalog, name)
    return home.model_in_use(catalog, name)


def check_version(directory: Path, spec: FeatureSpec) -> None:
    """Make sure that a version can serve, and is the one that its directory is named after.

    Raises:
        ModelError: it cannot, or is not.
    """
    ranker = load(directory, spec)
    if ranker.version != directory.name:
        raise ModelError(
            f"{directory} holds model {ranker.version}: it was edited or renamed. Train again or restore it."
        )


def _listed(directory: Path, spec: FeatureSpec, in_use: Mapping[str, str]) -> ListedModel:
    names = tuple(sorted(name for name, version in in_use.items() if version == directory.name))
    try:
        manifest = read_manifest(directory)
    except ModelError as error:
        return ListedModel(directory.name, in_use=names, problem=str(error))
    return ListedModel(
        version=directory.name,
        created=manifest.created,
        recipe=str(manifest.training.get("recipe", "")),
        trees=_whole(manifest.parameters.get("trees")),
        rows=_whole(manifest.training.get("rows")),
        auc=_figure(manifest, "auc"),
        ndcg_at_10=_figure(manifest, "ndcg_at_10"),
        calibration_error=_figure(manifest, "calibration_error"),
        in_use=names,
        fits=manifest.spec_digest == spec.digest,
    )


def _figure(manifest: Manifest, name: str) -> float | None:
    test = manifest.metrics.get("test")
    value = test.get(name) if isinstance(test, dict) else None
    return float(value) if isinstance(value, int | float) else None


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) else None
