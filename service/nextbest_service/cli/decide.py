"""`nextbest decide`: ask a running service, and see the answer as a table."""

import json
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from typer.core import TyperCommand

from nextbest_service.cli.calling import AddressOption, namespace_and_id, refusals_told, service_address
from nextbest_service.cli.options import (
    DEFAULT_HOME,
    BrandOption,
    CandidateOption,
    ExcludeOption,
    GoalOption,
    HomeOption,
    JsonOption,
    LocaleOption,
)


class Explain(StrEnum):
    """How much of the why is shown."""

    NONE = "none"
    EXCLUSIONS = "exclusions"
    FULL = "full"


class DecideCommand(TyperCommand):
    """Takes `--explain` without a level, too: Typer knows no option whose value may be left out."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - Typer's own click's
        """Read the arguments, after the level that is meant was added."""
        return super().parse_args(ctx, _with_level(args))


def _with_level(args: Sequence[str]) -> list[str]:
    return [
        f"{arg}={Explain.EXCLUSIONS}" if arg == "--explain" and following not in set(Explain) else arg
        for arg, following in zip(args, [*args, ""][1:], strict=True)
    ]


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
    brand: BrandOption = "",
    goal: GoalOption = "",
    locale: LocaleOption = "",
    context: Annotated[
        list[str] | None,
        typer.Option(
            help="Context as key=value, a list as key=[a,b]; a number or true/false is text only in quotes; "
            "repeatable."
        ),
    ] = None,
    exclude: ExcludeOption = None,
    candidate: CandidateOption = None,
    explain: Annotated[
        Explain,
        typer.Option(
            help="Also say why every other action was left out (exclusions, or --explain alone), and why "
            "each proposition stands where it stands (full)."
        ),
    ] = Explain.NONE,
    address: AddressOption = None,
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
        context=[key_and_value(entry) for entry in context or []],
        excluded=exclude or [],
        candidates=candidate or [],
        explain=explain.value,
    )
    with refusals_told(as_json):
        response = asking.ask(service_address(address, home), request, timeout)
    if as_json:
        typer.echo(json.dumps(asking.to_plain(response), ensure_ascii=False))
        return
    console = Console(record=svg is not None)
    tables.print_decision(console, response)
    if svg is not None:
        console.save_svg(str(svg), title="nextbest decide")


def _identities(customer: str | None, others: list[str] | None) -> list[tuple[str, str]]:
    named = [("customer", customer)] if customer is not None else []
    named += [namespace_and_id(other, "--identity") for other in others or []]
    if not named:
        raise typer.BadParameter("name the customer with --customer or --identity", param_hint="--customer")
    return named


def key_and_value(entry: str) -> tuple[str, str]:
    """Return what an entry of --context says."""
    key, separator, value = entry.partition("=")
    if not separator or not key:
        raise typer.BadParameter("expected key=value", param_hint="--context")
    return key, value
