"""`nextbest callers`: tokens for callers, and a look at the file of callers."""

import json
from pathlib import Path
from typing import Annotated

import typer

from nextbest_service.cli.options import JsonOption

app = typer.Typer(help="Those who may call the service: see the guide on security.", no_args_is_help=True)


@app.command()
def token(as_json: JsonOption = False) -> None:
    """Make a token, and print it with the line for the callers file. It is kept nowhere."""
    from nextbest_service.security.caller_tokens import make_token  # noqa: PLC0415 - only this needs it

    made = make_token()
    if as_json:
        typer.echo(json.dumps({"token": made.token, "sha256": made.sha256}))
        return
    typer.echo(f"for the caller:        {made.token}")
    typer.echo(f"for the callers file:  - sha256: {made.sha256}")


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="YAML file of callers.")], as_json: JsonOption = False
) -> None:
    """Check a file of callers and its keys, and print what each caller may do."""
    from nextbest_service.security.callers_file import read_callers  # noqa: PLC0415 - slow to import

    callers = read_callers(file).value.all
    plain = [
        {
            "name": caller.name,
            "rpcs": sorted(rpc.removeprefix("nextbest.v1.") for rpc in caller.permissions.rpcs),
            "explain": caller.permissions.explain.name.lower(),
        }
        for caller in callers
    ]
    if as_json:
        typer.echo(json.dumps({"callers": plain}))
        return
    for entry in plain:
        typer.echo(f"{entry['name']}: {', '.join(entry['rpcs'])}; explains {entry['explain']}")
