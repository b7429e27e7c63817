from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import lightgbm
import numpy as np
import pytest
from small_world import Visit, build_log

from nextbest_models.artifact import load, model_text
from nextbest_models.assembly import ActionProfile
from nextbest_models.calibrating import CalibrationPlan
from nextbest_models.dataset import Dataset, DatasetError, Exposure, build_dataset
from nextbest_models.definitions import DAY_MS
from nextbest_models.evidence import NO_KIND, Graduation, Scope, Tally
from nextbest_models.features import FeatureSpec
from nextbest_models.pipeline import TrainingReport, TrainingRun, train
from nextbest_models.progress import silent
from nextbest_models.recipe import HistoryRecipe, LightgbmParameters, Periods, RecipeError, start_ms
from nextbest_models.training import fit, split

CUSTOMERS = 30
COLOURS = ("red", "blue")
ACTIONS = [ActionProfile(colour, {"size": 1}, {"colour": [colour]}) for colour in COLOURS]
RECIPE = HistoryRecipe(
    name="small",
    title="Will they like the colour?",
    limits=("This is a toy.",),
    periods=Periods(
        train_from=date(2017, 2, 1),
        validate_from=date(2017, 4, 1),
        test_from=date(2017, 5, 1),
        until=date(2017, 6, 1),
    ),
    baselines={"visits to the colour": "colour_most"},
    lightgbm=LightgbmParameters(trees=20, learning_rate=0.3, num_leaves=4, min_data_in_leaf=5),
    monotone={"colour_most": 1},
)
MOMENTS = tuple(start_ms(date(2017, month, 15)) for month in (2, 3, 4, 5))


def _visits() -> Sequence[Visit]:
    """Every customer keeps to one colour."""
    return [
        Visit(customer, moment - (customer + 2) * DAY_MS, {("colour", COLOURS[customer % 2]): 5.0})
        for customer in range(CUSTOMERS)
        for moment in MOMENTS
    ]


def _exposures() -> list[Exposure]:
    liked = frozenset((customer, COLOURS[customer % 2]) for customer in range(CUSTOMERS))
    return [
        Exposure(f"wave {number}", moment, np.arange(CUSTOMERS), COLOURS, liked)
        for number, moment in enumerate(MOMENTS)
    ]


def _dataset(spec: FeatureSpec, exposures: Sequence[Exposure]) -> Dataset:
    return build_dataset(spec, build_log(_visits(), CUSTOMERS), ACTIONS, exposures, silent)


def _trained(spec: FeatureSpec, root: Path, recipe: HistoryRecipe = RECIPE) -> TrainingReport:
    run = TrainingRun(root, datetime(2017, 6, 1, tzinfo=UTC), threads=1)
    return train(recipe, spec, build_log(_visits(), CUSTOMERS), ACTIONS, _exposures(), run)


def test_training_learns_writes_and_reports(spec: FeatureSpec, tmp_path: Path) -> None:
    report = _trained(spec, tmp_path)
    assert (report.train_rows, report.train_positives) == (180, 90)
    assert report.validation.metrics.rows == report.test.metrics.rows == 60
    assert report.auc == report.ndcg_at_10 == report.recall_at_10 == 1.0
    assert report.test.baselines["random order"].auc == 0.5
    assert report.test.baselines["visits to the colour"].auc == 1.0
    assert load(report.directory, spec).version == report.version == report.directory.name
    assert all(plot.read_bytes().startswith(b"\x89PNG") for plot in report.plots)


def test_the_card_tells_figures_split_features_and_limits(spec: FeatureSpec, tmp_path: Path) -> None:
    card = _trained(spec, tmp_path).card.read_text()
    assert "| **this model** | 1.000 | 1.000 | 1.000 |" in card
    assert "| random order | 0.500 |" in card
    assert "decisions from 2017-02-01 until 2017-05-01 (exclusive)" in card
    assert "| colour_most | pair |" in card
    assert "- This is a toy." in card
    assert all(name in card for name in ("gain.png", "calibration.png", "ndcg.png"))


def test_the_model_says_what_it_has_seen_and_until_when_it_stands_back(
    spec: FeatureSpec, tmp_path: Path
) -> None:
    recipe = RECIPE.model_copy(update={"graduation": Graduation(scope=Scope.GROUP, exposures=90)})
    report = _trained(spec, tmp_path, recipe)
    experience = load(report.directory, spec).experience
    assert experience is not None
    assert experience.graduation == recipe.graduation
    assert experience.evidence.tallies == {colour: Tally(NO_KIND, 90, 45) for colour in COLOURS}
    assert "90 rows of its\ngroup" in report.card.read_text()


