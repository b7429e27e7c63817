"""Training recipes: what to learn, from when until when, with which parameters."""

import tomllib
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from nextbest_models.calibrating import CalibrationPlan
from nextbest_models.dataset import Cuts
from nextbest_models.evidence import Graduation
from nextbest_models.logged.attribution import AttributionPlan


class RecipeError(ValueError):
    """A recipe cannot be read; the message names the file and every wrong field."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Periods(_Section):
    """Decisions by time. Each period begins at 00:00 UTC and ends where the next begins."""

    train_from: date
    validate_from: date
    test_from: date
    until: date

    @model_validator(mode="after")
    def _ascend(self) -> "Periods":
        if not self.train_from < self.validate_from < self.test_from < self.until:
            raise ValueError("train_from, validate_from, test_from and until must ascend")
        return self

    @property
    def cuts(self) -> Cuts:
        """Where the periods begin and end."""
        return Cuts(*map(start_ms, (self.train_from, self.validate_from, self.test_from, self.until)))


class LightgbmParameters(_Section):
    """Parameters that are handed to LightGBM under the same names, and the number of trees."""

    trees: int = Field(ge=1, le=300)
    num_leaves: int = Field(ge=2, le=64)
    learning_rate: float = Field(gt=0, le=1)
    min_data_in_leaf: int = Field(ge=1)
    lambda_l2: float = Field(default=0.0, ge=0)
    feature_fraction: float = Field(default=1.0, gt=0, le=1)
    bagging_fraction: float = Field(default=1.0, gt=0, le=1)
    bagging_freq: int = Field(default=0, ge=0)
    path_smooth: float = Field(default=0.0, ge=0)
    extra_trees: bool = False
    max_bin: int = Field(default=255, ge=3)
    monotone_constraints_method: Literal["basic", "intermediate", "advanced"] = "basic"
    seed: int = 1


class LogPlan(AttributionPlan):
    """How to learn from the decision log: what outcomes mean (see `AttributionPlan`), and from which rows.

    The latest exposures are the test period, `test_share` of all, those before them the validation period.
    `negatives_per_positive` keeps so many of the rows without success to learn from, drawn at random, each
    standing for several; without it all are kept. `most_weight` is what a row that exploration rarely picks
    counts at most: each row counts 1 / `selection_probability`. 1 turns that off.
    """

    negatives_per_positive: float | None = Field(default=None, gt=0)
    most_weight: float = Field(default=10.0, ge=1)
    validation_share: float = Field(default=0.15, gt=0, lt=0.5)
    test_share: float = Field(default=0.15, gt=0, lt=0.5)
    seed: int = 1


class Recipe(_Section):
    """What all recipes have. `baselines` are column names by title, `monotone` directions by column name.

    `calibration` says when a type gets a curve, `graduation` when an action is ranked by the model.
    """

    name: str
    title: str
    limits: tuple[str, ...] = ()
    baselines: Mapping[str, str] = {}
    lightgbm: LightgbmParameters
    monotone: Mapping[str, Literal[-1, 1]] = {}
    calibration: CalibrationPlan = CalibrationPlan()
    graduation: Graduation = Graduation()


class HistoryRecipe(Recipe):
    """A recipe for learning from a data set of the past."""

    periods: Periods


class LogRecipe(Recipe):
    """A recipe for learning from the decision log."""

    log: LogPlan = LogPlan()


R = TypeVar("R", bound=Recipe)


def load_recipe(path: Path, kind: type[R]) -> R:
    """Read a recipe of one kind from TOML.

    Raises:
        RecipeError: the file is missing, is no TOML, or has unknown, missing or wrong fields.
    """
    try:
        return kind.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path} cannot be read: {error}") from error
    except ValidationError as error:
        faults = (f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        raise RecipeError(f"{path} is not a recipe: {'; '.join(faults)}") from error


def start_ms(day: date) -> int:
    """Return 00:00 UTC of a day in Unix milliseconds."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000)
