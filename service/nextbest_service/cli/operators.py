"""`nextbest status` and `nextbest reload`: what operators ask of a running service."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from nextbest_service.cli.calling import refusals_told
from nextbest_service.cli.options import DEFAULT_HOME, HomeOption, JsonOption
from nextbest_service.errors import StartupError
from nextbest_service.home import Home

if TYPE_CHECKING:
    from nextbest.v1.admin_pb2 import GetStatusResponse, ReloadResponse

EXIT_BROKEN = 2
STATUS_SECONDS, RELOAD_SECONDS = 10.0, 300.0

AdminOption = Annotated[
    str | None,
    typer.Option(
        "--admin-address",
        envvar="NEXTBEST_ADMIN_ADDRESS",
        help="Where the service answers operators. Default: that of the service running in the home.",
        show_default=False,
    ),
]


def status(
    admin_address: AdminOption = None, home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False
) -> None:
    """Show what a running service serves, and which of its parts work.

    Exit code 2: a part does not work.
    """
    from nextbest_service.cli.admin_calls import get_status  # noqa: PLC0415 - grpc is slow to import
    from nextbest_service.cli.asking import to_plain  # noqa: PLC0415

    with refusals_told(as_json):
        found = get_status(_address(admin_address, home), STATUS_SECONDS)
    if as_json:
        typer.echo(json.dumps(to_plain(found)))
    else:
        _print_status(found)
    if not all(part.healthy for part in found.parts):
        raise typer.Exit(EXIT_BROKEN)


def reload(
    check: Annotated[bool, typer.Option("--check", help="Only check what is there; swap nothing.")] = False,
    target: Annotated[
        list[str] | None,
        typer.Option(
            help="catalog, model, certificates or callers; repeatable. Default: all.", metavar="PART"
        ),
    ] = None,
    admin_address: AdminOption = None,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Load the catalog and the models in use anew, in all workers of a running service.

    Exit code 2: what is there is broken, and what served before still does.
    """
    from nextbest_service.cli.admin_calls import ask_to_reload, errors_in  # noqa: PLC0415 - grpc is slow to import
    from nextbest_service.cli.asking import to_plain  # noqa: PLC0415

    with refusals_told(as_json):
        found = ask_to_reload(_address(admin_address, home), target or [], check, RELOAD_SECONDS)
    if as_json:
        typer.echo(json.dumps(to_plain(found)))
    else:
        _print_reload(found, check=check)
    if errors_in(found):
        raise typer.Exit(EXIT_BROKEN)


def _address(given: str | None, home: Path) -> str:
    running = Home(home).running_service()
    address = given or (running.admin if running else "")
    if not address:
        raise StartupError(
            f"no service in {home} answers operators: start one with --admin-port, or name --admin-address"
        )
    return address


def _print_status(found: "GetStatusResponse") -> None:
    from nextbest_rules.dates import iso  # noqa: PLC0415

    versions, console = found.versions, Console(highlight=False)
    console.print(
        f"{found.catalog_name or 'nothing yet'}: {found.action_count} actions, "
        f"{found.killed_action_count} killed; catalog {versions.catalog or '-'}, "
        f"model {versions.model or 'none'}, scorer {found.scorer or '-'}"
    )
    console.print(f"nextbest {found.server_version}, its clock says {iso(found.clock_unix_ms)}")
    for part in found.parts:
        mark = ("works", "green") if part.healthy else ("does not work", "bold red")
        detail = f": {part.detail}" if part.detail else ""
        since = f" since {iso(part.since_unix_ms)}"
        console.print(Text.assemble(f"{part.name:14}", mark, since, detail), soft_wrap=True)


def _print_reload(found: "ReloadResponse", *, check: bool) -> None:
    from nextbest_service.cli.admin_calls import errors_in  # noqa: PLC0415

    console, errors = Console(highlight=False), errors_in(found)
    for it in found.diagnostics:
        place = f"{it.file}:{it.line}:{it.column}: " if it.file else ""
        kind = ("error: ", "red") if it in errors else ("warning: ", "yellow")
        console.print(Text.assemble((place, "bold"), kind, it.message), soft_wrap=True)
    if errors:
        end = "Nothing was changed: what served before still does."
    elif check:
        end = "It can be served."
    else:
        end = "Loaded." if found.swapped else "Nothing had changed."
    console.print(f"{end} Catalog {found.versions.catalog}, model {found.versions.model or 'none'}.")
