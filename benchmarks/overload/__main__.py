"""Goodput under overload: calls answered while their callers wait: `make bench-overload`.

Each round measures the peak and then every load beside it, so that shares compare what the same machine did
in the same minute. The baseline has no bound on the calls that wait.
"""

import argparse
import asyncio
import json
import statistics
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.load.driving import Target, closed, open_loop, poisson_plan
from benchmarks.load.machine import facts
from benchmarks.load.wire import message
from benchmarks.serving import PATIENT, serving
from benchmarks.standard_work import build
from nextbest_service.cli.progress import progress_bars

RESULTS = Path(__file__).parent.parent / "results"
SERVICES = {"as it is": (), "no bound on waiting calls": ("--waiting-calls", "100000")}
METHOD = "/nextbest.v1.DecisionService/Decide"
PATIENCE_MS = 200
CALLERS = 32, 60
"""Who take turns: the better of the two is the peak."""
LOADS = (0.5, 1.0, 1.5, 2.0, 3.0)
CALM, AFTER = 0.5, "right after, half"
CAPTION = (
    f"Callers wait {PATIENCE_MS} ms. The peak is what callers get who take turns, calls per second; "
    " the last row is the share of calls answered in time at half the peak, right after."
)


def main() -> None:
    """Measure, write, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each load")
    parser.add_argument("--home", type=Path, help="home of the standard work (default: under .nextbest)")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where results go")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    options = parser.parse_args()
    found = measured(options)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "overload.json").write_text(json.dumps(found, indent=1) + "\n")
    (options.out / "overload.md").write_text(_markdown(found))
    if options.json:
        print(json.dumps(found))
    else:
        Console().print(_table(found))


def measured(options: argparse.Namespace) -> dict[str, Any]:
    """Return the medians of all rounds by service: the peak in calls per second, and shares of it by load."""
    rounds: dict[str, list[dict[str, float]]] = {name: [] for name in SERVICES}
    with progress_bars() as progress, ExitStack() as closing:
        work = build(options.home, progress)
        requests = tuple(message(it.SerializeToString()) for it in work.requests())
        homes = Path(closing.enter_context(tempfile.TemporaryDirectory()))
        running = {}
        for name, more in SERVICES.items():
            own = work.copied(homes / name.replace(" ", "-"))  # each has a store of its own
            where = ("--catalog", str(own.catalog), *PATIENT)
            running[name] = closing.enter_context(serving(own.root, *where, *more))
        for number in range(options.rounds):
            progress("Rounds", number, options.rounds)
            for name, service in running.items():
                target = _target(service.address, requests)
                rounds[name].append(asyncio.run(_round(target, options.seconds, number)))
        progress("Rounds", options.rounds, options.rounds)
    medians = {
        name: {key: round(statistics.median(it[key] for it in them), 2) for key in them[0]}
        for name, them in rounds.items()
    }
    return {"machine": facts(), "rounds": options.rounds, "seconds": options.seconds, "medians": medians}


def _target(address: str, requests: tuple[bytes, ...]) -> Target:
    host, _, port = address.rpartition(":")
    return Target(host, int(port), METHOD, requests, (("grpc-timeout", f"{PATIENCE_MS}m"),))


async def _round(target: Target, seconds: float, number: int) -> dict[str, float]:
    await closed(target, CALLERS[0], 1.0)
    peak = max([(await closed(target, callers, seconds, number)).rate for callers in CALLERS])
    found = {"peak": peak}
    for load in LOADS:
        found[f"{load:g}"] = await _goodput(target, load * peak, seconds, number) / peak
    found[AFTER] = await _goodput(target, CALM * peak, seconds, number) / (CALM * peak)
    return found


async def _goodput(target: Target, rate: float, seconds: float, seed: int) -> float:
    driven = await open_loop(target, poisson_plan(rate, seconds, seed))
    return float((driven.latencies_ms <= PATIENCE_MS).sum() / driven.seconds)


def _rows(found: dict[str, Any]) -> list[list[str]]:
    medians = found["medians"]
    return [[key, *(f"{medians[name][key]:g}" for name in medians)] for key in next(iter(medians.values()))]


def _table(found: dict[str, Any]) -> Table:
    table = Table(title="Calls answered in time, as shares of the peak", caption=CAPTION)
    table.add_column("load")
    for name in found["medians"]:
        table.add_column(name, justify="right")
    for row in _rows(found):
        table.add_row(*row)
    return table


def _markdown(found: dict[str, Any]) -> str:
    names = [*found["medians"]]
    lines = [["load", *names], ["---", *("---:" for _ in names)], *_rows(found)]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    about = f"Medians of {found['rounds']} rounds of {found['seconds']:g} s each."
    return f"# Calls answered in time, as shares of the peak\n\n{CAPTION} {about}\n\n{table}\n"


if __name__ == "__main__":
    main()
