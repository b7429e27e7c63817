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

HISTORY_TITLE = "Ranking offers of campaigns that the model has not seen"
LOG_TITLE = "Ranking what was shown after the model had learned"


def train(
    home: HomeOption = DEFAULT_HOME,
    catalog: CatalogOption = DEFAULT_CATALOG,
    from_log: Annotated[
        Path | None,
        typer.Option(
            help="Learn from this export of the decision log instead: what `nextbest log export` wrote.",
            exists=True,
            file_okay=False,
        ),
    ] = None,
    recipe: Annotated[
        Path | None,
        typer.Option(
            help="Training recipe (TOML). Default: the shipped one, for grocery or for logs.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    assume_shown: Annotated[
        bool | None,
        typer.Option(
            "--assume-shown/--only-if-reported",
            help="With --from-log: everything proposed counts as shown, or only what outcomes say was seen. "
            "Default: as the recipe says.",
            show_default=False,
        ),
    ] = None,
    use: Annotated[
        bool | None,
        typer.Option(
            "--use/--no-use",
            help="Put the model into use at once. Default: yes, with --from-log no.",
            show_default=False,
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
    """Learn a model: from the Complete Journey data, or with --from-log from decisions and their outcomes.

    A model from the log is not put into use by itself: compare it with the one in use first.
    """
    from nextbest_service.cli import steps  # noqa: PLC0415 - slow to import, and --help should not be
    from nextbest_service.cli.progress import progress_bars  # noqa: PLC0415

    if from_log is None and assume_shown is not None:
        raise typer.BadParameter("needs --from-log", param_hint="--assume-shown")
    used = from_log is None if use is None else use
    started = time.monotonic()
    with progress_bars() as progress:
        if from_log is None:
            journey = steps.read_journey(progress)
            report = steps.train_grocery(
                Home(home), catalog, journey, recipe, threads, progress, dask=dask, use=used
            )
        else:
            asked = steps.LogTraining(from_log, recipe, assume_shown, used)
            report = steps.train_from_log(Home(home), catalog, asked, threads, progress, dask)
    seconds = time.monotonic() - started
    if as_json:
        typer.echo(json.dumps({**training_figures(report), "in_use": used, "seconds": round(seconds, 2)}))
        return
    console = Console()
    console.print(metrics_table(report, HISTORY_TITLE if from_log is None else LOG_TITLE))
    console.print(calibration_line(report), highlight=False)
    following = "nextbest serve" if used else f"nextbest models promote {report.version}"
    console.print(
        f"[bold green]Trained[/] model {report.version} on {report.train_rows:,} rows in {seconds:.1f} s. "
        f"Card and plots: {report.card.parent}\nNext: {following}"
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
        **report.figures,
    }


def calibration_line(report: "TrainingReport") -> str:
    """Return whether propensities come true, and how each type of action is calibrated."""
    before, after = report.uncalibrated.calibration_error, report.test.calibration_error
    types = ", ".join(f"{kind}: {found.method}" for kind, found in report.reliability.items())
    return f"Propensities miss what came true by {after:.4f} ({before:.4f} before calibration; {types})."


def metrics_table(report: "TrainingReport", title: str = HISTORY_TITLE) -> Table:
    """Return the ranking metrics of the model and of the heuristics, on both periods."""
    table = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        expand=True,
    )
    table.add_column("ranker", no_wrap=True, overflow="ellipsis", ratio=1)
    for column in ("AUC", "NDCG@10", "recall@10", "val. AUC", "NDCG@10", "recall@10"):
        table.add_column(column, justify="right", no_wrap=True, min_width=len(column))
    for name, baseline in report.test.baselines.items():
        table.add_row(name, *_figures(baseline), *_figures(report.validation.baselines[name]))
    test, validation = _figures(report.test.metrics), _figures(report.validation.metrics)
    table.add_row("LightGBM", *test, *validation, style="bold green")
    return table


def _figures(metrics: "RankingMetrics") -> tuple[str, str, str]:
    return f"{metrics.auc:.3f}", f"{metrics.ndcg_at_10:.3f}", f"{metrics.recall_at_10:.3f}"
