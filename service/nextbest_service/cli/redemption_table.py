"""How the demo shows what a redemption changed."""

from collections.abc import Mapping

from rich import box
from rich.console import Console
from rich.table import Table

from nextbest.v1 import proposition_pb2
from nextbest_service.cli.redemption import Redemption
from nextbest_service.cli.tables import title_of

MOST_FEATURES = 20


def show(console: Console, redemption: Redemption) -> None:
    """Print the offers before and after, and the features that moved."""
    console.print(
        f"\n[bold]Household {redemption.household} redeems {redemption.offer}[/] through the service: its "
        f"{len(redemption.before)} offers are reported displayed, this one accepted, and its order of "
        f"{redemption.lines} lines (${redemption.spend:.2f}) comes in. The next decision sees it all:",
        highlight=False,
    )
    console.print(_offers(redemption))
    console.print(_features(redemption.features))


def _offers(redemption: Redemption) -> Table:
    table = Table(box=box.SIMPLE_HEAD, expand=True)
    table.add_column("before", justify="right", min_width=6)
    table.add_column("after", justify="right", min_width=5)
    table.add_column("action", no_wrap=True, min_width=15)
    table.add_column("what", no_wrap=True, overflow="ellipsis", ratio=1)
    table.add_column("priority", justify="right", no_wrap=True, min_width=16)
    offers = {it.action_id: it for it in (*redemption.before, *redemption.after)}
    before = {it.action_id: it for it in redemption.before}
    after = {it.action_id: it for it in redemption.after}
    for offer, (old, new) in redemption.ranks.items():
        table.add_row(
            "-" if old is None else str(old),
            "left" if new is None else str(new),
            offer,
            title_of(offers[offer]),
            f"{_priority(before.get(offer))} → {_priority(after.get(offer))}",
            style=_style(offer == redemption.offer, old, new),
        )
    return table


def _style(redeemed: bool, old: int | None, new: int | None) -> str | None:
    if redeemed:
        return "bold red"
    return "green" if old is None else "dim" if new is None else None


def _priority(proposition: proposition_pb2.Proposition | None) -> str:
    return "-" if proposition is None else f"{proposition.priority:.4f}"


def _features(moved: Mapping[str, tuple[float, float]]) -> Table:
    table = Table(title="Features that moved", title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    table.add_column("feature", no_wrap=True)
    table.add_column("before", justify="right")
    table.add_column("after", justify="right")
    for name, (before, after) in [*moved.items()][:MOST_FEATURES]:
        table.add_row(name, f"{before:,.3f}", f"{after:,.3f}")
    if len(moved) > MOST_FEATURES:
        table.add_row(f"and {len(moved) - MOST_FEATURES} more", "", "", style="dim")
    return table
