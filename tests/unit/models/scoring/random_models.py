"""Models of every kind that LightGBM trains, and rows that ask for the edges of what they learned."""

from dataclasses import dataclass
from typing import Any

import lightgbm
import numpy as np
from hypothesis import strategies as st

from nextbest_models.scoring.kernels import ZERO
from nextbest_models.scoring.trees import Forest

ODD_VALUES = np.array(
    [
        *(np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-36, -1e-36, ZERO, -ZERO, np.nextafter(ZERO, 1), 5e-324),
        *(-0.5, 0.5, -1.0, -0.999999, 1.5, 31.0, 32.0, 33.9, 1e9, 2.0**31, 2.0**40, -(2.0**40), 1e300),
    ]
)


@dataclass(frozen=True)
class RandomModel:
    """A trained model as its text, the booster that was read back from it, and rows to score."""

    text: str
    booster: lightgbm.Booster
    rows: np.ndarray

    @property
    def expected(self) -> np.ndarray:
        """LightGBM's raw scores, float64 [rows, outputs]."""
        raw = self.booster.predict(self.rows, raw_score=True, num_threads=1)
        return np.asarray(raw).reshape(len(self.rows), -1)


@st.composite
def random_models(draw: st.DrawFn) -> RandomModel:
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    columns = draw(st.integers(1, 6))
    categorical = draw(st.lists(st.integers(0, columns - 1), unique=True))
    matrix = _matrix(rng, draw(st.integers(20, 120)), columns, categorical, draw(st.sampled_from([0.0, 0.3])))
    objective = draw(st.sampled_from(["binary", "regression", "multiclass", "cross_entropy"]))
    return train(matrix, _labels(rng, matrix, objective), draw(_parameters(objective)), categorical, rng)


def train(
    matrix: np.ndarray,
    labels: np.ndarray,
    parameters: dict[str, Any],
    categorical: list[int],
    rng: np.random.Generator,
) -> RandomModel:
    parameters = {"verbosity": -1, "num_threads": 1, "min_data_per_group": 1, "cat_smooth": 1.0, **parameters}
    trees = parameters.pop("trees")
    data = lightgbm.Dataset(matrix, labels, categorical_feature=categorical, params=parameters)
    text = str(lightgbm.train(parameters, data, trees).model_to_string())
    return RandomModel(text, lightgbm.Booster(model_str=text), edge_rows(matrix, Forest.parse(text), rng))


def edge_rows(matrix: np.ndarray, forest: Forest, rng: np.random.Generator) -> np.ndarray:
    """Mix training values, thresholds and their neighbours, and odd values, column by column."""
    columns = [
        np.concatenate([ODD_VALUES, matrix[:, column], *_around_thresholds(forest, column)])
        for column in range(matrix.shape[1])
    ]
    mixed = np.column_stack([rng.choice(values, 80) for values in columns])
    uniform = np.repeat(ODD_VALUES[:, np.newaxis], matrix.shape[1], axis=1)
    return np.concatenate([mixed, uniform, matrix[:20]])


def _around_thresholds(forest: Forest, column: int) -> list[np.ndarray]:
    cuts = np.array([it.threshold for it in forest.splits if it.column == column and it.categories is None])
    return [cuts, np.nextafter(cuts, np.inf), np.nextafter(cuts, -np.inf)]


@st.composite
def _parameters(draw: st.DrawFn, objective: str) -> dict[str, Any]:
    parameters: dict[str, Any] = {
        "objective": objective,
        "trees": draw(st.integers(1, 8)),
        "num_leaves": draw(st.sampled_from([2, 4, 15, 31, 64])),
        "min_data_in_leaf": draw(st.sampled_from([1, 1, 5, 200])),
        "max_bin": draw(st.sampled_from([3, 15, 255])),
        "use_missing": draw(st.booleans()),
        "zero_as_missing": draw(st.booleans()),
        "max_cat_to_onehot": draw(st.sampled_from([1, 4, 100])),
        "boost_from_average": draw(st.booleans()),
        "learning_rate": draw(st.sampled_from([0.1, 0.7])),
        "boosting": draw(st.sampled_from(["gbdt", "gbdt", "dart", "rf"])),
        "seed": draw(st.integers(0, 1000)),
    }
    if parameters["boosting"] == "rf":
        parameters |= {"bagging_fraction": 0.7, "bagging_freq": 1}
    if objective == "multiclass":
        parameters["num_class"] = 3
    if objective == "binary":
        parameters["sigmoid"] = draw(st.sampled_from([1.0, 0.3]))
    return parameters


def _matrix(
    rng: np.random.Generator, rows: int, columns: int, categorical: list[int], missing: float
) -> np.ndarray:
    matrix = rng.normal(size=(rows, columns))
    matrix[rng.random(matrix.shape) < 0.2] = 0.0
    matrix[rng.random(matrix.shape) < 0.02] = 1e-36
    for column in categorical:
        matrix[:, column] = rng.choice([0, 1, 2, 5, 31, 32, 64, 200], rows)
    matrix[rng.random(matrix.shape) < missing] = np.nan
    return matrix


def _labels(rng: np.random.Generator, matrix: np.ndarray, objective: str) -> np.ndarray:
    signal = np.nan_to_num(matrix).sum(axis=1) + rng.normal(size=len(matrix))
    if objective == "regression":
        return signal
    if objective == "multiclass":
        return np.digitize(signal, [-1.0, 1.0])
    return (signal > 0.0).astype(np.float64)
