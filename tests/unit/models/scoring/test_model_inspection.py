from datetime import UTC, datetime
from pathlib import Path

import lightgbm
import numpy as np
import pytest
from small_world import AFFINITIES, FEATURES

from nextbest_models.artifact import ModelFacts, save
from nextbest_models.features import FeatureSpec
from nextbest_models.inspection import inspect_model
from nextbest_models.ranker import ModelError

SPEC = FeatureSpec.from_declarations(AFFINITIES, FEATURES)


def _saved(root: Path, leaves: int) -> Path:
    matrix = np.random.default_rng(3).normal(size=(900, len(SPEC.columns)))
    matrix[:, 2:] = 0.0
    parameters = {
        "objective": "binary",
        "verbosity": -1,
        "num_threads": 1,
        "num_leaves": leaves,
        "min_data_in_leaf": 1,
        "min_sum_hessian_in_leaf": 0.0,
    }
    data = lightgbm.Dataset(
        matrix,
        np.sin(5 * matrix[:, 0]) * matrix[:, 1] + matrix[::-1, 0] > 0,
        feature_name=list(SPEC.columns),
        params=parameters,
    )
    facts = ModelFacts(datetime(2017, 9, 1, tzinfo=UTC), SPEC.digest, {}, {}, {})
    booster = lightgbm.train(parameters, data, 4)
    return save(root, booster, matrix[:20], facts, {})


def test_a_model_is_told_by_what_it_is_made_of(tmp_path: Path) -> None:
    report = inspect_model(directory := _saved(tmp_path, leaves=9), SPEC)
    assert (report.version, report.trees, report.leaves, report.most_leaves) == (directory.name, 4, 36, 9)
    assert (report.objective, report.features, report.used_features) == ("binary sigmoid:1", SPEC.columns, 2)
    assert (report.scorer, report.why) == ("exact", "")


def test_a_model_that_lightgbm_has_to_score_says_why(tmp_path: Path) -> None:
    report = inspect_model(_saved(tmp_path, leaves=80), SPEC)
    assert report.scorer == "lightgbm"
    assert "80 leaves, more than 64" in report.why


def test_the_golden_scores_guard_the_exact_scorer_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = _saved(tmp_path, leaves=9)
    monkeypatch.setattr(
        "nextbest_models.scoring.exact.ExactModel.propensities", lambda _, matrix: np.full(len(matrix), 0.5)
    )
    with pytest.raises(ModelError, match="misses its golden scores"):
        inspect_model(directory, SPEC)
