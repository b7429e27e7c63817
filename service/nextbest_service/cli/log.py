"""`nextbest log`: read and export the decision log."""

import json
import time
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from nextbest_service.cli.extras import parquet_needed
from nextbest_service.cli.options import DEFAULT_HOME, HomeOption, JsonOption, RedisOption
from nextbest_service.home import Home

if TYPE_CHECKING:
    from nextbest_service.decision_log.export.exporter import Report

app = typer.Typer(help="Read and export the decision log.", no_args_is_help=True)

BLOCK_MS = 1000
EXPORT_PAUSE_SECONDS = 5.0


@app.callback()
def _log() -> None:
    """Read and export the decision log."""


@app.command()
def tail(
    number: Annotated[
        int, typer.Option("-n", "--number", min=0, help="How many of the newest entries.")
    ] = 10,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with new entries until Ctrl-C.")
    ] = False,
    home: HomeOption = DEFAULT_HOME,
    redis_url: RedisOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object per entry.")] = False,
) -> None:
    """Show the newest decisions and outcomes."""
    from nextbest_service.cli import log_lines  # noqa: PLC0415 - slow to import, and --help should not be
    from nextbest_service.decision_log.source import LogSource  # noqa: PLC0415
    from nextbest_service.store.connection import connect_for_bulk  # noqa: PLC0415
    from nextbest_service.store.where import store_url  # noqa: PLC0415

    console = Console(highlight=False)
    with store_url(Home(home), redis_url) as url, connect_for_bulk(url) as client:
        source = LogSource(client)
        entries = source.newest(number)
        state = source.state()
        place = state.last if state else "0-0"
        while True:
            for entry in entries:
                place = entry.place
                line = log_lines.json_line(source, entry) if as_json else log_lines.line(source, entry)
                typer.echo(line) if as_json else console.print(line, soft_wrap=True)
            if not follow:
                return
            entries = source.wait_after(place, BLOCK_MS)


@app.command()
def export(
    to: Annotated[Path, typer.Option(help="Directory of the Parquet files.", file_okay=False)],
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with new entries until Ctrl-C.")
    ] = False,
    home: HomeOption = DEFAULT_HOME,
    redis_url: RedisOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write decisions and outcomes to Parquet files, one directory per day, each record once.

    Run it again to bring the files up to date. What was erased meanwhile is removed from them.
    """
    with parquet_needed():
        from nextbest_service.decision_log.export.exporter import Exporter  # noqa: PLC0415
    from nextbest_service.decision_log.source import LogSource  # noqa: PLC0415
    from nextbest_service.store.connection import connect_for_bulk  # noqa: PLC0415
    from nextbest_service.store.where import store_url  # noqa: PLC0415

    with store_url(Home(home), redis_url) as url, connect_for_bulk(url) as client:
        exporter = Exporter(to, LogSource(client))
        while True:
            _tell(_sum(exporter.run()), to, as_json)
            if not follow:
                return
            time.sleep(EXPORT_PAUSE_SECONDS)


def _sum(reports: "Iterable[Report]") -> "Report":
    from nextbest_service.decision_log.export.exporter import Report  # noqa: PLC0415

    total = Report()
    for report in reports:
        total = total.plus(report)
    return total


def _tell(report: "Report", to: Path, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(asdict(report)))
        return
    console = Console(highlight=False)
    console.print(f"{report.decisions:,} decisions and {report.outcomes:,} outcomes written to {to}")
    if report.erased:
        console.print(f"{report.erased:,} rows of erased customers removed")
    if report.lost:
        console.print(f"[bold red]{report.lost:,} records were lost[/]; see the table gaps")
    if report.unreadable:
        console.print(f"[bold red]{report.unreadable:,} entries cannot be read[/]")
