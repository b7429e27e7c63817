"""Gates on the command line: options, what they are checked by, and the exit code of one that is not met."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nextbest_service.cli.extras import parquet_needed
from nextbest_service.cli.progress import progress_bars
from nextbest_service.home import Home
from nextbest_service.models_in_use import CHAMPION

if TYPE_CHECKING:
    from nextbest_models.judging.gates import GateReport
    from nextbest_rules import Catalog

GATE_NOT_MET = 5

MinAucOption = Annotated[
    float | None, typer.Option(help="Gate: the AUC must be at least this.", min=0.0, max=1.0)
]
MinLiftOption = Annotated[
    float | None,
    typer.Option(
        help="Gate: the lower end of the interval of the lift over the serving model (doubly robust, reward "
        "per decision) must be at least this. With 0 a model must be better beyond chance."
    ),
]


def checked_for_use(
    home: Home,
    catalog: "Catalog",
    directory: Path,
    log: Path | None,
    min_auc: float | None,
    min_dr_lift: float | None,
) -> "GateReport":
    """Return how a model fares at the gates: by an exported log, or by the test period of its training.

    Raises:
        ModelError: the model is damaged.
        JudgingError: the log is not enough to judge by.
    """
    from nextbest_models.judging.gates import Gates  # noqa: PLC0415 - slow to import

    gates = Gates(min_auc, min_dr_lift)
    if log is None:
        if min_dr_lift is not None:
            raise typer.BadParameter("needs --log: only served decisions tell", param_hint="--min-dr-lift")
        return gates.checked(_trained_auc(directory), None)
    if min_auc is None and min_dr_lift is None:
        raise typer.BadParameter("needs a gate: --min-auc, --min-dr-lift or both", param_hint="--log")
    with parquet_needed():
        from nextbest_service.judging.evaluating import evaluate_models  # noqa: PLC0415 - slow to import
    from nextbest_service.judging.question import Question  # noqa: PLC0415

    champion = home.model_in_use(catalog.name, CHAMPION)
    question = Question(directory, None if champion == directory else champion, log)
    with progress_bars() as progress:
        return evaluate_models(question, catalog, gates, progress).gates


def print_gates(gates: "GateReport") -> None:
    """Tell how each gate fared."""
    for name, gate in gates.gates.items():
        found = "not known" if gate.found is None else f"{gate.found:.4g}"
        verdict = "met" if gate.met else "NOT MET"
        typer.echo(f"gate {name}: {found}, at least {gate.least:g} asked for: {verdict}")


def exit_unless_met(gates: "GateReport") -> None:
    """End the command with its own exit code if a gate was not met."""
    if not gates.met:
        raise typer.Exit(GATE_NOT_MET)


def _trained_auc(directory: Path) -> float | None:
    from nextbest_models.artifact import read_manifest  # noqa: PLC0415 - slow to import

    test = read_manifest(directory).metrics.get("test")
    auc = test.get("auc") if isinstance(test, dict) else None
    return float(auc) if isinstance(auc, int | float) else None
