"""What commands that ask a running service share: where it is, and how its refusals are told."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from nextbest_service.errors import StartupError
from nextbest_service.home import Home

if TYPE_CHECKING:
    from nextbest_service.cli.asking import RefusedError

EXIT_REFUSED = 2
DEFAULT_ADDRESS = "127.0.0.1:50051"

AddressOption = Annotated[
    str | None,
    typer.Option(
        envvar="NEXTBEST_ADDRESS",
        help=f"Where the service answers. Default: the one running in the home, else {DEFAULT_ADDRESS}.",
        show_default=False,
    ),
]


def service_address(address: str | None, home: Path) -> str:
    """Return where to ask: the address given, that of the service running in the home, or the usual one."""
    running = Home(home).running_service()
    return address or (running.address if running else DEFAULT_ADDRESS)


@contextmanager
def refusals_told(as_json: bool) -> Iterator[None]:
    """Turn a refusal of the service into a message and an exit code.

    Raises:
        StartupError: nobody answered.
    """
    from nextbest_service.cli import asking  # noqa: PLC0415 - grpc is slow to import, and --help should not be

    try:
        yield
    except asking.RefusedError as error:
        _print_refusal(error, as_json)
        raise typer.Exit(EXIT_REFUSED) from None
    except asking.UnreachableError as error:
        raise StartupError(str(error)) from error


def namespace_and_id(text: str, parameter: str) -> tuple[str, str]:
    """Return the two parts of a name of a person, as people write it."""
    namespace, separator, name = text.partition(":")
    if not separator:
        raise typer.BadParameter("expected namespace:id", param_hint=parameter)
    return namespace, name


def _print_refusal(error: "RefusedError", as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(error.to_plain()))
        return
    console = Console(stderr=True, highlight=False)
    console.print(f"{error.status}: {error.message}", style="bold red", markup=False)
    for field, description in error.violations:
        console.print(f"  {field}: {description}", markup=False)
