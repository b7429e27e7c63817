"""`nextbest catalog`: what operators do to a catalog that serves."""

import getpass
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

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
    import redis

    from nextbest_rules.records import Kill

app = typer.Typer(help="Stop actions at once, and let them go again.", no_args_is_help=True)

ActionArgument = Annotated[str, typer.Argument(help="Id of the action.", show_default=False)]


@app.command()
def kill(
    action: ActionArgument,
    reason: Annotated[str, typer.Option(help="Why, in words for those who look it up later.")],
    until: Annotated[
        str | None,
        typer.Option(
            help="When it may be offered again, by the service's clock. Default: until it is revived.",
            show_default=False,
        ),
    ] = None,
    catalog: CatalogOption = DEFAULT_CATALOG,
    home: HomeOption = DEFAULT_HOME,
    redis_url: RedisOption = None,
    as_json: JsonOption = False,
) -> None:
    """Stop an action: from the very next decision on nobody is offered it, on every server of the store."""
    from nextbest_rules.records import Kill  # noqa: PLC0415 - slow to import, and --help should not be
    from nextbest_service.store.kills import write_kill  # noqa: PLC0415

    clock_ms = _clock_ms_of(action, catalog)
    until_ms = round(parse_moment(until, "--until").timestamp() * 1000) if until else None
    if until_ms is not None and until_ms <= clock_ms:
        raise typer.BadParameter(f"lies in the past; it is {_moment(clock_ms)}", param_hint="--until")
    order = Kill(reason, clock_ms, until_ms, _caller())
    with _store(home, redis_url) as client:
        write_kill(client, action, order)
    if as_json:
        typer.echo(json.dumps(_plain(action, order)))
        return
    end = f"until {_moment(until_ms)}" if until_ms else f"until `nextbest catalog revive {action}`"
    Console(highlight=False).print(f"[bold green]Killed[/] {action} {end}, in {_name(home, redis_url)}.")


@app.command()
def revive(
    action: ActionArgument,
    catalog: CatalogOption = DEFAULT_CATALOG,
    home: HomeOption = DEFAULT_HOME,
    redis_url: RedisOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let a killed action be offered again, from the very next decision on."""
    from nextbest_service.store.kills import remove_kill  # noqa: PLC0415

    with _store(home, redis_url) as client:
        revived = remove_kill(client, action)
    if not revived:
        _clock_ms_of(action, catalog)
    if as_json:
        typer.echo(json.dumps({"action": action, "revived": revived}))
        return
    text = f"[bold green]Revived[/] {action}" if revived else f"{action} was not killed"
    Console(highlight=False).print(f"{text} in {_name(home, redis_url)}.")


@app.command()
def kills(
    home: HomeOption = DEFAULT_HOME, redis_url: RedisOption = None, as_json: JsonOption = False
) -> None:
    """List the killed actions, with who stopped them and why."""
    from nextbest_service.store.kills import read_kills  # noqa: PLC0415

    with _store(home, redis_url) as client:
        found = dict(sorted(read_kills(client).items()))
    if as_json:
        typer.echo(json.dumps({"kills": [_plain(action, order) for action, order in found.items()]}))
        return
    console = Console()
    console.print(_table(found) if found else "No action is killed.")


def _clock_ms_of(action: str, catalog: str) -> int:
    """Return the time by which the action's catalog lives; an action that it does not have is wrong usage."""
    from nextbest_rules import load_catalog  # noqa: PLC0415
    from nextbest_rules.loading.suggestions import suggestion  # noqa: PLC0415
    from nextbest_service.catalogs import find_catalog  # noqa: PLC0415

    loaded = load_catalog(find_catalog(catalog))
    if action not in loaded.index:
        hint = suggestion(action, loaded.index)
        raise typer.BadParameter(
            f"the catalog {loaded.name} has no action '{action}'{hint}", param_hint="ACTION"
        )
    return time.time_ns() // 1_000_000 if loaded.clock_ms is None else loaded.clock_ms


def _name(home: Path, redis_url: str | None) -> str:
    """Return which store was written to: a service that reads another one would not notice."""
    from nextbest_service.store.connection import without_secrets  # noqa: PLC0415

    return f"the store of {home}" if redis_url is None else f"the store at {without_secrets(redis_url)}"


@contextmanager
def _store(home: Path, redis_url: str | None) -> Iterator["redis.Redis"]:
    from nextbest_service.store.connection import connect_for_bulk  # noqa: PLC0415
    from nextbest_service.store.where import store_url  # noqa: PLC0415

    with store_url(Home(home), redis_url) as url, connect_for_bulk(url) as client:
        yield client


def _caller() -> str:
    """Return who is at the keyboard, as far as the machine knows; a container may have no user names."""
    with suppress(OSError, KeyError):
        return getpass.getuser()
    return ""


def _table(found: Mapping[str, "Kill"]) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="cyan", no_wrap=True)
    table.add_column(overflow="fold")
    for action, order in found.items():
        by = f" by {order.caller}" if order.caller else ""
        end = "" if order.until_ms is None else f", until {_moment(order.until_ms)}"
        table.add_row(action, Text(order.reason).append(f"\nsince {_moment(order.since_ms)}{by}{end}", "dim"))
    return table


def _plain(action: str, order: "Kill") -> dict[str, object]:
    return {
        "action": action,
        "reason": order.reason,
        "since": _moment(order.since_ms),
        "until": None if order.until_ms is None else _moment(order.until_ms),
        "caller": order.caller,
    }


def _moment(time_ms: int) -> str:
    from nextbest_rules.dates import iso  # noqa: PLC0415

    return iso(time_ms)