def test_curves_are_fitted_before_the_test_period_and_judged_on_it(spec: FeatureSpec, tmp_path: Path) -> None:
    few = _trained(spec, tmp_path / "few").reliability[""]
    assert (few.method, few.fit.rows, few.fit.positives) == ("none", 60, 30)
    assert few.error_after == few.error_before
    plan = CalibrationPlan(platt_from=30)
    report = _trained(spec, tmp_path / "enough", RECIPE.model_copy(update={"calibration": plan}))
    found, ranker = report.reliability[""], load(report.directory, spec)
    assert found.method == "platt"
    assert report.test.calibration_error == found.error_after != found.error_before
    assert found.error_before == report.uncalibrated.calibration_error
    assert report.test.metrics == report.uncalibrated.metrics
    assert set(ranker.calibration.curves) == {""}
    card = report.card.read_text()
    assert f"|  | platt | 60 rows, 30 positive | {found.error_before:.5f} | {found.error_after:.5f} |" in card


def test_progress_is_reported_to_the_end_of_every_step(spec: FeatureSpec, tmp_path: Path) -> None:
    reported: dict[str, tuple[int, int]] = {}
    run = TrainingRun(
        tmp_path,
        datetime(2017, 6, 1, tzinfo=UTC),
        threads=1,
        progress=lambda step, done, total: reported.update({step: (done, total)}),
    )
    train(RECIPE, spec, build_log(_visits(), CUSTOMERS), ACTIONS, _exposures(), run)
    assert reported == {
        "Computing features as of each decision": (4, 4),
        "Training for validation": (20, 20),
        "Training": (20, 20),
    }


def test_the_same_data_gives_the_same_model_on_one_and_on_two_threads(spec: FeatureSpec) -> None:
    dataset = _dataset(spec, _exposures())
    one, two = (model_text(fit(RECIPE, dataset, threads, silent, "")) for threads in (1, 2))
    assert one == two


def test_a_monotone_feature_never_lowers_a_score(spec: FeatureSpec) -> None:
    booster: lightgbm.Booster = fit(RECIPE, _dataset(spec, _exposures()), 1, silent, "")
    rows = np.tile(np.nan_to_num(_dataset(spec, _exposures()).matrix[:1]), (50, 1))
    rows[:, spec.columns.index("colour_most")] = np.arange(50)
    assert np.all(np.diff(booster.predict(rows, num_threads=1)) >= 0)


def test_periods_neither_overlap_nor_leave_a_gap(spec: FeatureSpec) -> None:
    parts = split(_dataset(spec, _exposures()), RECIPE.periods.cuts)
    assert [len(part) for part in (parts.fit, parts.validation, parts.train, parts.test)] == [
        120,
        60,
        180,
        60,
    ]
    assert parts.validation.times_ms.min() >= start_ms(RECIPE.periods.validate_from)
    assert parts.test.times_ms.min() >= start_ms(RECIPE.periods.test_from)


def test_groups_tell_customers_and_exposures_apart(spec: FeatureSpec) -> None:
    dataset = _dataset(spec, _exposures()[:2])
    assert len(np.unique(dataset.groups)) == 2 * CUSTOMERS
    assert np.all(np.bincount(np.unique(dataset.groups, return_inverse=True)[1]) == len(COLOURS))


def test_rows_follow_customers_then_actions(spec: FeatureSpec) -> None:
    dataset = _dataset(spec, _exposures()[:1])
    assert dataset.positive[:4].tolist() == [True, False, False, True]
    assert dataset.actions[:4].tolist() == [0, 1, 0, 1]
    assert dataset.column("colour_most")[:4].tolist() == pytest.approx(
        [1.0, np.nan, np.nan, 1.0], nan_ok=True
    )


def test_a_period_without_anything_positive_is_refused(spec: FeatureSpec) -> None:
    exposures = [*_exposures()[:3], replace(_exposures()[3], positives=frozenset())]
    with pytest.raises(DatasetError, match="in the test period of recipe 'small'"):
        split(_dataset(spec, exposures), RECIPE.periods.cuts).checked(RECIPE)


def test_a_period_of_nothing_but_successes_is_refused(spec: FeatureSpec) -> None:
    everybody = frozenset((customer, colour) for customer in range(CUSTOMERS) for colour in COLOURS)
    exposures = [*_exposures()[:3], replace(_exposures()[3], positives=everybody)]
    with pytest.raises(DatasetError, match="nothing but successes in the test period"):
        split(_dataset(spec, exposures), RECIPE.periods.cuts).checked(RECIPE)


def test_an_exposure_of_an_unknown_action_is_refused(spec: FeatureSpec) -> None:
    with pytest.raises(DatasetError, match=r"wave 0 was about actions .* green among them"):
        _dataset(spec, [replace(_exposures()[0], actions=("red", "green"))])


def test_no_exposure_is_nothing_to_learn_from(spec: FeatureSpec) -> None:
    with pytest.raises(DatasetError, match="nothing to learn from"):
        _dataset(spec, [])


@pytest.mark.parametrize("wrong", [{"monotone": {"taste": 1}}, {"baselines": {"by taste": "taste"}}])
def test_a_recipe_that_names_an_undeclared_feature_is_refused(
    spec: FeatureSpec, tmp_path: Path, wrong: dict[str, dict[str, object]]
) -> None:
    with pytest.raises(RecipeError, match="not declared: taste"):
        _trained(spec, tmp_path, RECIPE.model_copy(update=wrong))
