"""`nextbest load`: bring data into the store."""

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from nextbest_service.cli import load_rows
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

app = typer.Typer(help="Bring data into the store.", no_args_is_help=True)


@app.callback()
def _load() -> None:
    """Bring data into the store."""


@app.command()
def grocery(
    as_of: Annotated[
        str | None,
        typer.Option(
            help="Moment of the load: everything later is unseen. Default: the clock of the grocery catalog.",
            show_default=False,
        ),
    ] = None,
    actions_to: Annotated[
        Path | None,
        typer.Option(help="Only write the catalog's action files, made from the data, into this directory."),
    ] = None,
    home: HomeOption = DEFAULT_HOME,
    catalog: CatalogOption = DEFAULT_CATALOG,
    redis_url: RedisOption = None,
    as_json: JsonOption = False,
) -> None:
    """Load the Complete Journey data set: 2,469 households, 1.47 million purchases, 1,197 coupon offers."""
    from nextbest_service.cli import steps  # noqa: PLC0415 - slow to import, and --help should not be
    from nextbest_service.cli.progress import progress_bars  # noqa: PLC0415

    started = time.monotonic()
    with progress_bars() as progress:
        if actions_to is not None:
            files = steps.write_grocery_actions(actions_to, progress)
            typer.echo(
                json.dumps({"files": files}) if as_json else f"{files} action files written to {actions_to}"
            )
            return
        journey = steps.read_journey(progress)
        moment = parse_moment(as_of, "--as-of") if as_of else None
        report = steps.load_grocery(Home(home), redis_url, catalog, journey, moment, progress)
    seconds = time.monotonic() - started
    if as_json:
        typer.echo(json.dumps({**asdict(report), "seconds": round(seconds, 2)}))
        return
    Console().print(
        f"[bold green]Loaded[/] {report.customers:,} customers from {report.transactions_seen:,} of "
        f"{report.transactions:,} purchases in {seconds:.1f} s. Next: nextbest train"
    )


@app.command()
def customers(
    files: Annotated[
        list[Path],
        typer.Argument(
            help="YAML lists (*.yaml) or JSON Lines (*.jsonl) of customers.", exists=True, dir_okay=False
        ),
    ],
    now: Annotated[
        str | None,
        typer.Option(
            help="Moment that relative times such as -3d count from. Default: the catalog's clock, else now.",
            show_default=False,
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only check the files.")] = False,
    home: HomeOption = DEFAULT_HOME,
    catalog: CatalogOption = DEFAULT_CATALOG,
    redis_url: RedisOption = None,
    as_json: JsonOption = False,
) -> None:
    """Load customers from files: facts, features, consents, tickets, purchases, events and contacts.

    Each one has `identities` and the same parts as the customers of policy tests. All files are checked
    before anything is written. What the store held of these customers is replaced.
    """
    from nextbest_service.cli import steps  # noqa: PLC0415
    from nextbest_service.cli.progress import progress_bars  # noqa: PLC0415

    started = time.monotonic()
    moment = parse_moment(now, "--now") if now else None
    with progress_bars() as progress:
        report = steps.load_customers(
            Home(home), redis_url, catalog, files, moment, progress, dry_run=dry_run
        )
    seconds = time.monotonic() - started
    if as_json:
        typer.echo(json.dumps({**asdict(report), "seconds": round(seconds, 2)}))
        return
    done = "[bold green]Checked[/]" if dry_run else "[bold green]Loaded[/]"
    Console().print(f"{done} {report.customers:,} customers in {seconds:.1f} s.")


load_rows.add_to(app)
