"""`nextbest models`: what is known of a trained model."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from nextbest_service.cli.options import DEFAULT_CATALOG, DEFAULT_HOME, CatalogOption, HomeOption, JsonOption
from nextbest_service.home import Home

if TYPE_CHECKING:
    from nextbest_models.inspection import ModelReport

app = typer.Typer(help="Look at trained models.", no_args_is_help=True)


@app.callback()
def _models() -> None:
    """Only there to keep `inspect` a command of its own."""


@app.command("inspect")
def inspect(
    model: Annotated[
        Path | None, typer.Argument(help="Model directory. Default: the one last trained for the catalog.")
    ] = None,
    home: HomeOption = DEFAULT_HOME,
    catalog: CatalogOption = DEFAULT_CATALOG,
    as_json: JsonOption = False,
) -> None:
    """Tell what a model is made of, and what computes its propensities."""
    from nextbest_models.inspection import inspect_model  # noqa: PLC0415 - slow to import
    from nextbest_rules import load_catalog  # noqa: PLC0415
    from nextbest_service.catalogs import find_catalog  # noqa: PLC0415
    from nextbest_service.decisions.generation import feature_spec  # noqa: PLC0415

    loaded = load_catalog(find_catalog(catalog))
    directory = model or Home(home).model_in_use(loaded.name) or Home(home).models(loaded.name)
    report = inspect_model(directory, feature_spec(loaded))
    if as_json:
        typer.echo(json.dumps(asdict(report)))
        return
    Console().print(_table(report))


def _table(report: "ModelReport") -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in (
        ("model", report.version),
        ("trained", report.created),
        ("objective", report.objective),
        ("trees", f"{report.trees:,}"),
        ("leaves", f"{report.leaves:,}, at most {report.most_leaves} in a tree"),
        ("features", f"{len(report.features)}, of which {report.used_features} are asked for"),
        ("scorer", f"{report.scorer}: {report.why}" if report.why else report.scorer),
    ):
        table.add_row(name, value)
    return table
