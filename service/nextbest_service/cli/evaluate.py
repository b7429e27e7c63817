"""`nextbest evaluate`: what a model would have done with logged decisions, and what that had earned."""

import json
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer
from rich.console import Console

from nextbest_service.cli.extras import parquet_needed
from nextbest_service.cli.gates import MinAucOption, MinLiftOption, exit_unless_met
from nextbest_service.cli.options import (
    DEFAULT_CATALOG,
    DEFAULT_HOME,
    CatalogOption,
    ExportOption,
    HomeOption,
    JsonOption,
    parse_moment,
)
from nextbest_service.cli.progress import progress_bars
from nextbest_service.home import Home
from nextbest_service.models_in_use import CHAMPION

if TYPE_CHECKING:
    from nextbest_rules import Catalog

K = TypeVar("K", bound=StrEnum)


def evaluate(
    log: ExportOption,
    candidate: Annotated[
        str | None,
        typer.Argument(help="Model version; its first digits will do. Default: the newest not in use."),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(help="Version, or name of a model in use, to compare with.", show_default=CHAMPION),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(help="Judge decisions from then on. Default: where the candidate's training data ends."),
    ] = None,
    until: Annotated[str | None, typer.Option(help="Judge decisions before then.")] = None,
    placement: Annotated[
        str | None, typer.Option(help="Judge this placement only, given what stood in the others.")
    ] = None,
    reward: Annotated[
        str,
        typer.Option(
            metavar="value|outcome|amount",
            help="What a success counts: the action's value, 1, or the amount that was reported.",
        ),
    ] = "value",
    weighting: Annotated[
        str,
        typer.Option(
            metavar="cascade|slate|rank",
            help="What a success depends on: ranks above too, all ranks, or its own (others as served).",
        ),
    ] = "cascade",
    ceiling: Annotated[
        float | None, typer.Option(help="Cut importance weights at this: less noise, more bias.", min=1.0)
    ] = None,
    window_days: Annotated[
        float, typer.Option(help="An outcome counts if it comes within so many days.", min=0.001, max=365)
    ] = 7.0,
    assume_shown: Annotated[
        bool, typer.Option("--assume-shown", help="Offers count as shown unless an outcome says otherwise.")
    ] = False,
    most: Annotated[
        int, typer.Option(help="Judge about so many decisions at most, drawn evenly.", min=1)
    ] = 20_000,
    confidence: Annotated[float, typer.Option(help="Of the intervals.", min=0.5, max=0.999)] = 0.95,
    min_auc: MinAucOption = None,
    min_dr_lift: MinLiftOption = None,
    report: Annotated[
        Path | None, typer.Option(help="Write a report with plots to this directory.", file_okay=False)
    ] = None,
    home: HomeOption = DEFAULT_HOME,
    catalog: CatalogOption = DEFAULT_CATALOG,
    as_json: JsonOption = False,
) -> None:
    """Compare a model with the one that serves, on logged decisions that it did not learn from.

    Ranking and calibration on what was shown; and what its policy would have earned, by off-policy
    estimators with intervals. Exit code 5: a gate was not met.
    """
    with parquet_needed():
        from nextbest_service.judging.evaluating import evaluate_models  # noqa: PLC0415 - slow to import
    from nextbest_models.judging.gates import Gates  # noqa: PLC0415
    from nextbest_models.judging.report import write_report  # noqa: PLC0415
    from nextbest_models.judging.slots import Reward  # noqa: PLC0415
    from nextbest_models.logged.attribution import AttributionPlan  # noqa: PLC0415
    from nextbest_models.offpolicy import Options, Weighting  # noqa: PLC0415
    from nextbest_rules import load_catalog  # noqa: PLC0415
    from nextbest_service.catalogs import find_catalog  # noqa: PLC0415
    from nextbest_service.cli.evaluation_tables import print_judgement  # noqa: PLC0415
    from nextbest_service.judging.question import Question  # noqa: PLC0415

    loaded = load_catalog(find_catalog(catalog))
    chosen = _candidate(Home(home), loaded, candidate)
    question = Question(
        candidate=chosen,
        serving=_serving(Home(home), loaded, against, chosen),
        log=log,
        since=_moment(since, "--since"),
        until=_moment(until, "--until"),
        placement=_placement(loaded, placement),
        most=most,
        reward=_one_of(Reward, reward, "--reward"),
        attribution=AttributionPlan(window_days=window_days, assume_shown=assume_shown),
        options=Options(_one_of(Weighting, weighting, "--weighting"), ceiling, confidence=confidence),
    )
    with progress_bars() as progress:
        judgement = evaluate_models(question, loaded, Gates(min_auc, min_dr_lift), progress)
    written = None if report is None else write_report(report, judgement)
    if as_json:
        told = judgement.plain() | {"report": None if written is None else str(written)}
        typer.echo(json.dumps(told))
    else:
        print_judgement(Console(), judgement)
        if written is not None:
            typer.echo(f"Report and plots: {written}")
    exit_unless_met(judgement.gates)


def _candidate(home: Home, catalog: "Catalog", version: str | None) -> Path:
    from nextbest_service.model_versions import newest_unused, version_directory  # noqa: PLC0415 - slow to import

    return (
        newest_unused(home, catalog.name)
        if version is None
        else version_directory(home, catalog.name, version)
    )


def _serving(home: Home, catalog: "Catalog", against: str | None, candidate: Path) -> Path | None:
    """Return what to compare with; nothing where nothing else serves, and then what was served counts."""
    from nextbest_service.model_versions import version_directory  # noqa: PLC0415 - slow to import

    in_use = home.models_in_use(catalog.name)
    if against is None:
        champion = in_use.get(CHAMPION)
        return None if champion == candidate else champion
    return in_use.get(against) or version_directory(home, catalog.name, against)


def _placement(catalog: "Catalog", placement: str | None) -> str | None:
    if placement is not None and placement not in catalog.placements:
        known = ", ".join(catalog.placements)
        raise typer.BadParameter(
            f"the catalog has no such placement; it has {known}", param_hint="--placement"
        )
    return placement


def _one_of(kinds: type[K], text: str, option: str) -> K:
    try:
        return kinds(text)
    except ValueError as error:
        raise typer.BadParameter(f"expected one of {', '.join(kinds)}", param_hint=option) from error


def _moment(text: str | None, option: str) -> datetime | None:
    return None if text is None else parse_moment(text, option)
