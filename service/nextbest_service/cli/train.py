"""`nextbest train`: learn a model from what happened."""

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from nextbest_service.cli.options import DEFAULT_CATALOG, DEFAULT_HOME, CatalogOption, HomeOption, JsonOption
from nextbest_service.home import Home

if TYPE_CHECKING:
    from nextbest_models.evaluation import RankingMetrics
    from nextbest_models.pipeline import TrainingReport


def train(
    home: HomeOption = DEFAULT_HOME,
    catalog: CatalogOption = DEFAULT_CATALOG,
    recipe: Annotated[
        Path | None,
        typer.Option(
            help="Training recipe (TOML). Default: the shipped one for grocery.", exists=True, dir_okay=False
        ),
    ] = None,
    threads: Annotated[
        int, typer.Option(min=1, help="Threads for LightGBM; the model is the same for any number.")
    ] = 2,
    dask: Annotated[
        str,
        typer.Option(
            help="Train on a Dask cluster: its scheduler's address, or local:N for N processes here.",
            show_default=False,
        ),
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """Train on the Complete Journey data and put the model into use in the home."""
    from nextbest_service.cli import steps  # noqa: PLC0415 - slow to import, and --help should not be
    from nextbest_service.cli.progress import progress_bars  # noqa: PLC0415

    started = time.monotonic()
    with progress_bars() as progress:
        journey = steps.read_journey(progress)
        report = steps.train_grocery(Home(home), catalog, journey, recipe, threads, progress, dask)
    seconds = time.monotonic() - started
    if as_json:
        typer.echo(json.dumps({**training_figures(report), "seconds": round(seconds, 2)}))
        return
    console = Console()
    console.print(metrics_table(report))
    console.print(calibration_line(report), highlight=False)
    console.print(
        f"[bold green]Trained[/] model {report.version} on {report.train_rows:,} rows in {seconds:.1f} s. "
        f"Card and plots: {report.card.parent}\nNext: nextbest serve"
    )


def training_figures(report: "TrainingReport") -> dict[str, object]:
    """Return the figures of a training fit for JSON."""
    return {
        "model_version": report.version,
        "model_directory": str(report.directory),
        "scorer": report.scorer,
        "train_rows": report.train_rows,
        "train_positives": report.train_positives,
        "auc": report.auc,
        "ndcg_at_10": report.ndcg_at_10,
        "recall_at_10": report.recall_at_10,
        "calibration_error": report.test.calibration_error,
        "calibration_error_before": report.uncalibrated.calibration_error,
        "calibration": {kind: found.plain() for kind, found in report.reliability.items()},
        "validation_auc": report.validation.metrics.auc,
        "validation_ndcg_at_10": report.validation.metrics.ndcg_at_10,
        "validation_recall_at_10": report.validation.metrics.recall_at_10,
    }


def calibration_line(report: "TrainingReport") -> str:
    """Return whether propensities come true, and how each type of action is calibrated."""
    before, after = report.uncalibrated.calibration_error, report.test.calibration_error
    types = ", ".join(f"{kind}: {found.method}" for kind, found in report.reliability.items())
    return f"Propensities miss what came true by {after:.4f} ({before:.4f} before calibration; {types})."


def metrics_table(report: "TrainingReport") -> Table:
    """Return the ranking metrics of the model and of the heuristics, on both periods."""
    table = Table(
        title="Ranking offers of campaigns that the model has not seen",
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        expand=True,
    )
    table.add_column("ranker", no_wrap=True, overflow="ellipsis", ratio=1)
    for column in ("AUC", "NDCG@10", "recall@10", "val. AUC", "NDCG@10", "recall@10"):
        table.add_column(column, justify="right", no_wrap=True, min_width=len(column))
    for title, baseline in report.test.baselines.items():
        table.add_row(title, *_figures(baseline), *_figures(report.validation.baselines[title]))
    test, validation = _figures(report.test.metrics), _figures(report.validation.metrics)
    table.add_row("LightGBM", *test, *validation, style="bold green")
    return table


def _figures(metrics: "RankingMetrics") -> tuple[str, str, str]:
    return f"{metrics.auc:.3f}", f"{metrics.ndcg_at_10:.3f}", f"{metrics.recall_at_10:.3f}"
