"""Model artifacts on disk: written in one step, and checked before LightGBM sees a byte.

LightGBM trusts its model files. A truncated one ends the process with a segmentation fault, an edited one may
never return. So the hash is checked first, and the golden scores last.
"""

import hashlib
import json
import math
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

import lightgbm
import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue, ValidationError

from nextbest_models.companions import ALONE, Companions, read_companions
from nextbest_models.features import FeatureSpec
from nextbest_models.manifest import MANIFEST_FORMAT, Manifest, version_of
from nextbest_models.ranker import ModelError, Ranker

MODEL_FILE = "model.txt"
MANIFEST_FILE = "manifest.json"
GOLDEN_TOLERANCE = 1e-12
"""The trees add up to the same bits everywhere; the last bit of the final exp() is up to the C library."""

_OF_LEAVES = ("leaf_value=", "leaf_const=", "leaf_coeff=")
"""How those lines of a model begin that say what its leaves add up."""


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What a manifest says of a model beyond what can be read off the model itself."""

    created: datetime
    spec_digest: str
    parameters: Mapping[str, JsonValue]
    metrics: Mapping[str, JsonValue]
    training: Mapping[str, JsonValue]


def model_text(booster: lightgbm.Booster) -> str:
    """Return the model as LightGBM's text, the same wherever and with however many threads it was trained."""
    lines = str(booster.model_to_string()).splitlines(keepends=True)
    return "".join(
        f"[{name}: {_PLACE[name]}]\n" if (name := _set_by(line)) in _PLACE else line for line in lines
    )


_PLACE = {"num_threads": "1", "machines": "", "local_listen_port": "12400", "time_out": "120"}
"""Parameters that say where a model was trained, with what stands for them: hosts are nobody's business."""


def _set_by(line: str) -> str:
    """Return which parameter a line of a model's text holds; empty for other lines."""
    return line.partition(":")[0].removeprefix("[") if line.startswith("[") else ""


def model_version(text: str, companions: Companions = ALONE) -> str:
    """Return the version of a model text and what serves beside it."""
    return version_of(_sha256(text.encode()), companions.hashes)


def save(
    root: Path,
    booster: lightgbm.Booster,
    golden: NDArray[np.float64],
    facts: ModelFacts,
    attachments: Mapping[str, bytes],
    companions: Companions = ALONE,
) -> Path:
    """Write a model to `root/<version>` in one step and return that directory.

    `golden` are rows whose scores every later load must meet. `attachments` are further files by name, which
    nothing reads. `companions` serve with the model.
    """
    text = model_text(booster)
    manifest = _manifest(text, golden, facts, companions)
    root.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=root))
    try:
        (draft / MODEL_FILE).write_bytes(text.encode())
        (draft / MANIFEST_FILE).write_text(manifest.model_dump_json(indent=1) + "\n")
        for name, content in {**attachments, **companions.files}.items():
            (draft / name).write_bytes(content)
        draft.chmod(0o755)
        return _publish(draft, root / manifest.version)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def load(directory: Path, spec: FeatureSpec) -> Ranker:
    """Read a model that was trained for exactly these features.

    Raises:
        ModelError: the files are missing, damaged or edited, or the model was trained for other features.
    """
    manifest = read_manifest(directory)
    text = _checked_text(directory / MODEL_FILE, manifest)
    _check_features(directory, manifest, spec)
    ranker = _ranker(text, manifest, read_companions(directory, manifest.parts))
    _check_golden(directory, manifest, ranker)
    return ranker


def check_files(directory: Path) -> str:
    """Return the version of the model in a directory, whose files must be those of its manifest.

    Raises:
        ModelError: they are missing, damaged or edited.
    """
    manifest = read_manifest(directory)
    _checked_text(directory / MODEL_FILE, manifest)
    read_companions(directory, manifest.parts)
    return manifest.version


def read_manifest(directory: Path) -> Manifest:
    """Read a model's manifest.

    Raises:
        ModelError: it is missing, damaged, or of another format.
    """
    path = directory / MANIFEST_FILE
    try:
        plain = json.loads(path.read_bytes())
    except OSError as error:
        raise ModelError(f"there is no model in {directory}: {error}. Run `nextbest train`.") from error
    except ValueError as error:
        raise ModelError(f"{path} is damaged: {error}. Train again or restore it.") from error
    found = plain.get("format") if isinstance(plain, dict) else None
    if found != MANIFEST_FORMAT:
        raise ModelError(
            f"{path} has format {found}; this version reads format {MANIFEST_FORMAT}. Train again."
        )
    try:
        return Manifest.model_validate_json(json.dumps(plain))
    except ValidationError as error:
        fields = ", ".join(sorted({str(fault["loc"][0]) for fault in error.errors()}))
        raise ModelError(f"{path} is damaged in: {fields}. Train again or restore it.") from error


