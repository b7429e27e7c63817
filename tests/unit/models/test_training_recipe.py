from datetime import date
from pathlib import Path

import pytest

from nextbest_models.recipe import HistoryRecipe, LogPlan, LogRecipe, RecipeError, load_recipe, start_ms

GOOD = """
name = "small"
title = "A small one"
[periods]
train_from = 2017-02-01
validate_from = 2017-08-01
test_from = 2017-09-01
until = 2018-01-01
[lightgbm]
trees = 10
learning_rate = 0.1
num_leaves = 7
min_data_in_leaf = 5
"""


def _write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "recipe.toml"
    path.write_text(text)
    return path


def test_a_recipe_reads_its_periods_and_parameters(tmp_path: Path) -> None:
    recipe = load_recipe(_write(tmp_path, GOOD), HistoryRecipe)
    assert recipe.periods.test_from == date(2017, 9, 1)
    assert recipe.lightgbm.trees == 10
    assert recipe.lightgbm.bagging_fraction == 1.0


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("trees = 10", "trees = 0", "lightgbm.trees"),
        ("trees = 10", "trees = 301", "lightgbm.trees"),
        ("num_leaves = 7", "num_leaves = 65", "lightgbm.num_leaves"),
        ("trees = 10", "trees = 10\nboosting = 'dart'", "lightgbm.boosting"),
        ("until = 2018-01-01", "until = 2017-09-01", "must ascend"),
        ('name = "small"', "", "name: Field required"),
        ('name = "small"', "name = ", "cannot be read"),
    ],
)
def test_a_wrong_recipe_names_the_field(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        load_recipe(_write(tmp_path, GOOD.replace(old, new)), HistoryRecipe)


def test_a_missing_recipe_is_reported(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="cannot be read"):
        load_recipe(tmp_path / "none.toml", HistoryRecipe)


def test_a_period_begins_at_midnight_utc() -> None:
    assert start_ms(date(1970, 1, 2)) == 86_400_000


def test_the_shipped_recipe_for_logs_fits_any_catalog(repository: Path) -> None:
    recipe = load_recipe(repository / "models" / "recipes" / "from-log.toml", LogRecipe)
    assert not recipe.monotone
    assert not recipe.baselines
    assert recipe.log == LogPlan(negatives_per_positive=20.0)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("most_weight = 0.5", "log.most_weight"),
        ("negatives_per_positive = 0", "log.negatives_per_positive"),
        ("test_share = 0.5", "log.test_share"),
        ('positives = ["SEEN"]', "log.positives"),
        ("windows = 3", "log.windows"),
    ],
)
def test_a_wrong_plan_for_a_log_names_the_field(tmp_path: Path, line: str, message: str) -> None:
    head, _, rest = GOOD.partition("[periods]")
    text = f"{head}[log]\n{line}\n[lightgbm]{rest.partition('[lightgbm]')[2]}"
    with pytest.raises(RecipeError, match=message):
        load_recipe(_write(tmp_path, text), LogRecipe)
