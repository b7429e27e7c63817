"""How models look on a terminal."""

import math
from collections.abc import Sequence

from rich import box
from rich.table import Table

from nextbest_models.drift import Drift, Verdict
from nextbest_models.inspection import ModelReport
from nextbest_service.model_versions import ListedModel

_NOTHING = "-"
_STYLES = {Verdict.STABLE: None, Verdict.MODERATE: "yellow", Verdict.STRONG: "bold red"}


def models_table(models: Sequence[ListedModel]) -> Table:
    """Return all versions with what is known of them."""
    table = Table(box=box.SIMPLE_HEAD)
    # Versions are there to be copied, and must not be cut on a narrow terminal.
    for column, width in (("version", 12), ("in use as", 10), ("created", 10)):
        table.add_column(column, no_wrap=True, min_width=width)
    for column, width in (("rows", 7), ("AUC", 5), ("NDCG@10", 7), ("ECE", 6)):
        table.add_column(column, justify="right", no_wrap=True, min_width=width)
    if any(map(_remark, models)):
        table.add_column("", overflow="fold")
    for model in models:
        figures = (_count(model.rows), _figure(model.auc), _figure(model.ndcg_at_10))
        names, created = "\n".join(model.in_use), model.created[:10]
        cells = (model.version, names, created, *figures, _figure(model.calibration_error, 4), _remark(model))
        table.add_row(*cells[: len(table.columns)], style="bold green" if model.in_use else None)
    return table


def _remark(model: ListedModel) -> str:
    return model.problem or ("" if model.fits else "trained for other features")


def inspection_table(report: ModelReport) -> Table:
    """Return what a model is made of."""
    table = Table(box=box.SIMPLE_HEAD, show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in (
        ("model", report.version),
        ("trained", report.created),
        ("objective", report.objective),
        ("trees", f"{report.trees:,}"),
        ("leaves", f"{report.leaves:,}, at most {report.most_leaves} in a tree"),
        ("features", f"{len(report.features)}, of which {report.used_features} are asked for"),
        ("scorer", f"{report.scorer}: {report.why}" if report.why else report.scorer),
    ):
        table.add_row(name, value)
    return table


def _count(value: int | None) -> str:
    return _NOTHING if value is None else f"{value:,}"


def _figure(value: float | None, digits: int = 3) -> str:
    return _NOTHING if value is None else f"{value:.{digits}f}"


def drift_table(drift: Drift) -> Table:
    """Return how scores and features changed, what changed most first."""
    table = Table(
        title=f"{drift.current_rows:,} rows against {drift.reference_rows:,} of the reference",
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
    )
    table.add_column("", no_wrap=True)
    for column in ("index", "mean then", "mean now", "shift"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("")
    for item in (drift.scores, *drift.types, *drift.features):
        chance = " (within chance)" if item.verdict is not Verdict.STABLE and item.may_be_chance else ""
        means = (f"{mean:.4g}" for mean in (item.reference_mean, item.current_mean))
        shift = _NOTHING if math.isnan(item.shift) else f"{item.shift:+.2f}"
        table.add_row(
            item.name,
            f"{item.index:.3f}",
            *means,
            shift,
            f"{item.verdict}{chance}",
            style=_STYLES[item.verdict],
        )
    return table