def golden_rows(
    matrix: NDArray[np.float64], scores: NDArray[np.float64], rows: int = 32
) -> NDArray[np.float64]:
    """Pick rows that spread over the whole range of scores."""
    order = np.argsort(scores, kind="stable")
    return matrix[order[np.linspace(0, len(order) - 1, min(rows, len(order))).astype(np.intp)]]


def _publish(draft: Path, target: Path) -> Path:
    """Move a finished draft to its place; a former artifact there has the same model and gives way."""
    if target.exists():
        former = draft.with_name(draft.name + "-former")
        target.rename(former)
        draft.rename(target)
        shutil.rmtree(former)
        return target
    return draft.rename(target)


def _manifest(text: str, golden: NDArray[np.float64], facts: ModelFacts, companions: Companions) -> Manifest:
    # Scored by the text read back, which is what will serve.
    booster = lightgbm.Booster(model_str=text)
    return Manifest(
        format=MANIFEST_FORMAT,
        created=facts.created.isoformat(timespec="seconds"),
        model_sha256=_sha256(text.encode()),
        parts=companions.hashes,
        columns=booster.feature_name(),
        spec_digest=facts.spec_digest,
        golden_rows=[[None if math.isnan(value) else value for value in row] for row in golden.tolist()],
        golden_scores=np.asarray(booster.predict(golden, num_threads=1)).tolist(),
        parameters=facts.parameters,
        metrics=facts.metrics,
        training=facts.training,
        versions={name: version(name) for name in ("lightgbm", "nextbest", "numpy")},
    )


def _checked_text(path: Path, manifest: Manifest) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(f"the model file is missing: {error}. Train again or restore it.") from error
    if _sha256(content) != manifest.model_sha256:
        raise ModelError(f"{path} is damaged or edited: its SHA-256 is not the manifest's. Train again.")
    return content.decode()


def _check_features(directory: Path, manifest: Manifest, spec: FeatureSpec) -> None:
    missing = sorted(set(manifest.columns) - set(spec.columns))
    added = sorted(set(spec.columns) - set(manifest.columns))
    if missing or added:
        differences = [f"{name} is gone" for name in missing] + [f"{name} is new" for name in added]
        raise ModelError(
            f"the model in {directory} has other features: {', '.join(differences)}. Train again."
        )
    if tuple(manifest.columns) != spec.columns or manifest.spec_digest != spec.digest:
        raise ModelError(
            f"features changed their order or meaning since {directory} was trained. Train again."
        )


def _check_leaves(text: str, manifest: Manifest) -> None:
    """Refuse leaves that are no finite numbers: with an infinite one some customers would be certain."""
    leaves = (line.partition("=")[2] for line in text.splitlines() if line.startswith(_OF_LEAVES))
    if not all(map(_is_finite, " ".join(leaves).split())):
        raise ModelError(f"model {manifest.version} has a leaf that is no finite number. Train again.")


def _is_finite(word: str) -> bool:
    try:
        return math.isfinite(float(word))
    except ValueError:
        return False


def _ranker(text: str, manifest: Manifest, companions: Companions) -> Ranker:
    _check_leaves(text, manifest)
    try:
        booster = lightgbm.Booster(model_str=text)
    except lightgbm.basic.LightGBMError as error:
        raise ModelError(f"LightGBM cannot read model {manifest.version}: {error}") from error
    if booster.feature_name() != manifest.columns:
        raise ModelError(f"model {manifest.version} has other columns than its manifest. Train again.")
    columns = tuple(manifest.columns)
    calibration, experience = companions.calibration, companions.experience
    return Ranker(booster, columns, manifest.version, calibration, experience, manifest.created)


def _check_golden(directory: Path, manifest: Manifest, ranker: Ranker) -> None:
    rows = _matrix(manifest.golden_rows, len(ranker.columns))
    expected = np.array(manifest.golden_scores, dtype=np.float64)
    if not len(rows) or len(rows) != len(expected):
        raise ModelError(f"the manifest in {directory} has no usable golden rows. Train again.")
    worst = ranker.worst_difference(rows, expected)
    # Negated, so that a NaN among the expected scores fails too.
    if not worst <= GOLDEN_TOLERANCE:
        raise ModelError(
            f"model {manifest.version} misses its golden scores by {worst:.3g}. Do not serve it."
        )


def _matrix(rows: Sequence[Sequence[float | None]], columns: int) -> NDArray[np.float64]:
    if any(len(row) != columns for row in rows):
        raise ModelError("golden rows of the manifest differ in length. Train again.")
    return np.array([[math.nan if value is None else value for value in row] for row in rows]).reshape(
        -1, columns
    )


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
