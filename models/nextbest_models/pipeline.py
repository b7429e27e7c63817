"""The whole of `nextbest train`: dataset, validation, final model, test, artifact."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from pydantic import JsonValue

from nextbest_models import artifact
from nextbest_models.assembly import ActionProfile
from nextbest_models.card import CALIBRATION_PLOT, GAIN_PLOT, NDCG_PLOT, CardFacts, moment_text, render_card
from nextbest_models.dataset import Exposure, build_dataset
from nextbest_models.evidence import count_evidence
from nextbest_models.features import FeatureSpec
from nextbest_models.history import EventLog
from nextbest_models.learning import Learned, Material, learn
from nextbest_models.plots import calibration_plot, gain_plot, ndcg_plot
from nextbest_models.progress import Progress, silent
from nextbest_models.recipe import HistoryRecipe, Recipe
from nextbest_models.reliability import Reliability
from nextbest_models.training import Evaluation, Fit, check_columns, fit, gains, split

CARD = "card.md"
_NOTES = ("Features see only events strictly before 00:00 UTC of the day of the decision.",)


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
    of decisions: see `ranker.ScorerInUse`. `figures` tell of the data.
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
    figures: Mapping[str, JsonValue]

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


def train(
    recipe: HistoryRecipe,
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
    cuts = recipe.periods.cuts
    rows = split(dataset, cuts).checked(recipe)
    ids, kinds = [action.id for action in actions], [action.kind for action in actions]
    evidence = count_evidence(ids, kinds, rows.train.actions, rows.train.positive)
    return train_on(recipe, spec, Material(rows, cuts, kinds, evidence, _NOTES), run)


def train_on(recipe: Recipe, spec: FeatureSpec, material: Material, run: TrainingRun) -> TrainingReport:
    """Train by a recipe on rows that were prepared, and write the model to `run.root/<version>`.

    Raises:
        RecipeError: the recipe names features that are not declared.
        PlotError: matplotlib is not installed.
    """
    check_columns(recipe, spec.columns)
    learned = learn(recipe, material, run.threads, run.progress, run.fit)
    directory = _write(recipe, spec, material, learned, run)
    return TrainingReport(
        directory=directory,
        version=directory.name,
        train_rows=len(material.rows.train),
        train_positives=int(material.rows.train.positive.sum()),
        validation=learned.validation,
        test=learned.test,
        uncalibrated=learned.uncalibrated,
        reliability=learned.reliability,
        scorer=artifact.load(directory, spec).scorer.name,
        figures=material.figures,
    )


def _write(recipe: Recipe, spec: FeatureSpec, material: Material, learned: Learned, run: TrainingRun) -> Path:
    facts = artifact.ModelFacts(
        created=run.now,
        spec_digest=spec.digest,
        parameters=recipe.lightgbm.model_dump(),
        metrics={
            "validation": _plain(learned.validation),
            "test": _plain(learned.test),
            "test_uncalibrated": _plain(learned.uncalibrated),
            "reliability": {kind: found.plain() for kind, found in learned.reliability.items()},
        },
        training={
            "recipe": recipe.name,
            "rows": len(material.rows.train),
            "positives": int(material.rows.train.positive.sum()),
            "periods": {
                name.removesuffix("_ms"): moment_text(at_ms) for name, at_ms in asdict(material.cuts).items()
            },
            **material.figures,
        },
    )
    attachments = _attachments(recipe, spec, material, learned, run.now)
    return artifact.save(run.root, learned.booster, learned.golden, facts, attachments, learned.companions)


def _attachments(
    recipe: Recipe, spec: FeatureSpec, material: Material, learned: Learned, now: datetime
) -> Mapping[str, bytes]:
    periods = {"Validation period": learned.validation, "Test period": learned.test}
    shares = gains(learned.booster)
    card = CardFacts(
        version=artifact.model_version(artifact.model_text(learned.booster), learned.companions),
        created=now.isoformat(timespec="minutes"),
        recipe=recipe,
        spec=spec,
        train_rows=len(material.rows.train),
        train_positives=int(material.rows.train.positive.sum()),
        cuts=material.cuts,
        notes=material.notes,
        periods=periods,
        reliability=learned.reliability,
        gains=shares,
    )
    return {
        CARD: render_card(card).encode(),
        NDCG_PLOT: ndcg_plot(periods),
        CALIBRATION_PLOT: calibration_plot(learned.reliability),
        GAIN_PLOT: gain_plot(shares),
    }


def _plain(evaluation: Evaluation) -> dict[str, JsonValue]:
    return {
        **asdict(evaluation.metrics),
        "log_loss": evaluation.log_loss,
        "calibration_error": evaluation.calibration_error,
        "baselines": {title: asdict(metrics) for title, metrics in evaluation.baselines.items()},
    }
