"""The whole of `nextbest train`: dataset, validation, final model, test, artifact."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

import lightgbm
import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from nextbest_models import artifact
from nextbest_models.assembly import ActionProfile
from nextbest_models.calibrating import calibration_of, fit_by_type
from nextbest_models.card import CALIBRATION_PLOT, GAIN_PLOT, NDCG_PLOT, CardFacts, render_card
from nextbest_models.companions import Companions
from nextbest_models.dataset import Dataset, Exposure, build_dataset
from nextbest_models.evidence import Experience, count_evidence
from nextbest_models.features import FeatureSpec
from nextbest_models.history import EventLog
from nextbest_models.plots import calibration_plot, gain_plot, ndcg_plot
from nextbest_models.progress import Progress, silent
from nextbest_models.recipe import Recipe
from nextbest_models.reliability import Reliability, calibrated, reliability_by_type
from nextbest_models.training import (
    Evaluation,
    Fit,
    check_columns,
    evaluate,
    fit,
    gains,
    scores_of,
    split,
    types_of,
)

CARD = "card.md"


@dataclass(frozen=True, slots=True)
class TrainingRun:
    """The circumstances of one training: where models go, what time it is, how many threads, who watches.

    `fit` trains, here or on several machines.
    """

    root: Path
    now: datetime
    threads: int = 2
    progress: Progress = silent
    fit: Fit = fit


@dataclass(frozen=True, slots=True)
class TrainingReport:
    """What came out of a training.

    `test` is of calibrated scores, `reliability` by type of action. `scorer` is what will compute the scores
    of decisions: see `ranker.ScorerInUse`.
    """

    directory: Path
    version: str
    train_rows: int
    train_positives: int
    validation: Evaluation
    test: Evaluation
    uncalibrated: Evaluation
    reliability: Mapping[str, Reliability]
    scorer: str

    @property
    def auc(self) -> float:
        """AUC on the test period."""
        return self.test.metrics.auc

    @property
    def ndcg_at_10(self) -> float:
        """NDCG@10 on the test period."""
        return self.test.metrics.ndcg_at_10

    @property
    def recall_at_10(self) -> float:
        """Recall@10 on the test period."""
        return self.test.metrics.recall_at_10

    @property
    def card(self) -> Path:
        """The model card."""
        return self.directory / CARD

    @property
    def plots(self) -> tuple[Path, ...]:
        """The pictures."""
        return tuple(self.directory / name for name in (NDCG_PLOT, CALIBRATION_PLOT, GAIN_PLOT))


@dataclass(frozen=True, slots=True)
class _Outcome:
    """A trained model with everything known of it."""

    booster: lightgbm.Booster
    train: Dataset
    validation: Evaluation
    test: Evaluation
    uncalibrated: Evaluation
    reliability: Mapping[str, Reliability]
    golden: NDArray[np.float64]
    companions: Companions


def train(
    recipe: Recipe,
    spec: FeatureSpec,
    log: EventLog,
    actions: Sequence[ActionProfile],
    exposures: Iterable[Exposure],
    run: TrainingRun,
) -> TrainingReport:
    """Train by a recipe and write the model to `run.root/<version>`.

    Raises:
        RecipeError: the recipe names features that are not declared.
        DatasetError: there is nothing to learn from, or actions are unknown.
        HistoryError: the log lacks what the features are defined on.
        PlotError: matplotlib is not installed.
    """
    check_columns(recipe, spec.columns)
    dataset = build_dataset(spec, log, actions, exposures, run.progress)
    outcome = _learn(recipe, dataset, actions, run)
    directory = _write(recipe, spec, outcome, run)
    return TrainingReport(
        directory=directory,
        version=directory.name,
        train_rows=len(outcome.train),
        train_positives=int(outcome.train.positive.sum()),
        validation=outcome.validation,
        test=outcome.test,
        uncalibrated=outcome.uncalibrated,
        reliability=outcome.reliability,
        scorer=artifact.load(directory, spec).scorer.name,
    )


def _learn(recipe: Recipe, dataset: Dataset, actions: Sequence[ActionProfile], run: TrainingRun) -> _Outcome:
    """Learn twice: a rehearsal, whose scores of the validation period say how to calibrate, and the model."""
    parts, threads = split(dataset, recipe), run.threads
    rehearsal = run.fit(recipe, parts.fit, threads, run.progress, "Training for validation")
    rehearsed = scores_of(rehearsal, parts.validation, threads)
    types = types_of(parts.validation, actions)
    fits = fit_by_type(parts.validation.positive, rehearsed, types, recipe.calibration)
    booster = run.fit(recipe, parts.train, threads, run.progress, "Training")
    scores, types = scores_of(booster, parts.test, threads), types_of(parts.test, actions)
    return _Outcome(
        booster=booster,
        train=parts.train,
        validation=evaluate(rehearsed, recipe, parts.validation),
        test=evaluate(calibrated(scores, types, fits), recipe, parts.test),
        uncalibrated=evaluate(scores, recipe, parts.test),
        reliability=reliability_by_type(parts.test.positive, scores, types, fits),
        golden=artifact.golden_rows(parts.test.matrix, scores),
        companions=Companions(calibration_of(fits), _experience(recipe, parts.train, actions)),
    )


def _experience(recipe: Recipe, train: Dataset, actions: Sequence[ActionProfile]) -> Experience:
    ids, kinds = [action.id for action in actions], [action.kind for action in actions]
    return Experience(count_evidence(ids, kinds, train.actions, train.positive), recipe.graduation)


def _write(recipe: Recipe, spec: FeatureSpec, outcome: _Outcome, run: TrainingRun) -> Path:
    facts = artifact.ModelFacts(
        created=run.now,
        spec_digest=spec.digest,
        parameters=recipe.lightgbm.model_dump(),
        metrics={
            "validation": _plain(outcome.validation),
            "test": _plain(outcome.test),
            "test_uncalibrated": _plain(outcome.uncalibrated),
            "reliability": {kind: found.plain() for kind, found in outcome.reliability.items()},
        },
        training={
            "recipe": recipe.name,
            "rows": len(outcome.train),
            "positives": int(outcome.train.positive.sum()),
            "periods": recipe.periods.model_dump(mode="json"),
        },
    )
    attachments = _attachments(recipe, spec, outcome, run.now)
    return artifact.save(run.root, outcome.booster, outcome.golden, facts, attachments, outcome.companions)


def _attachments(recipe: Recipe, spec: FeatureSpec, outcome: _Outcome, now: datetime) -> Mapping[str, bytes]:
    periods = {"Validation period": outcome.validation, "Test period": outcome.test}
    shares = gains(outcome.booster)
    card = CardFacts(
        version=artifact.model_version(artifact.model_text(outcome.booster), outcome.companions),
        created=now.isoformat(timespec="minutes"),
        recipe=recipe,
        spec=spec,
        train_rows=len(outcome.train),
        train_positives=int(outcome.train.positive.sum()),
        periods=periods,
        reliability=outcome.reliability,
        gains=shares,
    )
    return {
        CARD: render_card(card).encode(),
        NDCG_PLOT: ndcg_plot(periods),
        CALIBRATION_PLOT: calibration_plot(outcome.reliability),
        GAIN_PLOT: gain_plot(shares),
    }


def _plain(evaluation: Evaluation) -> dict[str, JsonValue]:
    return {
        **asdict(evaluation.metrics),
        "log_loss": evaluation.log_loss,
        "calibration_error": evaluation.calibration_error,
        "baselines": {title: asdict(metrics) for title, metrics in evaluation.baselines.items()},
    }
