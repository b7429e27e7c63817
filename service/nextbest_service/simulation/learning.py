"""Learning from a simulated log, by the very step behind `nextbest train --from-log`."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from nextbest_models.artifact import read_manifest
from nextbest_models.progress import Progress
from nextbest_service.cli.steps import LogTraining, train_from_log
from nextbest_service.home import Home
from nextbest_service.simulation.estimates import ATTRIBUTION

HELD_BACK = 0.49
"""The last part of the newest round: it judges the model, which therefore must not have seen it."""
_RECIPE = """\
name = "world"
title = "Will this customer follow this proposition, at this hour?"

[log]
positives = ["CLICKED"]
window_days = {window}
validation_share = {validation:.4f}
test_share = {test:.4f}

[graduation]
scope = "action"
exposures = 30

[lightgbm]
trees = 150
learning_rate = 0.05
num_leaves = 15
min_data_in_leaf = 40
lambda_l2 = 5.0
feature_fraction = 0.7
bagging_fraction = 0.8
bagging_freq = 1
max_bin = 63
path_smooth = 10.0
"""


@dataclass(frozen=True, slots=True)
class LearnedModel:
    """A model that was learned from the log of all rounds up to one.

    `held_back_from_ms` is when the exposures begin that it has not seen (Unix milliseconds), `auc` is on
    these.
    """

    version: str
    rows: int
    positives: int
    auc: float
    held_back_from_ms: int


def learn(
    home: Home, catalog: Path, log: Path, recipe: Path, rounds: int, threads: int, progress: Progress
) -> LearnedModel:
    """Learn from an exported log of some rounds and put the model into use.

    Raises:
        LoggedDataError, DatasetError: too little happened to learn from.
    """
    recipe.write_text(render_recipe(rounds), encoding="utf-8")
    asked = LogTraining(export=log, recipe=recipe, assume_shown=None, use=True)
    report = train_from_log(home, str(catalog), asked, threads, progress)
    periods = read_manifest(report.directory).training["periods"]
    assert isinstance(periods, dict), "a model trained on a log says from when on it was tested"
    return LearnedModel(
        version=report.version,
        rows=report.train_rows,
        positives=report.train_positives,
        auc=report.auc,
        held_back_from_ms=_moment_ms(str(periods["test_from"])),
    )


def render_recipe(rounds: int) -> str:
    """Return the recipe for a log of some rounds, whose last part of the last round is held back."""
    test = HELD_BACK / rounds
    return _RECIPE.format(window=ATTRIBUTION.window_days, validation=0.25 * (1 - test), test=test)


def _moment_ms(text: str) -> int:
    return round(datetime.strptime(text, "%Y-%m-%d %H:%M UTC").replace(tzinfo=UTC).timestamp() * 1000)
