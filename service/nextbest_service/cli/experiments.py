"""`nextbest experiments`: what came of holdouts, experiments and models that look on."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from nextbest_service.cli.extras import parquet_needed
from nextbest_service.cli.options import JsonOption

if TYPE_CHECKING:
    from nextbest_models.logged.agreement import Agreement
    from nextbest_models.logged.arms import ArmResult, ExperimentResult
    from nextbest_models.offpolicy.intervals import Estimated
    from nextbest_models.progress import Progress

app = typer.Typer(help="See what came of experiments.", no_args_is_help=True)
_COLUMNS = ("person", "arms", "ranker", "shadows")


@app.callback()
def _experiments() -> None:
    """Only there to keep `report` a command of its own."""


@dataclass(frozen=True, slots=True)
class _Report:
    experiments: "tuple[ExperimentResult, ...]"
    shadows: "tuple[Agreement, ...]"
    decisions: int
    too_young: int
    left_out: Mapping[str, int]


@app.command("report")
def report(
    log: Annotated[Path, typer.Argument(help="Directory that `nextbest log export` wrote.", file_okay=False)],
    window_days: Annotated[
        float, typer.Option(help="How long after a decision an outcome counts for it.", min=0.01, max=365)
    ] = 7.0,
    assume_shown: Annotated[
        bool, typer.Option(help="Take propositions for shown where nobody reported that.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Compare the arms of experiments by what came of their people, and look at models that looked on."""
    from nextbest_service.cli.progress import progress_bars  # noqa: PLC0415 - slow, and --help should not be

    with parquet_needed(), progress_bars() as progress:
        found = _read(log, window_days, assume_shown, progress)
    if as_json:
        typer.echo(json.dumps(asdict(found)))
        return
    console = Console(highlight=False)
    for experiment in found.experiments:
        console.print(_arms_table(experiment))
        if experiment.moved:
            console.print(f"[yellow]{experiment.moved:,} people were in more than one arm: shares changed[/]")
    if found.shadows:
        console.print(_shadows_table(found.shadows))
    if not found.experiments and not found.shadows:
        console.print("No experiment and no model that looked on: see experiments.yaml of the catalog.")
    if found.too_young:
        told = f"{found.too_young:,} decisions are too young: outcomes may still come within --window-days"
        console.print(told)
    for reason, count in found.left_out.items():
        console.print(f"{count:,} decisions were left out: {reason}")


def _read(log: Path, window_days: float, assume_shown: bool, progress: "Progress") -> _Report:
    from nextbest_models.logged.agreement import AgreementTally  # noqa: PLC0415 - slow, as above
    from nextbest_models.logged.arms import ArmTally  # noqa: PLC0415
    from nextbest_models.logged.attribution import AttributionPlan  # noqa: PLC0415
    from nextbest_models.logged.attributor import Attributor  # noqa: PLC0415
    from nextbest_models.logged.export import LogExport  # noqa: PLC0415

    plan = AttributionPlan(window_days=window_days, assume_shown=assume_shown)
    export = LogExport(log)
    attributor, arms, agreement, too_young = Attributor.of(export, plan), ArmTally(), AgreementTally(), 0
    for batch in export.batches(more=_COLUMNS, progress=progress):
        came = attributor.came_of(batch)
        settled = plan.settled(batch.times_ms, attributor.end_ms)
        too_young += int((~settled).sum())
        people, assigned, rankers, shadows = (_plain(batch.more[name]) for name in _COLUMNS)
        named = [own or name for own, name in zip(people, batch.persons.tolist(), strict=True)]
        arms.add(batch, came, settled, named, [dict(own or ()) for own in assigned])
        agreement.add(batch, rankers, [own or () for own in shadows])
    return _Report(arms.results(), agreement.results(), export.size, too_young, dict(export.left_out))


def _plain(column: Any) -> Sequence[Any]:  # noqa: ANN401 - an array of pyarrow, which has no types
    plain: Sequence[Any] = column.to_pylist()
    return plain


def _arms_table(experiment: "ExperimentResult") -> Table:
    table = Table(title=experiment.experiment, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    table.add_column("arm", overflow="fold")
    columns = ("people", "positive", "per 100 people", f"more than {experiment.arms[0].arm}")
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)
    for arm in experiment.arms:
        table.add_row(*_arm_row(arm))
    return table


def _arm_row(arm: "ArmResult") -> Sequence[str]:
    counts = (f"{count:,}" for count in (arm.people, arm.successes))
    more = arm.more_positives
    return arm.arm, *counts, _per_hundred(arm.positives), "" if more is None else _difference(more)


def _per_hundred(found: "Estimated") -> str:
    return f"{100 * found.value:.1f} \\[{100 * found.low:.1f}, {100 * found.high:.1f}]"


def _difference(found: "Estimated") -> str:
    text = f"{100 * found.value:+.1f} \\[{100 * found.low:+.1f}, {100 * found.high:+.1f}]"
    proven = found.low > 0 or found.high < 0
    return f"[{'green' if found.low > 0 else 'red'}]{text}[/]" if proven else text


def _shadows_table(shadows: "Sequence[Agreement]") -> Table:
    table = Table(title="Looked on", title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    for column in ("ranker", "beside"):
        table.add_column(column, no_wrap=True)
    for column in ("decisions", "same first", "difference", "ranks"):
        table.add_column(column, justify="right", no_wrap=True)
    for it in shadows:
        figures = (f"{it.same_first:.1%}", f"{it.difference:.4f}", f"{it.rank_correlation:.3f}")
        table.add_row(it.ranker, it.decided_by, f"{it.decisions:,}", *figures)
    table.caption = "the same favourite; mean difference of propensities; correlation of ranks"
    return table
