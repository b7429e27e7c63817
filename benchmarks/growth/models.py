"""Models of any number of trees for the catalogs of growing size: 31 leaves each, over all 40 columns."""

from datetime import UTC, datetime
from pathlib import Path

import lightgbm
import numpy as np
from numpy.typing import NDArray

from nextbest_models import artifact
from nextbest_models.artifact import ModelFacts
from nextbest_models.card import moment_text
from nextbest_models.definitions import Source
from nextbest_models.features import FeatureSpec
from nextbest_models.ranker import Ranker

ROWS, LEAVES, GOLDEN = 20_000, 31, 16
PARAMETERS = {
    "objective": "binary",
    "num_leaves": LEAVES,
    "feature_fraction": 0.5,
    "num_threads": 2,
    "seed": 1,
    "verbosity": -1,
}


def train(spec: FeatureSpec, trees: int) -> lightgbm.Booster:
    """Train on rows that chance draws: which splits a tree has does not matter here, how many it has does."""
    matrix = sample_rows(spec, ROWS)
    random = np.random.default_rng(7)
    signal = np.nan_to_num(matrix / np.nanmax(matrix, axis=0)) @ random.normal(size=matrix.shape[1])
    labels = signal - signal.mean() + random.normal(size=ROWS) > 1.0
    data = lightgbm.Dataset(matrix, labels, feature_name=list(spec.columns), params=PARAMETERS)
    return lightgbm.train(PARAMETERS, data, trees)


def sample_rows(spec: FeatureSpec, rows: int) -> NDArray[np.float64]:
    """Return rows as customers have them: whole numbers of trips, much that no pair has ever seen."""
    random = np.random.default_rng(11)
    matrix = random.random((rows, len(spec.columns)))
    pairs = spec.positions(Source.PAIR)
    matrix[:, pairs] = np.where(random.random((rows, len(pairs))) < 0.8, np.nan, matrix[:, pairs])
    return matrix * np.array([20.0 if "trips" in name or "days" in name else 1.0 for name in spec.columns])


def cut(booster: lightgbm.Booster, trees: int) -> lightgbm.Booster:
    """Return a model of the first trees of another one."""
    return lightgbm.Booster(model_str=booster.model_to_string(num_iteration=trees))


def ranker(booster: lightgbm.Booster, spec: FeatureSpec) -> Ranker:
    """Return a model as it serves."""
    return Ranker(booster, spec.columns, "growth")


def save(booster: lightgbm.Booster, spec: FeatureSpec, root: Path) -> Path:
    """Write a model such as `nextbest serve` reads, and return its directory."""
    created = datetime(2026, 3, 1, tzinfo=UTC)
    learned = {"periods": {"test_from": moment_text(round(created.timestamp() * 1000))}, "rows": ROWS}
    facts = ModelFacts(created, spec.digest, {"trees": booster.num_trees()}, {}, learned)
    return artifact.save(root, booster, sample_rows(spec, GOLDEN), facts, {})
