"""The report of a judgement: Markdown, with pictures beside it."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from nextbest_models.judging.judgement import Judgement
from nextbest_models.judging.pictures import calibration_picture, lifts_picture, title, values_picture
from nextbest_models.judging.verdict import ModelFigures
from nextbest_models.offpolicy import Estimated, Estimator, PolicyEvaluation

REPORT = "report.md"
CALIBRATION_PICTURE = "calibration.png"
VALUES_PICTURE = "values.png"
LIFTS_PICTURE = "lifts.png"


def write_report(directory: Path, judgement: Judgement) -> Path:
    """Write the report and its pictures to a directory, and return the report's path.

    Raises:
        PlotError: matplotlib is not installed.
    """
    verdict = judgement.verdict
    pictures: Mapping[str, bytes] = {
        CALIBRATION_PICTURE: calibration_picture(verdict),
        VALUES_PICTURE: values_picture(verdict),
        LIFTS_PICTURE: lifts_picture(verdict),
    }
    directory.mkdir(parents=True, exist_ok=True)
    for name, content in pictures.items():
        (directory / name).write_bytes(content)
    report = directory / REPORT
    report.write_text(render_report(judgement), encoding="utf-8")
    return report


def render_report(judgement: Judgement) -> str:
    """Return the report as Markdown."""
    parts = (_head, _gates, _lifts, _models, _policies, _cautions)
    return "\n".join(line for part in parts for line in part(judgement)) + "\n"


def interval(found: Estimated) -> str:
    """Return a value with its interval in a few characters."""
    return f"{found.value:.3g} [{found.low:.3g}, {found.high:.3g}]"


def _head(it: Judgement) -> Iterator[str]:
    against = f"against serving model {it.serving}" if it.serving else "against what was served"
    yield f"# Model {it.candidate} {against}"
    yield ""
    yield (
        f"{it.decisions:,} logged decisions from {it.first:%Y-%m-%d %H:%M} to {it.last:%Y-%m-%d %H:%M} UTC."
        f" Reward: {it.verdict.reward} per decision."
    )
    for reason, count in it.left_out.items():
        yield f"- left out: {count:,} decisions: {reason}"
    yield from (f"- **Caution:** {text}" for text in it.cautions)


def _gates(it: Judgement) -> Iterator[str]:
    if not it.gates.gates:
        return
    yield "\n## Gates\n\n| figure | found | at least | |\n|---|---|---|---|"
    for name, gate in it.gates.gates.items():
        found = "-" if gate.found is None else f"{gate.found:.4g}"
        yield f"| {name} | {found} | {gate.least:g} | {'met' if gate.met else '**not met**'} |"


def _lifts(it: Judgement) -> Iterator[str]:
    baseline = "the serving model's policy" if it.serving else "what was served"
    yield f"\n## Lift over {baseline}\n"
    yield from _estimators(it.verdict.lifts)
    yield f"\n![Lift by estimator, with intervals]({LIFTS_PICTURE})"


def _models(it: Judgement) -> Iterator[str]:
    yield "\n## Ranking and calibration on what was shown\n"
    yield "| model | AUC | NDCG@10 | recall@10 | log loss | ECE |\n|---|---|---|---|---|---|"
    yield from (_model(name, found) for name, found in it.verdict.models.items())
    kinds = sorted({kind for found in it.verdict.models.values() for kind in found.types})
    yield f"\n| ECE by type | {' | '.join(it.verdict.models)} |\n|---|{'---|' * len(it.verdict.models)}"
    for kind in kinds:
        errors = (f"{found.errors_by_type[kind]:.4f}" for found in it.verdict.models.values())
        yield f"| {kind} | {' | '.join(errors)} |"
    yield f"\n![Share of positives against propensity, by type]({CALIBRATION_PICTURE})"


def _model(name: str, found: ModelFigures) -> str:
    metrics = found.metrics
    figures = (metrics.auc, metrics.ndcg_at_10, metrics.recall_at_10, found.log_loss, found.calibration_error)
    return f"| {name} | {' | '.join(f'{figure:.4f}' for figure in figures)} |"


def _policies(it: Judgement) -> Iterator[str]:
    policies = it.verdict.policies
    served = next(iter(policies.values())).served.total
    yield "\n## What each policy earns per decision\n"
    yield f"As served: {interval(served)}.\n"
    yield from _estimators(
        {
            name: {estimator: estimate.total for estimator, estimate in found.estimates.items()}
            for name, found in policies.items()
        }
    )
    yield f"\n![Value by policy and estimator, with intervals]({VALUES_PICTURE})"
    for name, found in policies.items():
        yield from _positions(name, found)


def _positions(name: str, found: PolicyEvaluation) -> Iterator[str]:
    yield f"\n### By position: {name}\n"
    yield "| position | slots | effective slots | mean weight | SNIPS | DR |\n|---|---|---|---|---|---|"
    for place, support in found.support.items():
        cells = (interval(found.estimates[it].by_position[place]) for it in (Estimator.SNIPS, Estimator.DR))
        weights = f"{support.slots:,} | {support.effective_slots:,.0f} | {support.mean_weight:.3f}"
        yield f"| {place} | {weights} | {' | '.join(cells)} |"


def _estimators(rows: Mapping[str, Mapping[Estimator, Estimated]]) -> Iterator[str]:
    yield f"| policy | {' | '.join(map(title, Estimator))} |\n|---|{'---|' * len(Estimator)}"
    for name, found in rows.items():
        yield f"| {name} | {' | '.join(interval(found[estimator]) for estimator in Estimator)} |"


def _cautions(it: Judgement) -> Iterator[str]:
    yield "\n## Cautions\n"
    texts = [f"{name}: {item.text}" for name, found in it.verdict.policies.items() for item in found.cautions]
    yield from (f"- {text}" for text in texts or ["none"])
    confidence = next(iter(it.verdict.policies.values())).options.confidence
    yield (
        f"\nIntervals hold {confidence:.0%} of the time and count persons, not decisions, as independent."
        " They know chance only: not whether outcomes are reported, nor what another model would change."
    )
