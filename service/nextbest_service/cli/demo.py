"""`nextbest demo`: the whole product once, on real data, from an empty directory to decisions."""

import json
import time
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from nextbest_service.cli.options import DEFAULT_HOME, HomeOption, JsonOption
from nextbest_service.home import Home

if TYPE_CHECKING:
    from nextbest_service.cli.rehearsal import Rehearsal


def demo(
    home: HomeOption = DEFAULT_HOME,
    threads: Annotated[int, typer.Option(min=1, help="Threads for LightGBM.")] = 2,
    as_json: JsonOption = False,
) -> None:
    """Load real households, train, serve, decide for all with a live campaign, let one redeem its offer."""
    from nextbest_service.cli import (  # noqa: PLC0415 - --help should not wait for them
        memory,
        redemption,
        redemption_table,
        rehearsal,
        steps,
        train,
    )
    from nextbest_service.cli.own_service import own_service  # noqa: PLC0415
    from nextbest_service.cli.progress import progress_bars  # noqa: PLC0415

    started = time.monotonic()
    console = Console(quiet=as_json)
    with progress_bars() as progress:
        journey = steps.read_journey(progress)
        loaded = steps.load_grocery(Home(home), None, steps.GROCERY, journey, None, progress)
        trained = steps.train_grocery(Home(home), steps.GROCERY, journey, None, threads, progress)
        with own_service(Home(home)) as stubs:
            decided = rehearsal.decide_for_all(stubs, journey, loaded.as_of_ms, progress)
            redeemed = redemption.redeem(stubs, journey, decided.example, loaded.as_of_ms)
            sizes = memory.customer_sizes(Home(home), None)
    console.print(train.metrics_table(trained))
    console.print(train.calibration_line(trained), highlight=False)
    _show(console, decided)
    redemption_table.show(console, redeemed)
    console.print(f"\n{memory.summary(sizes)}", highlight=False)
    seconds = time.monotonic() - started
    console.print(
        f"\n[bold green]Done[/] in {seconds:.0f} s. The data and the model stay in {home}. Next:\n"
        "  nextbest serve                                        in one shell\n"
        f"  nextbest decide --customer {decided.example.household} --explain"
        "                   in another",
        highlight=False,
    )
    if as_json:
        typer.echo(
            json.dumps(
                {
                    "customers": loaded.customers,
                    "transactions": loaded.transactions,
                    "transactions_seen": loaded.transactions_seen,
                    "actions": loaded.actions,
                    **train.training_figures(trained),
                    **decided.figures(),
                    "redemption": redeemed.figures(),
                    "customer_bytes_median": sizes.person.median,
                    "seconds": round(seconds, 1),
                }
            )
        )


def _show(console: Console, decided: "Rehearsal") -> None:
    from nextbest_service.cli import tables  # noqa: PLC0415

    example = decided.example
    console.print(
        f"\n[bold]Household {example.household}[/] on {decided.day}, when {decided.live_offers} offers were "
        "live. What it really redeemed afterwards is marked."
    )
    console.print(tables.propositions_table(example.response.placements[0], marked=example.redeemed))
    console.print(tables.exclusions_table(example.response.exclusions))
    console.print(
        f"[bold]{decided.hits} of the {decided.redeemed} offers[/] that these {decided.decisions:,} "
        f"households redeemed afterwards were among their first {decided.limit}; "
        f"by chance it would have been {decided.hits_by_chance:.0f}.\n"
        f"A decision over gRPC took {decided.p50_ms:.2f} ms (median), {decided.p99_ms:.2f} ms "
        "(99th percentile), asked one after the other.",
        highlight=False,
    )
