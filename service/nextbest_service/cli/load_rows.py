"""`nextbest load profiles|features|events|outcomes|products`: rows of files into the store."""

import json
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console

from nextbest_service.cli.options import (
    DEFAULT_CATALOG,
    DEFAULT_HOME,
    CatalogOption,
    HomeOption,
    JsonOption,
    RedisOption,
    parse_moment,
)
from nextbest_service.home import Home

if TYPE_CHECKING:
    from datetime import datetime

    from nextbest_service.cli.row_steps import RowsReport

SOME_REJECTED = 4
KINDS = {
    "profiles": "Load profiles: attributes, consents and features of customers.",
    "features": "Load features that were computed elsewhere, such as in a warehouse.",
    "events": "Load events; each is counted once, however often it is loaded.",
    "outcomes": "Load outcomes: of our propositions by their tokens, of others' contacts by action.",
    "products": "Load the product book: which affinity keys each product touches.",
}

FilesArgument = Annotated[
    list[Path],
    typer.Argument(
        help="CSV (*.csv, *.tsv), JSON lines (*.jsonl) or Parquet (*.parquet).", exists=True, dir_okay=False
    ),
]
MapOption = Annotated[
    Path | None,
    typer.Option("--map", help="YAML file: which column is which field.", exists=True, dir_okay=False),
]
SourceOption = Annotated[
    str,
    typer.Option(help="The system that the rows come from; ids are unique within it.", show_default=False),
]
JobsOption = Annotated[
    int, typer.Option(min=0, max=16, help="Processes. 0: one for small files, else one per core up to 4.")
]
ResumeOption = Annotated[bool, typer.Option("--resume", help="Go on where an interrupted load stopped.")]
RejectsOption = Annotated[
    Path | None,
    typer.Option(
        help="Where rejected rows go. Default: loads/rejects.jsonl in the home.", show_default=False
    ),
]
ClockOption = Annotated[
    str | None,
    typer.Option(
        envvar="NEXTBEST_CLOCK",
        help="What is now, or 'now': later rows are refused. Default: the catalog's clock, else real time.",
        show_default=False,
    ),
]


def add_to(app: typer.Typer) -> None:
    """Add one command per kind of rows."""
    for kind, help_text in KINDS.items():
        app.command(kind, help=f"{help_text}\n\nEnds with 4 if rows were rejected.")(_command(kind))


def _command(kind: str) -> Callable[..., None]:
    def command(
        files: FilesArgument,
        mapping: MapOption = None,
        source: SourceOption = "",
        jobs: JobsOption = 0,
        resume: ResumeOption = False,
        rejects: RejectsOption = None,
        clock: ClockOption = None,
        home: HomeOption = DEFAULT_HOME,
        catalog: CatalogOption = DEFAULT_CATALOG,
        redis_url: RedisOption = None,
        as_json: JsonOption = False,
    ) -> None:
        from nextbest_service.bulk.kinds import Kind  # noqa: PLC0415 - slow to import, and --help should not be
        from nextbest_service.cli.progress import progress_bars  # noqa: PLC0415
        from nextbest_service.cli.row_steps import Order, load_rows  # noqa: PLC0415

        started = time.monotonic()
        order = Order(Kind(kind), tuple(files), mapping, source, jobs, resume, rejects, _moment(clock))
        with progress_bars() as progress:
            report = load_rows(Home(home), redis_url, catalog, order, progress)
        _tell(report, time.monotonic() - started, as_json=as_json)
        if report.rejected:
            raise typer.Exit(SOME_REJECTED)

    return command


def _moment(clock: str | None) -> "datetime | Literal['now'] | None":
    if clock is None or clock == "now":
        return clock  # type: ignore[return-value]
    return parse_moment(clock, "--clock")


def _tell(report: "RowsReport", seconds: float, *, as_json: bool) -> None:
    pace = round(report.rows / seconds) if seconds else 0
    if as_json:
        typer.echo(json.dumps({**asdict(report), "seconds": round(seconds, 2), "rows_per_second": pace}))
        return
    console = Console(highlight=False)
    if report.resumed_at is not None:
        console.print(f"Went on at line {report.resumed_at:,}.")
    console.print(
        f"[bold green]Loaded[/] {report.applied:,} {report.kind} from {report.rows:,} rows "
        f"in {seconds:.1f} s ({pace:,} rows/s)."
    )
    if report.duplicates:
        console.print(f"{report.duplicates:,} had been loaded before.")
    if report.stale:
        console.print(
            f"{report.stale:,} were not counted: something newer is held, or they lie further behind the "
            "customer's newest event than the catalog's memory.late_events. Load old files before new ones."
        )
    if report.rejected:
        console.print(f"[bold red]{report.rejected:,} rejected[/]: reasons and rows are in {report.rejects}")
