"""How the judgement of a model looks on a terminal."""

from rich import box
from rich.console import Console
from rich.table import Table

from nextbest_models.judging.judgement import Judgement
from nextbest_models.judging.pictures import title
from nextbest_models.judging.report import interval
from nextbest_models.offpolicy import Estimator
from nextbest_service.cli.gates import print_gates


def print_judgement(console: Console, it: Judgement) -> None:
    """Print the lift first, then what it rests on; cautions where they cannot be overlooked."""
    against = f"serving model {it.serving}" if it.serving else "what was served"
    console.print(f"[bold]Model {it.candidate}[/] against {against}", highlight=False)
    console.print(
        f"{it.decisions:,} decisions from {it.first:%Y-%m-%d %H:%M} to {it.last:%Y-%m-%d %H:%M} UTC",
        highlight=False,
    )
    for reason, count in it.left_out.items():
        console.print(f"  left out: {count:,}, {reason}", style="dim", highlight=False)
    for caution in it.cautions:
        console.print(f"CAUTION: {caution}", style="bold red", highlight=False)
    console.print(_models(it))
    console.print(_policies(it, against))
    if any(len(found.support) > 1 for found in it.verdict.policies.values()):
        console.print(_positions(it))
    for name, found in it.verdict.policies.items():
        for doubt in found.cautions:
            console.print(f"  {name}: {doubt.text}", style="yellow", highlight=False)
    print_gates(it.gates)


def _models(it: Judgement) -> Table:
    table = _table("Ranking and calibration on what was shown", "model")
    for column in ("AUC", "NDCG@10", "recall@10", "log loss", "ECE", "ECE by type"):
        table.add_column(column, justify="right")
    for name, found in it.verdict.models.items():
        metrics = found.metrics
        table.add_row(
            name,
            f"{metrics.auc:.4f}",
            f"{metrics.ndcg_at_10:.4f}",
            f"{metrics.recall_at_10:.4f}",
            f"{found.log_loss:.4f}",
            f"{found.calibration_error:.4f}",
            ", ".join(f"{kind} {error:.4f}" for kind, error in found.errors_by_type.items()),
        )
    return table


def _policies(it: Judgement, against: str) -> Table:
    served = next(iter(it.verdict.policies.values())).served.total
    table = _table(f"{it.verdict.reward.capitalize()} per decision, {interval(served)} as served", "policy")
    table.add_column("by")
    for column in ("per decision", f"lift over {against}"):
        table.add_column(column, justify="right", no_wrap=True)
    for name, found in it.verdict.policies.items():
        for estimator, estimate in found.estimates.items():
            lifts = it.verdict.lifts.get(name, {})
            lift = interval(lifts[estimator]) if estimator in lifts else ""
            first = name if estimator is Estimator.IPS else ""
            style = "bold" if estimator is Estimator.DR else None
            table.add_row(first, title(estimator), interval(estimate.total), lift, style=style)
        table.add_section()
    return table


def _positions(it: Judgement) -> Table:
    table = _table("By position, doubly robust", "policy")
    for column in ("position", "slots", "effective", "value"):
        table.add_column(column, justify="right")
    for name, found in it.verdict.policies.items():
        for place, support in found.support.items():
            value = found.estimates[Estimator.DR].by_position[place]
            table.add_row(
                name, str(place), f"{support.slots:,}", f"{support.effective_slots:,.0f}", interval(value)
            )
    return table


def _table(name: str, first: str) -> Table:
    table = Table(title=name, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    table.add_column(first)
    return table
