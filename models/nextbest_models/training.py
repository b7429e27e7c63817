"""Training: from a recipe and a dataset to a model that knows how good it is."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import lightgbm
import numpy as np
from lightgbm.callback import CallbackEnv
from numpy.typing import NDArray

from nextbest_models.dataset import Cuts, Dataset, DatasetError
from nextbest_models.evaluation import (
    CalibrationBin,
    RankingMetrics,
    calibration_bins,
    expected_calibration_error,
    log_loss,
    ranking_metrics,
)
from nextbest_models.evidence import Kind
from nextbest_models.progress import Progress
from nextbest_models.recipe import Recipe, RecipeError

RANDOM = "random order"


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How a model did on one period, beside the rankers that it has to beat."""

    metrics: RankingMetrics
    log_loss: float
    calibration: tuple[CalibrationBin, ...]
    baselines: Mapping[str, RankingMetrics]

    @property
    def calibration_error(self) -> float:
        """The expected calibration error."""
        return expected_calibration_error(self.calibration)


@dataclass(frozen=True, slots=True)
class Split:
    """The rows of the periods. `train` is of the time of `fit` and `validation` together."""

    fit: Dataset
    validation: Dataset
    train: Dataset
    test: Dataset

    def checked(self, recipe: Recipe) -> Self:
        """Return these rows if something can be learned from them.

        Raises:
            DatasetError: a period has no positive row, or nothing else.
        """
        for name, part in (("fit", self.fit), ("validation", self.validation), ("test", self.test)):
            if not part.positive.any():
                raise DatasetError(
                    f"nothing positive happened in the {name} period of recipe '{recipe.name}'"
                )
            if part.positive.all():
                raise DatasetError(f"nothing but successes in the {name} period of recipe '{recipe.name}'")
        return self


def split(dataset: Dataset, cuts: Cuts) -> Split:
    """Cut a dataset by the time of its decisions."""
    return Split(
        fit=dataset.between(cuts.train_from_ms, cuts.validate_from_ms),
        validation=dataset.between(cuts.validate_from_ms, cuts.test_from_ms),
        train=dataset.between(cuts.train_from_ms, cuts.test_from_ms),
        test=dataset.between(cuts.test_from_ms, cuts.until_ms),
    )


def check_columns(recipe: Recipe, columns: tuple[str, ...]) -> None:
    """Make sure that every feature a recipe names is there.

    Raises:
        RecipeError: it names one that is not declared.
    """
    if not columns:
        raise RecipeError("the catalog declares no features to learn from")
    named = {*recipe.monotone, *recipe.baselines.values()}
    if unknown := sorted(named - set(columns)):
        raise RecipeError(
            f"recipe '{recipe.name}' names features that are not declared: {', '.join(unknown)}"
        )


def lightgbm_parameters(recipe: Recipe, columns: tuple[str, ...], threads: int) -> dict[str, Any]:
    """Return LightGBM's parameters. The model does not depend on the number of threads.

    Raises:
        RecipeError: the recipe names a column that there is not.
    """
    check_columns(recipe, columns)
    return {
        **recipe.lightgbm.model_dump(exclude={"trees"}),
        "objective": "binary",
        "monotone_constraints": [recipe.monotone.get(column, 0) for column in columns],
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": threads,
        "verbosity": -1,
    }


def fit(recipe: Recipe, dataset: Dataset, threads: int, progress: Progress, step: str) -> lightgbm.Booster:
    """Train a model on all rows of a dataset."""
    parameters = lightgbm_parameters(recipe, dataset.columns, threads)
    rows = lightgbm.Dataset(
        dataset.matrix,
        dataset.positive.astype(np.float32),
        weight=dataset.weights,
        feature_name=list(dataset.columns),
        params=parameters,
    )
    return lightgbm.train(parameters, rows, recipe.lightgbm.trees, callbacks=[_reporter(progress, step)])


def scores_of(booster: lightgbm.Booster, dataset: Dataset, threads: int) -> NDArray[np.float64]:
    """Return a model's scores for all rows, uncalibrated."""
    return np.asarray(booster.predict(dataset.matrix, num_threads=threads), dtype=np.float64)


def evaluate(scores: NDArray[np.float64], recipe: Recipe, dataset: Dataset) -> Evaluation:
    """Tell how good scores are on some rows, and how good the recipe's baselines are on the same."""
    rankers = {RANDOM: np.zeros(len(dataset))}
    rankers |= {title: np.nan_to_num(dataset.column(name)) for title, name in recipe.baselines.items()}
    return Evaluation(
        metrics=_metrics(dataset, scores),
        log_loss=log_loss(dataset.positive, scores),
        calibration=calibration_bins(dataset.positive, scores),
        baselines={title: _metrics(dataset, values) for title, values in rankers.items()},
    )


def types_of(dataset: Dataset, kinds: Sequence[Kind]) -> NDArray[np.str_]:
    """Return the type of each row's action. `kinds` are those of all actions."""
    return np.array([kind.type for kind in kinds], np.str_)[dataset.actions]


def gains(booster: lightgbm.Booster) -> Mapping[str, float]:
    """Return each feature's share of the total gain, the largest first."""
    gain = booster.feature_importance("gain")
    shares = zip(booster.feature_name(), (gain / max(gain.sum(), 1.0)).tolist(), strict=True)
    return dict(sorted(shares, key=lambda item: (-item[1], item[0])))


def _metrics(dataset: Dataset, scores: NDArray[np.float64]) -> RankingMetrics:
    return ranking_metrics(dataset.positive, scores, dataset.groups)


def _reporter(progress: Progress, step: str) -> Callable[[CallbackEnv], None]:
    def report(env: CallbackEnv) -> None:
        progress(step, env.iteration + 1, env.end_iteration)

    return report
