"""`nextbest models`: what is known of trained models, and which of them are in use."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from nextbest_service.cli.drift import drift
from nextbest_service.cli.gates import (
    MinAucOption,
    MinLiftOption,
    checked_for_use,
    exit_unless_met,
    print_gates,
)
from nextbest_service.cli.options import DEFAULT_CATALOG, DEFAULT_HOME, CatalogOption, HomeOption, JsonOption
from nextbest_service.home import Home
from nextbest_service.models_in_use import CHAMPION, check_name

if TYPE_CHECKING:
    from nextbest_models.features import FeatureSpec
    from nextbest_rules import Catalog

app = typer.Typer(help="Look at trained models, and put them into use.", no_args_is_help=True)

AT_THE_START = "A running service that watches its files takes it up within seconds."
app.command("drift")(drift)
NameOption = Annotated[
    str, typer.Option("--as", help="The name under which the model is in use.", metavar="NAME")
]


@app.command("list")
def list_(
    home: HomeOption = DEFAULT_HOME, catalog: CatalogOption = DEFAULT_CATALOG, as_json: JsonOption = False
) -> None:
    """List the model versions of a catalog, the newest first, and what they are in use as."""
    from nextbest_service.cli.model_tables import models_table  # noqa: PLC0415 - slow to import
    from nextbest_service.model_versions import list_models  # noqa: PLC0415

    loaded, spec = _catalog(catalog)
    models = list_models(Home(home), loaded.name, spec)
    if as_json:
        typer.echo(json.dumps([asdict(model) for model in models]))
    elif models:
        Console().print(models_table(models))
    else:
        typer.echo(f"No models in {Home(home).models(loaded.name)}. Run `nextbest train`.")


@app.command("inspect")
def inspect(
    model: Annotated[
        Path | None, typer.Argument(help="Model directory. Default: the one that decides for the catalog.")
    ] = None,
    home: HomeOption = DEFAULT_HOME,
    catalog: CatalogOption = DEFAULT_CATALOG,
    as_json: JsonOption = False,
) -> None:
    """Tell what a model is made of, and what computes its propensities."""
    from nextbest_models.inspection import inspect_model  # noqa: PLC0415 - slow to import
    from nextbest_service.cli.model_tables import inspection_table  # noqa: PLC0415

    loaded, spec = _catalog(catalog)
    directory = model or Home(home).model_in_use(loaded.name) or Home(home).models(loaded.name)
    report = inspect_model(directory, spec)
    if as_json:
        typer.echo(json.dumps(asdict(report)))
        return
    Console().print(inspection_table(report))


@app.command()
def promote(
    version: Annotated[str, typer.Argument(help="The model version; its first digits will do.")],
    name: NameOption = CHAMPION,
    log: Annotated[
        Path | None,
        typer.Option(help="Check the gates by this exported log.", exists=True, file_okay=False),
    ] = None,
    min_auc: MinAucOption = None,
    min_dr_lift: MinLiftOption = None,
    home: HomeOption = DEFAULT_HOME,
    catalog: CatalogOption = DEFAULT_CATALOG,
    as_json: JsonOption = False,
) -> None:
    """Check a model version and put it into use, if it meets the gates.

    Without --log the gate of AUC looks at the test period of the model's training. Exit code 5: a gate was
    not met, and nothing has changed.
    """
    from nextbest_models.judging.judgement import plain_gates  # noqa: PLC0415 - slow to import
    from nextbest_service.model_versions import check_version, put_into_use, version_directory  # noqa: PLC0415

    loaded, spec = _catalog(catalog)
    directory = version_directory(Home(home), loaded.name, version)
    check_name(name)
    check_version(directory, spec)
    gates = checked_for_use(Home(home), loaded, directory, log, min_auc, min_dr_lift)
    if gates.met:
        put_into_use(Home(home), loaded.name, directory, name, gates)
    if as_json:
        told = {"name": name, "version": directory.name, "promoted": gates.met}
        typer.echo(json.dumps(told | plain_gates(gates)))
    else:
        print_gates(gates)
        told_end = f"is in use as {name}. {AT_THE_START}" if gates.met else "was not put into use."
        typer.echo(f"Model {directory.name} {told_end}")
    exit_unless_met(gates)


@app.command()
def rollback(
    name: NameOption = CHAMPION,
    home: HomeOption = DEFAULT_HOME,
    catalog: CatalogOption = DEFAULT_CATALOG,
    as_json: JsonOption = False,
) -> None:
    """Put back into use what was before. Again: further back."""
    from nextbest_service.model_versions import roll_back  # noqa: PLC0415 - slow to import

    loaded, spec = _catalog(catalog)
    directory = roll_back(Home(home), loaded.name, spec, name)
    version = directory.name if directory else None
    if as_json:
        typer.echo(json.dumps({"name": name, "version": version}))
    else:
        model = f"Model {version} is in use as {name} again." if version else f"No model is in use as {name}."
        typer.echo(f"{model} {AT_THE_START}")


@app.command()
def retire(
    name: Annotated[str, typer.Argument(help="The name, such as challenger.")],
    home: HomeOption = DEFAULT_HOME,
    catalog: CatalogOption = DEFAULT_CATALOG,
    as_json: JsonOption = False,
) -> None:
    """Take the model of a name out of use. Its files stay."""
    loaded, _ = _catalog(catalog)
    Home(home).retire_model(loaded.name, name)
    if as_json:
        typer.echo(json.dumps({"name": name, "version": None}))
    else:
        typer.echo(f"No model is in use as {name} any more. {AT_THE_START}")


def _catalog(catalog: str) -> "tuple[Catalog, FeatureSpec]":
    """Return a catalog and its features as the models understand them."""
    from nextbest_rules import load_catalog  # noqa: PLC0415 - slow to import
    from nextbest_service.catalogs import find_catalog  # noqa: PLC0415
    from nextbest_service.decisions.generation import feature_spec  # noqa: PLC0415

    loaded = load_catalog(find_catalog(catalog))
    return loaded, feature_spec(loaded)
