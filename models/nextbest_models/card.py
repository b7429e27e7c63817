"""The model card: what a model is, how it was made, how good it is and where it must not be trusted."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from nextbest_models.dataset import Cuts
from nextbest_models.definitions import DAY_MS
from nextbest_models.evaluation import RankingMetrics
from nextbest_models.features import FeatureSpec
from nextbest_models.recipe import Recipe
from nextbest_models.reliability import Reliability
from nextbest_models.training import Evaluation

GAIN_PLOT = "gain.png"
CALIBRATION_PLOT = "calibration.png"
NDCG_PLOT = "ndcg.png"


@dataclass(frozen=True, slots=True)
class CardFacts:
    """Everything the card tells.

    `periods` are evaluations by title, `reliability` is by type of action, `notes` are sentences about
    the data.
    """

    version: str
    created: str
    recipe: Recipe
    spec: FeatureSpec
    train_rows: int
    train_positives: int
    cuts: Cuts
    notes: tuple[str, ...]
    periods: Mapping[str, Evaluation]
    reliability: Mapping[str, Reliability]
    gains: Mapping[str, float]


def moment_text(time_ms: int) -> str:
    """Return a time (Unix milliseconds) for people: a day in UTC, with hours and minutes unless it begins."""
    moment = datetime.fromtimestamp(time_ms / 1000, tz=UTC)
    return f"{moment:%Y-%m-%d}" if time_ms % DAY_MS == 0 else f"{moment:%Y-%m-%d %H:%M} UTC"


def render_card(facts: CardFacts) -> str:
    """Return the card as Markdown."""
    parts = (
        _head(facts),
        _figures(facts),
        _calibration(facts),
        _ladder(facts),
        _data(facts),
        _features(facts),
        _limits(facts),
    )
    return "\n".join(line for part in parts for line in part) + "\n"


def _head(facts: CardFacts) -> Iterator[str]:
    yield f"# Model {facts.version}: {facts.recipe.name}"
    yield ""
    yield facts.recipe.title
    yield ""
    yield f"One LightGBM model of {facts.recipe.lightgbm.trees} trees with up to"
    yield f"{facts.recipe.lightgbm.num_leaves} leaves, binary objective, {len(facts.spec.columns)} features."
    yield f"Trained {facts.created}."


def _figures(facts: CardFacts) -> Iterator[str]:
    for title, evaluation in facts.periods.items():
        yield ""
        yield f"## {title}"
        yield ""
        yield "| ranker | AUC | NDCG@10 | recall@10 |"
        yield "|---|---|---|---|"
        yield from (_row(name, metrics) for name, metrics in evaluation.baselines.items())
        yield _row("**this model**", evaluation.metrics)
        yield ""
        yield (
            f"{evaluation.metrics.rows:,} rows, {evaluation.metrics.positives:,} of them positive; NDCG and"
            f" recall over the {evaluation.metrics.groups:,} groups (customer and moment) with a positive."
        )
        yield f"Log loss {evaluation.log_loss:.5f}, calibration error {evaluation.calibration_error:.5f}."
    yield ""
    yield f"![NDCG@10 of the model and of simple rankers]({NDCG_PLOT})"


def _calibration(facts: CardFacts) -> Iterator[str]:
    yield ""
    yield "## Calibration"
    yield ""
    yield "Each type of action has a curve of its own, fitted on the scores of the validation period"
    yield "and judged on the test period."
    yield ""
    yield "| type | method | fitted on | error of scores | after calibration |"
    yield "|---|---|---|---|---|"
    for kind, found in facts.reliability.items():
        method = f"none: {found.fit.why_not}" if found.fit.curve is None else found.method
        fitted = f"{found.fit.rows:,} rows, {found.fit.positives:,} positive"
        yield f"| {kind} | {method} | {fitted} | {found.error_before:.5f} | {found.error_after:.5f} |"
    yield ""
    yield f"![Share of positives against propensity, by type]({CALIBRATION_PLOT})"


def _ladder(facts: CardFacts) -> Iterator[str]:
    graduation = facts.recipe.graduation
    yield ""
    yield "## New actions"
    yield ""
    yield f"The model ranks an action once it has learned from {graduation.exposures:,} rows of its"
    yield f"{graduation.scope}. Before that the evidence of its group, issue and type counts, or what is"
    yield "declared of it."


def _data(facts: CardFacts) -> Iterator[str]:
    cuts = facts.cuts
    validate, test = moment_text(cuts.validate_from_ms), moment_text(cuts.test_from_ms)
    yield ""
    yield "## Data and split"
    yield ""
    yield f"- Learned from {facts.train_rows:,} rows, {facts.train_positives:,} of them positive:"
    yield f"  decisions from {moment_text(cuts.train_from_ms)} until {test} (exclusive)."
    yield f"- Validation figures come from the same recipe fitted until {validate} (exclusive)"
    yield "  and evaluated on the rest of that period."
    yield f"- Tested on decisions from {test} until {moment_text(cuts.until_ms)} (exclusive)."
    yield from (f"- {note}" for note in facts.notes)


def _features(facts: CardFacts) -> Iterator[str]:
    yield ""
    yield "## Features"
    yield ""
    yield "| feature | source | share of gain |"
    yield "|---|---|---|"
    sources = {feature.name: feature.source for feature in facts.spec.features}
    for name, share in facts.gains.items():
        yield f"| {name} | {sources[name]} | {share:.1%} |"
    yield ""
    yield f"![Share of gain by feature]({GAIN_PLOT})"


def _limits(facts: CardFacts) -> Iterator[str]:
    yield ""
    yield "## Limits"
    yield ""
    yield from (f"- {limit}" for limit in facts.recipe.limits)


def _row(name: str, metrics: RankingMetrics) -> str:
    return f"| {name} | {metrics.auc:.3f} | {metrics.ndcg_at_10:.3f} | {metrics.recall_at_10:.3f} |"
