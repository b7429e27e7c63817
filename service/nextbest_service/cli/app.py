"""The `nextbest` command: every command's module adds itself here."""

from importlib.metadata import version
from typing import Annotated

import typer

from nextbest_service.cli import (
    callers,
    catalog,
    compiling,
    customers,
    decide,
    decide_batch,
    demo,
    evaluate,
    experiments,
    health,
    load,
    log,
    models,
    operators,
    rules,
    serve,
    simulate_world,
    top,
    train,
)
from nextbest_service.cli.ending import run_told

app = typer.Typer(
    name="nextbest",
    help="Real-time next-best-action decisions.\n\n"
    "Exit codes: 0 done, 2 wrong usage or broken input (catalog, model, request), 3 something needed is "
    "not there (store, service, port, data), 4 done but some rows were refused, "
    "5 a gate was not met, 1 anything else.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("demo")(demo.demo)
app.command("simulate-world")(simulate_world.simulate_world)
app.command("serve")(serve.serve)
app.command("health")(health.health)
app.command("status")(operators.status)
app.command("reload")(operators.reload)
app.command("top")(top.top)
app.command("compile")(compiling.compile_kernels)
app.command("decide", cls=decide.DecideCommand)(decide.decide)
app.command("decide-batch")(decide_batch.decide_batch)
app.add_typer(load.app, name="load")
app.add_typer(catalog.app, name="catalog")
app.command("train")(train.train)
app.command("evaluate")(evaluate.evaluate)
app.add_typer(models.app, name="models")
app.add_typer(rules.app, name="rules")
app.add_typer(log.app, name="log")
app.add_typer(experiments.app, name="experiments")
app.add_typer(customers.app, name="customers")
app.add_typer(callers.app, name="callers")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"nextbest {version('nextbest')}")
        raise typer.Exit


@app.callback()
def _main(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Only carries the options that belong to no command."""


def main() -> None:
    """Run the command line; failures that a user can mend become a message and an exit code."""
    run_told(app)
