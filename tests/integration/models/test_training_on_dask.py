"""Training on a Dask cluster of two processes: the same model as here, but for where features are cut."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nextbest_models import artifact
from nextbest_models.complete_journey import CompleteJourney
from nextbest_models.dataset import Dataset, Exposure, build_dataset
from nextbest_models.distributed import DaskError, dask_client, fit_on
from nextbest_models.evaluation import ranking_metrics
from nextbest_models.features import FeatureSpec
from nextbest_models.pipeline import TrainingRun, train
from nextbest_models.progress import silent
from nextbest_models.recipe import HistoryRecipe, load_recipe
from nextbest_models.training import fit, scores_of, split
from nextbest_rules import load_catalog
from nextbest_service.catalogs import find_catalog
from nextbest_service.decisions.generation import action_profiles
from nextbest_service.shipped import shipped_directory

TREES = 40


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    with dask_client("local:2") as client:
        yield client


@pytest.fixture(scope="module")
def recipe() -> HistoryRecipe:
    """The shipped recipe with fewer trees, and constraints as LightGBM knows them on several machines."""
    whole = load_recipe(shipped_directory("nextbest_models", "recipes") / "grocery.toml", HistoryRecipe)
    return _with(whole, trees=TREES, monotone_constraints_method="basic")


@pytest.fixture(scope="module")
def exposures(journey: CompleteJourney) -> Sequence[Exposure]:
    """What the households saw that ever redeemed anything."""
    whole = [*journey.exposures()]
    redeemers = np.unique([customer for exposure in whole for customer, _ in exposure.positives])
    return [replace(exposure, customers=np.intersect1d(exposure.customers, redeemers)) for exposure in whole]


@pytest.fixture(scope="module")
def dataset(journey: CompleteJourney, grocery_spec: FeatureSpec, exposures: Sequence[Exposure]) -> Dataset:
    return build_dataset(grocery_spec, journey.log, actions(), exposures, silent)


def _with(recipe: HistoryRecipe, **parameters: Any) -> HistoryRecipe:
    return recipe.model_copy(update={"lightgbm": recipe.lightgbm.model_copy(update=parameters)})


def actions() -> Any:
    return action_profiles(load_catalog(find_catalog("grocery")))


def test_two_machines_learn_what_one_learns(cluster: Any, recipe: HistoryRecipe, dataset: Dataset) -> None:
    parts = split(dataset, recipe.periods.cuts)
    steps: list[tuple[str, int, int]] = []
    alone = fit(recipe, parts.train, 1, silent, "")
    together = fit_on(cluster)(recipe, parts.train, 1, lambda *step: steps.append(step), "Training")
    one, two = (scores_of(it, parts.test, 1) for it in (alone, together))
    aucs = [ranking_metrics(parts.test.positive, it, parts.test.groups).auc for it in (one, two)]
    assert abs(aucs[0] - aucs[1]) < 0.005
    assert np.corrcoef(one, two)[0, 1] > 0.99
    assert together.num_trees() == TREES
    assert together.feature_name() == list(dataset.columns)
    assert steps[-1] == ("Training", TREES, TREES)


def test_rows_that_stand_for_several_count_for_several_on_two_machines_too(
    cluster: Any, recipe: HistoryRecipe, dataset: Dataset
) -> None:
    few = split(dataset, recipe.periods.cuts).test
    weights = np.where(few.positive, 20.0, 1.0)
    short = _with(recipe, trees=10)
    plain = scores_of(fit_on(cluster)(short, few, 1, silent, ""), few, 1)
    weighted = scores_of(fit_on(cluster)(short, replace(few, weights=weights), 1, silent, ""), few, 1)
    alone = scores_of(fit(short, replace(few, weights=weights), 1, silent, ""), few, 1)
    assert weighted.mean() > 3 * plain.mean()
    assert weighted.mean() == pytest.approx(alone.mean(), rel=0.05)


def test_a_model_of_two_machines_is_kept_like_any_other(
    cluster: Any,
    recipe: HistoryRecipe,
    journey: CompleteJourney,
    grocery_spec: FeatureSpec,
    exposures: Sequence[Exposure],
    tmp_path: Path,
) -> None:
    run = TrainingRun(tmp_path, datetime(2018, 1, 1, tzinfo=UTC), 1, fit=fit_on(cluster))
    few = [it for it in exposures if it.positives][::3]
    report = train(_with(recipe, trees=5), grocery_spec, journey.log, actions(), few, run)
    assert report.scorer == "exact"
    ranker = artifact.load(report.directory, grocery_spec)
    text = artifact.model_text(ranker.booster)
    assert "[tree_learner: data]" in text
    assert "127.0.0.1" not in text  # where it was trained is nobody's business


def test_without_dask_the_user_hears_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(DaskError, match=r"nextbest\[dask\]"), dask_client("local:2"):
        pass


def test_a_scheduler_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nextbest_models.distributed.CONNECT_SECONDS", 1)
    with pytest.raises(DaskError, match=r"tcp://127\.0\.0\.1:1"), dask_client("tcp://127.0.0.1:1"):
        pass
