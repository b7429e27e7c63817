"""`nextbest decide`: ask a running service, and see the answer as a table."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from nextbest_service.cli.options import DEFAULT_HOME, HomeOption, JsonOption
from nextbest_service.errors import StartupError
from nextbest_service.home import Home

if TYPE_CHECKING:
    from nextbest_service.cli.asking import RefusedError

EXIT_REFUSED = 2
DEFAULT_ADDRESS = "127.0.0.1:50051"


def decide(
    customer: Annotated[
        str | None,
        typer.Option("--customer", "-c", help="Customer number (short for --identity customer:ID)."),
    ] = None,
    identity: Annotated[
        list[str] | None, typer.Option(help="Another name of the person, as namespace:id; repeatable.")
    ] = None,
    placement: Annotated[
        list[str] | None,
        typer.Option("--placement", "-p", help="Placement to fill; repeatable.", show_default=False),
    ] = None,
    limit: Annotated[
        int, typer.Option(min=0, help="Propositions per placement; 0 = the placement's default.")
    ] = 0,
    channel: Annotated[
        str, typer.Option(help="Channel. Default: that of the placements, or the best of several.")
    ] = "",
    brand: Annotated[str, typer.Option(help="Brand that asks. Default: the catalog's default brand.")] = "",
    goal: Annotated[str, typer.Option(help="Goal in force. Default: the catalog's default goal.")] = "",
    locale: Annotated[
        str, typer.Option(help="Language tag such as de-CH. Default: the catalog's default locale.")
    ] = "",
    context: Annotated[
        list[str] | None,
        typer.Option(
            help="Context as key=value, a list as key=[a,b]; a number or true/false is text only in quotes; "
            "repeatable."
        ),
    ] = None,
    exclude: Annotated[list[str] | None, typer.Option(help="Action that is not wanted; repeatable.")] = None,
    candidate: Annotated[
        list[str] | None,
        typer.Option(help="Only these actions compete; repeatable. Default: the whole catalog."),
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Also say why every other action was left out.")
    ] = False,
    address: Annotated[
        str | None,
        typer.Option(
            envvar="NEXTBEST_ADDRESS",
            help=f"Where the service answers. Default: the one running in the home, else {DEFAULT_ADDRESS}.",
            show_default=False,
        ),
    ] = None,
    timeout: Annotated[float, typer.Option(help="Longest wait for the answer, in seconds.", min=0.001)] = 2.0,
    svg: Annotated[Path | None, typer.Option(help="Also save what is shown as an SVG picture.")] = None,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Ask a running service what is best for a customer."""
    from nextbest_service.cli import asking, tables  # noqa: PLC0415 - grpc is slow to import, and --help should not be

    request = asking.build_request(
        identities=_identities(customer, identity),
        placements=placement or ["home"],
        limit=limit,
        channel=channel,
        brand=brand,
        goal=goal,
        locale=locale,
        context=[_key_and_value(entry) for entry in context or []],
        excluded=exclude or [],
        candidates=candidate or [],
        explain=explain,
    )
    running = Home(home).running_service()
    target = address or (running.address if running else DEFAULT_ADDRESS)
    try:
        response = asking.ask(target, request, timeout)
    except asking.RefusedError as error:
        _print_refusal(error, as_json)
        raise typer.Exit(EXIT_REFUSED) from None
    except asking.UnreachableError as error:
        raise StartupError(str(error)) from error
    if as_json:
        typer.echo(json.dumps(asking.to_plain(response), ensure_ascii=False))
        return
    console = Console(record=svg is not None)
    tables.print_decision(console, response)
    if svg is not None:
        console.save_svg(str(svg), title="nextbest decide")


def _identities(customer: str | None, others: list[str] | None) -> list[tuple[str, str]]:
    named = [("customer", customer)] if customer is not None else []
    for other in others or []:
        namespace, separator, name = other.partition(":")
        if not separator:
            raise typer.BadParameter("expected namespace:id", param_hint="--identity")
        named.append((namespace, name))
    if not named:
        raise typer.BadParameter("name the customer with --customer or --identity", param_hint="--customer")
    return named


def _key_and_value(entry: str) -> tuple[str, str]:
    key, separator, value = entry.partition("=")
    if not separator or not key:
        raise typer.BadParameter("expected key=value", param_hint="--context")
    return key, value


def _print_refusal(error: "RefusedError", as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(error.to_plain()))
        return
    console = Console(stderr=True, highlight=False)
    console.print(f"{error.status}: {error.message}", style="bold red", markup=False)
    for field, description in error.violations:
        console.print(f"  {field}: {description}", markup=False)
