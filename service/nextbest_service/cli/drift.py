"""`nextbest models drift`: whether what a model sees still looks as it did."""

import json
import math
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from nextbest_service.cli.extras import parquet_needed
from nextbest_service.cli.gates import GATE_NOT_MET
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

if TYPE_CHECKING:
    from nextbest_models.drift import ColumnDrift, Drift
    from nextbest_service.judging.drifting import Stretch

_BETWEEN = ".."
PAGE = "drift.html"
PICTURE = "drift.png"


def drift(
    log: ExportOption,
    reference: Annotated[
        str,
        typer.Option(
            help="What to compare with: a period of the log, such as 2026-03-01..2026-03-15 (its end is not "
            "in it), or the directory of another export.",
            metavar="FROM..UNTIL|DIR",
        ),
    ],
    current: Annotated[
        str | None,
        typer.Option(
            help="Period that is compared. Default: from the end of the reference on; with a directory, all.",
            metavar="FROM..UNTIL",
        ),
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="Model version whose scores are compared. Default: the champion.")
    ] = None,
    most: Annotated[
        int, typer.Option(help="Look at about so many decisions of each at most, drawn evenly.", min=1)
    ] = 20_000,
    fail_above: Annotated[
        float | None,
        typer.Option(
            help="End with exit code 5 if a stability index is above this, and not within chance: 0.1 is "
            "moderate, 0.25 strong.",
            min=0.0,
        ),
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="Write a page and a plot to this directory.", file_okay=False)
    ] = None,
    home: HomeOption = DEFAULT_HOME,
    catalog: CatalogOption = DEFAULT_CATALOG,
    as_json: JsonOption = False,
) -> None:
    """Compare features and scores of what was offered with those of an earlier time.

    Each gets a population stability index: below 0.1 stable, below 0.25 moderate, else strong.
    """
    with parquet_needed():
        from nextbest_service.judging.drifting import drifted, find_drift  # noqa: PLC0415 - slow to import
    from nextbest_rules import load_catalog  # noqa: PLC0415
    from nextbest_service.catalogs import find_catalog  # noqa: PLC0415
    from nextbest_service.cli.model_tables import drift_table  # noqa: PLC0415
    from nextbest_service.decisions.generation import feature_spec  # noqa: PLC0415

    loaded = load_catalog(find_catalog(catalog))
    then, now = _stretches(log, loaded.name, reference, current)
    directory = _model(Home(home), loaded.name, model)
    with progress_bars() as progress:
        found = find_drift(directory, feature_spec(loaded), then, now, most, progress)
    failing = [] if fail_above is None else [*drifted(found, fail_above)]
    if report is not None:
        _write(report, found, f"Drift of model {directory.name}", f"{current or log} against {reference}")
    if as_json:
        typer.echo(json.dumps(_plain(found) | {"model": directory.name, "above_limit": failing}))
    else:
        Console().print(drift_table(found))
        if report is not None:
            typer.echo(f"Page and plot: {report / PAGE}")
        if failing:
            typer.echo(f"above {fail_above:g}: {', '.join(failing)}", err=True)
    if failing:
        raise typer.Exit(GATE_NOT_MET)


def _stretches(log: Path, catalog: str, reference: str, current: str | None) -> "tuple[Stretch, Stretch]":
    from nextbest_service.judging.drifting import Stretch  # noqa: PLC0415 - slow to import
    from nextbest_service.judging.period import Period  # noqa: PLC0415

    own = Period.of(*_between(current, "--current")) if current else None
    if _BETWEEN not in reference or Path(reference).is_dir():
        if not Path(reference).is_dir():
            raise typer.BadParameter("expected FROM..UNTIL or a directory", param_hint="--reference")
        return Stretch(Path(reference), catalog, Period()), Stretch(log, catalog, own or Period())
    since, until = _between(reference, "--reference")
    return Stretch(log, catalog, Period.of(since, until)), Stretch(
        log, catalog, own or Period.of(until, None)
    )


def _between(text: str, option: str) -> tuple[datetime | None, datetime | None]:
    since, dots, until = text.partition(_BETWEEN)
    if not dots:
        raise typer.BadParameter("expected FROM..UNTIL; either may be left out", param_hint=option)
    return (
        parse_moment(since, option) if since else None,
        parse_moment(until, option) if until else None,
    )


def _model(home: Home, catalog: str, version: str | None) -> Path:
    from nextbest_service.model_versions import version_directory  # noqa: PLC0415 - slow to import

    if version is not None:
        return version_directory(home, catalog, version)
    return home.model_in_use(catalog) or home.models(catalog)


def _write(directory: Path, found: "Drift", title: str, periods: str) -> None:
    from nextbest_models.drift_report import render_drift  # noqa: PLC0415 - slow to import
    from nextbest_models.plots import drift_plot  # noqa: PLC0415

    picture = drift_plot(found)
    directory.mkdir(parents=True, exist_ok=True)
    (directory / PAGE).write_text(render_drift(found, title, periods), encoding="utf-8")
    (directory / PICTURE).write_bytes(picture)


def _plain(found: "Drift") -> dict[str, object]:
    return {
        "reference_rows": found.reference_rows,
        "current_rows": found.current_rows,
        "score": _column(found.scores),
        "scores_by_type": [_column(item) for item in found.types],
        "features": [_column(item) for item in found.features],
    }


def _column(item: "ColumnDrift") -> dict[str, object]:
    plain = {name: _finite(value) for name, value in asdict(item).items() if name != "portions"}
    return plain | {"verdict": item.verdict.value, "may_be_chance": item.may_be_chance}


def _finite(value: object) -> object:
    return None if isinstance(value, float) and not math.isfinite(value) else value
