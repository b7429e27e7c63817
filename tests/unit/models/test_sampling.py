"""What is drawn from a log to learn from, and how much it counts: rates stay what they were."""

from dataclasses import replace

import lightgbm
import numpy as np
import pytest
from logged_world import decisions
from numpy.typing import NDArray

from nextbest_models.dataset import Cuts, Dataset
from nextbest_models.logged.decisions import LoggedDataError
from nextbest_models.logged.sampling import Survey, cuts_of, draws, kept_share, weights
from nextbest_models.progress import silent
from nextbest_models.recipe import LightgbmParameters, LogPlan, LogRecipe
from nextbest_models.training import fit

ROWS = 40_000
RECIPE = LogRecipe(
    name="sampled",
    title="",
    lightgbm=LightgbmParameters(trees=60, learning_rate=0.1, num_leaves=8, min_data_in_leaf=50),
)
Flags = NDArray[np.bool_]


def learned(
    column: NDArray[np.float64], positive: Flags, counts: NDArray[np.float64] | None
) -> lightgbm.Booster:
    """Return a model of one column."""
    nothing = np.zeros(len(positive), np.int64)
    rows = Dataset(("x",), column[:, np.newaxis], positive, nothing, nothing, nothing, counts)
    return fit(RECIPE, rows, 1, silent, "")


def mean_score(booster: lightgbm.Booster, column: NDArray[np.float64]) -> float:
    """Return the mean of a model's scores."""
    return float(np.mean(booster.predict(column[:, np.newaxis], num_threads=1)))


def test_what_is_learned_from_a_sample_is_as_calibrated_as_what_is_learned_from_all() -> None:
    random = np.random.default_rng(3)
    x = random.normal(size=ROWS)
    positive = random.random(ROWS) < 1 / (1 + np.exp(3.5 - 1.2 * x))
    kept = positive | (random.random(ROWS) < 0.1)
    share = float((kept & ~positive).sum() / (~positive).sum())
    of_all = learned(x, positive, None)
    of_some = learned(x[kept], positive[kept], weights(positive[kept], np.ones(kept.sum()), share, 10.0))
    unweighted = learned(x[kept], positive[kept], None)
    rate = float(positive.mean())
    assert mean_score(of_all, x) == pytest.approx(rate, rel=0.02)
    assert mean_score(of_some, x) == pytest.approx(rate, rel=0.05)
    assert mean_score(unweighted, x) > 3 * rate  # what the weights are for
    for low, high in ((-1.0, 0.0), (0.0, 1.0), (1.0, 2.0)):
        part = (x > low) & (x < high)
        assert mean_score(of_some, x[part]) == pytest.approx(float(positive[part].mean()), rel=0.2)


def test_what_was_shown_rarely_counts_as_if_it_had_been_shown_often() -> None:
    """Those who like it (half of all, one in two says yes) see it 19 times less than the others (one in ten).

    The model cannot tell them apart, so all it can learn is a rate: that of the shown, or that of all.
    """
    random = np.random.default_rng(4)
    likes = random.random(ROWS) < 0.5
    probability = np.where(likes, 0.05, 0.95)
    shown = random.random(ROWS) < probability
    positive = (random.random(ROWS) < np.where(likes, 0.5, 0.1))[shown]
    blind = np.zeros(shown.sum())
    plain = weights(positive, probability[shown], 1.0, most=1.0)
    rates = {
        most: mean_score(learned(blind, positive, weights(positive, probability[shown], 1.0, most)), blind)
        for most in (1.0, 4.0, 100.0)
    }
    assert plain.tolist() == [1.0] * len(positive)
    assert rates[1.0] == pytest.approx(0.12, abs=0.01)
    assert rates[100.0] == pytest.approx(0.3, abs=0.03)
    assert rates[1.0] < rates[4.0] < rates[100.0]


def test_weights_stand_for_all_rows() -> None:
    positive = np.array([True, False, False])
    assert weights(positive, np.ones(3), 0.25, 10.0).tolist() == [1.0, 4.0, 4.0]
    rare = weights(positive, np.array([0.5, 1.0, 0.0]), 0.25, 10.0)
    assert rare.sum() == pytest.approx(9.0)
    assert rare[2] / rare[1] == pytest.approx(10.0)  # the most that a row may count
    assert rare[0] / rare[1] == pytest.approx(2.0 / 4.0)


def test_draws_are_even_and_do_not_depend_on_what_is_drawn_with_them() -> None:
    logged = decisions()
    every = draws(logged, np.arange(4), seed=1)
    assert draws(logged, np.array([2]), seed=1).tolist() == [every[2]]
    assert draws(logged, np.arange(4), seed=2).tolist() != every.tolist()
    many = replace(logged, ids=np.array([f"d{number}" for number in range(5000)]))
    slots = replace(
        logged.slots,
        decision=np.arange(5000),
        placement=np.array(["home"] * 5000),
        rank=np.ones(5000, np.int64),
    )
    drawn = draws(replace(many, slots=slots), np.arange(5000), seed=1)
    assert np.histogram(drawn, bins=5, range=(0, 1))[0] == pytest.approx([1000] * 5, abs=120)
    assert len(np.unique(drawn)) == 5000


def test_periods_are_cut_by_shares_of_what_was_shown() -> None:
    plan = LogPlan(validation_share=0.2, test_share=0.1)
    assert cuts_of(np.arange(1000)[::-1], plan) == Cuts(0, 700, 900, 1000)


def test_a_log_of_one_moment_cannot_be_cut() -> None:
    with pytest.raises(LoggedDataError, match="too short"):
        cuts_of(np.full(100, 5), LogPlan())


def test_so_many_rows_without_success_are_kept_for_each_success_before_the_test() -> None:
    positive = np.arange(1000) % 100 == 0
    survey, cuts = Survey(np.arange(1000), positive), Cuts(0, 600, 800, 1000)
    assert kept_share(survey, cuts, LogPlan(negatives_per_positive=5.0)) == 5 * 8 / 792
    assert kept_share(survey, cuts, LogPlan(negatives_per_positive=500.0)) == 1.0
    assert kept_share(survey, cuts, LogPlan()) == 1.0
