"""`nextbest customers`: what is held about customers, who is whom, and forgetting them."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from nextbest_service.cli.calling import AddressOption, namespace_and_id, refusals_told, service_address
from nextbest_service.cli.options import DEFAULT_HOME, HomeOption, JsonOption, RedisOption
from nextbest_service.home import Home

if TYPE_CHECKING:
    from nextbest_service.cli.customer_calls import CustomerCalls

DEFAULT_SOURCE = "command-line"

app = typer.Typer(help="See what is held about customers; link, unlink and erase them.", no_args_is_help=True)

NameArgument = Annotated[str, typer.Argument(help="A name of the person, as namespace:id.", metavar="NAME")]
NamesArgument = Annotated[
    list[str], typer.Argument(help="Names of one person, as namespace:id.", metavar="NAME...")
]
SourceOption = Annotated[str, typer.Option(help="Who says so; kept with the change.")]
TimeoutOption = Annotated[float, typer.Option(help="Longest wait for the answer, in seconds.", min=0.001)]


@app.command()
def get(
    name: NameArgument,
    contacts: Annotated[int, typer.Option(min=0, max=500, help="Newest contacts shown; 0 = 50.")] = 10,
    address: AddressOption = None,
    timeout: TimeoutOption = 5.0,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Show what decisions know about a customer: the 360-degree view."""
    calls = _calls(address, home, timeout)
    with refusals_told(as_json):
        answer = calls.show(namespace_and_id(name, "NAME"), contacts)
    from nextbest_service.cli import asking, customer_tables  # noqa: PLC0415 - slow to import

    if as_json:
        typer.echo(json.dumps(asking.to_plain(answer), ensure_ascii=False))
    elif not answer.known:
        Console().print("Nobody is known by this name.", style="yellow")
    else:
        customer_tables.print_customer(Console(), answer.customer)


@app.command()
def export(
    name: NameArgument,
    address: AddressOption = None,
    timeout: TimeoutOption = 60.0,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Print everything that is held about a person, one JSON object per line."""
    calls = _calls(address, home, timeout)
    with refusals_told(as_json=False):
        for kind, record in calls.export(namespace_and_id(name, "NAME")):
            typer.echo(json.dumps({"kind": kind, **record}, ensure_ascii=False))


@app.command()
def erase(
    name: NameArgument,
    source: SourceOption = DEFAULT_SOURCE,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask whether you mean it.")] = False,
    address: AddressOption = None,
    timeout: TimeoutOption = 60.0,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Erase every trace of a person. This cannot be undone."""
    if not yes:
        typer.confirm("Erase everything that is held about this person?", abort=True)
    calls = _calls(address, home, timeout)
    with refusals_told(as_json):
        answer = calls.erase(namespace_and_id(name, "NAME"), source)
    counts = dict(sorted(answer.erased.items()))
    if as_json:
        complete = {"complete_at_unix_ms": answer.complete_at_unix_ms}
        typer.echo(json.dumps({"found": answer.found, "erased": counts, **complete}))
        return
    what = ", ".join(f"{number:,} {kind}" for kind, number in counts.items())
    Console().print(f"Erased: {what}." if answer.found else "Nothing was held.", highlight=False)


@app.command()
def link(
    names: NamesArgument,
    source: SourceOption = DEFAULT_SOURCE,
    address: AddressOption = None,
    timeout: TimeoutOption = 5.0,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """State that names belong to one person."""
    calls = _calls(address, home, timeout)
    with refusals_told(as_json):
        answer = calls.link([namespace_and_id(name, "NAME") for name in names], source)
    known = [f"{identity.namespace}:{identity.id}" for identity in answer.identities]
    if as_json:
        typer.echo(json.dumps({"merged": answer.merged, "identities": known}, ensure_ascii=False))
        return
    said = "Two customers became one" if answer.merged else "One customer"
    Console().print(f"{said}: {', '.join(known)}", highlight=False, markup=False)


@app.command()
def unlink(
    names: NamesArgument,
    source: SourceOption = DEFAULT_SOURCE,
    address: AddressOption = None,
    timeout: TimeoutOption = 5.0,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Take names away from a person; each becomes a customer of its own."""
    calls = _calls(address, home, timeout)
    with refusals_told(as_json):
        answer = calls.unlink([namespace_and_id(name, "NAME") for name in names], source)
    gone = [f"{identity.namespace}:{identity.id}" for identity in answer.unlinked]
    if as_json:
        typer.echo(json.dumps({"unlinked": gone}, ensure_ascii=False))
        return
    Console().print(f"Unlinked: {', '.join(gone) or 'none'}", highlight=False, markup=False)


@app.command()
def stats(
    sample: Annotated[int, typer.Option(min=1, help="Persons whose memory is measured.")] = 2000,
    home: HomeOption = DEFAULT_HOME,
    redis_url: RedisOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure how much memory customers take in the store, and what for."""
    from nextbest_service.cli import customer_tables  # noqa: PLC0415 - slow to import
    from nextbest_service.store.connection import connect_for_bulk  # noqa: PLC0415
    from nextbest_service.store.statistics import customer_statistics  # noqa: PLC0415
    from nextbest_service.store.where import store_url  # noqa: PLC0415

    with store_url(Home(home), redis_url) as url, connect_for_bulk(url) as client:
        statistics = customer_statistics(client, sample)
    if as_json:
        typer.echo(json.dumps(customer_tables.plain_statistics(statistics)))
    else:
        customer_tables.print_statistics(Console(), statistics)


def _calls(address: str | None, home: Path, timeout: float) -> "CustomerCalls":
    from nextbest_service.cli.customer_calls import CustomerCalls  # noqa: PLC0415 - grpc is slow to import

    return CustomerCalls(service_address(address, home), timeout)
