"""What `nextbest simulate-world` prints."""

from collections.abc import Sequence
from dataclasses import asdict

from rich import box
from rich.console import Console
from rich.table import Table

from nextbest_models.ladder import Maturity
from nextbest_models.offpolicy import Estimator
from nextbest_service.simulation.plan import Plan
from nextbest_service.simulation.reports import RoundReport


def figures(
    plan: Plan,
    exploring: Sequence[RoundReport],
    resting: Sequence[RoundReport],
    faults: Sequence[str],
    seconds: float,
) -> dict[str, object]:
    """Return everything fit for JSON."""
    return {
        "plan": asdict(plan),
        "exploring": [it.figures() for it in exploring],
        "not_exploring": [it.figures() for it in resting],
        "faults": [*faults],
        "seconds": round(seconds, 1),
    }


def show(
    console: Console, exploring: Sequence[RoundReport], resting: Sequence[RoundReport], seconds: float
) -> None:
    """Print the rounds as tables, and what they mean."""
    console.print(_rounds_table("It learns and explores", exploring))
    if resting:
        console.print(_rounds_table("It learns, but does not explore", resting))
    chance = 1 - exploring[0].by_chance / exploring[0].best
    console.print(
        "Regret is the share of the best possible that was not earned; "
        f"of actions by chance it is {chance:.1%}.",
        highlight=False,
    )
    judged = [it.judgement for it in exploring if it.judgement is not None]
    if judged:
        inside = sum(it.forecasts[Estimator.DR].covers for it in judged)
        console.print(
            f"{inside} of {len(judged)} forecasts (doubly robust, 95 %, per decision), each made from the "
            "log of the round before, hold the truth.",
            highlight=False,
        )
    console.print(f"[bold green]Done[/] in {seconds:.0f} s.", highlight=False)


def _rounds_table(title: str, rounds: Sequence[RoundReport]) -> Table:
    table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", title_style="bold")
    table.add_column("round")
    for name in ("regret", "clicks", "from the model", "AUC", "learned from", "forecast", "truth"):
        table.add_column(name, justify="right")
    for it in rounds:
        model = it.model
        table.add_row(
            str(it.number),
            f"{it.regret:.1%}",
            f"{it.clicks:,}",
            f"{it.maturity[Maturity.MODEL]:.0%}",
            "" if model is None else f"{model.auc:.3f}",
            "" if model is None else f"{model.rows:,} rows",
            _forecast(it),
            f"{it.worth:.3f}",
        )
    return table


def _forecast(report: RoundReport) -> str:
    if report.judgement is None:
        return ""
    found = report.judgement.forecasts[Estimator.DR]
    mark = "" if found.covers else " [red]missed[/]"
    return f"{found.value:.3f} ({found.low:.3f} to {found.high:.3f}){mark}"
