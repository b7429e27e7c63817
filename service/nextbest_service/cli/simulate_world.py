"""`nextbest simulate-world`: the whole loop in a world whose truth is known."""

import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from nextbest_service.cli.options import JsonOption
from nextbest_service.errors import StartupError

if TYPE_CHECKING:
    from nextbest_service.simulation.reports import RoundReport

PICTURES = (".svg", ".png", ".pdf")


def simulate_world(
    customers: Annotated[int, typer.Option(min=10, help="How many customers live in the world.")] = 1_000,
    actions: Annotated[int, typer.Option(min=2, max=200, help="How many actions there are.")] = 20,
    ranks: Annotated[int, typer.Option(min=1, max=10, help="How many are shown per decision.")] = 2,
    rounds: Annotated[int, typer.Option(min=1, max=100, help="How often the loop goes round.")] = 6,
    decisions: Annotated[int, typer.Option(min=100, help="Decisions per round.")] = 3_000,
    explore: Annotated[
        float,
        typer.Option(min=0.01, max=0.5, help="Share of picks that is left to chance, whatever is known."),
    ] = 0.1,
    seed: Annotated[int, typer.Option(min=0, help="Another seed is another world.")] = 1,
    threads: Annotated[int, typer.Option(min=1, help="Threads for LightGBM.")] = 2,
    compare: Annotated[
        bool, typer.Option("--compare", help="Live through the same world without exploration, too.")
    ] = False,
    plot: Annotated[
        Path | None, typer.Option(help="Draw it into a file: .svg, .png or .pdf.", dir_okay=False)
    ] = None,
    keep: Annotated[
        Path | None,
        typer.Option(help="Keep catalog, store, log and models in a new directory.", file_okay=False),
    ] = None,
    check: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            max=1.0,
            help="Exit with 5 unless the last regret is at most this share of the first, logged "
            "probabilities are those of the picks, and most forecasts hold the truth.",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """See the loop learn: decide, observe, train on the decision log, decide better.

    A synthetic world knows what everybody would like, so that what is not earned (the regret) is exact. Its
    customers come to a real service, which knows nothing at first.
    """
    _refuse(actions, ranks, plot, keep)
    from nextbest_service.cli import simulation_tables  # noqa: PLC0415 - slow to import, --help should not be
    from nextbest_service.cli.gates import GATE_NOT_MET  # noqa: PLC0415
    from nextbest_service.cli.progress import progress_bars  # noqa: PLC0415

    try:
        from nextbest_service.simulation.loop import simulate  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise StartupError("a simulation exports and trains: pip install 'nextbest[train]'") from error
    from nextbest_service.simulation.plan import Plan  # noqa: PLC0415
    from nextbest_service.simulation.reports import shortfalls  # noqa: PLC0415

    plan = Plan(customers, actions, ranks, rounds, decisions, explore, seed, threads)
    started = time.monotonic()
    with _directory(keep) as directory, progress_bars() as progress:
        exploring = [*simulate(plan, directory / "exploring", progress)]
        resting = [*simulate(plan, directory / "not-exploring", progress, explores=False)] if compare else []
    faults = [] if check is None else [*shortfalls(exploring, check)]
    seconds = time.monotonic() - started
    _draw(plot, exploring, resting)
    if as_json:
        figures = simulation_tables.figures(plan, exploring, resting, faults, seconds)
        typer.echo(json.dumps(figures))
    else:
        simulation_tables.show(Console(), exploring, resting, seconds)
    for fault in faults:
        typer.echo(fault, err=True)
    if faults:
        raise typer.Exit(GATE_NOT_MET)


def _refuse(actions: int, ranks: int, plot: Path | None, keep: Path | None) -> None:
    """Refuse what cannot be, before anything slow begins."""
    if actions < ranks:
        raise typer.BadParameter("there must be at least as many actions as ranks", param_hint="--actions")
    if plot is not None and plot.suffix not in PICTURES:
        raise typer.BadParameter(f"the file must end in {', '.join(PICTURES)}", param_hint="--plot")
    if keep is not None and keep.exists() and any(keep.iterdir()):
        raise typer.BadParameter("the directory must be new or empty", param_hint="--keep")


@contextmanager
def _directory(keep: Path | None) -> Iterator[Path]:
    """Yield where everything goes: a directory to keep, or one that is gone afterwards."""
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="nextbest-world-") as made:
            yield Path(made)
        return
    keep.mkdir(parents=True, exist_ok=True)
    yield keep


def _draw(plot: Path | None, exploring: "Sequence[RoundReport]", resting: "Sequence[RoundReport]") -> None:
    if plot is not None:
        from nextbest_service.simulation.picture import draw_learning  # noqa: PLC0415

        draw_learning(plot, exploring, resting)
