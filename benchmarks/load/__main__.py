"""Measures echo, nextbest and the hand-written server side by side: `make bench`.

Figures go to benchmarks/results. A run that proves nothing says why and has no verdict.
"""

import argparse
import json
import signal
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.load.growth import grown
from benchmarks.load.pictures import draw
from benchmarks.load.results import results
from benchmarks.load.running import FULL, QUICK, run
from benchmarks.load.tables import markdown, promises, table
from benchmarks.standard_work import build
from nextbest_service.cli.progress import progress_bars

RESULTS = Path(__file__).parent.parent / "results"


def main() -> None:
    """Measure, write, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_options(parser)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that all servers are stopped
    found = measured(options)
    write(found, options.out)
    if options.json:
        print(json.dumps(found))
        return
    console = Console()
    console.width = max(console.width, 110)  # the table, also in a file
    console.print(table(found))
    for line in promises(found):
        console.print(line, highlight=False)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of a run."""
    parser.add_argument("--quick", action="store_true", help="shorter cells, latency at 70 %% only: 90 s")
    parser.add_argument("--rounds", type=int, help="interleaved rounds (default 5; fewer have no verdict)")
    parser.add_argument("--seconds", type=float, help="length of each measurement (default 2.5, quick 1)")
    parser.add_argument("--home", type=Path, help="home of the standard work (default: under .nextbest)")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where results go")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")


def measured(options: argparse.Namespace) -> dict[str, Any]:
    """Return the figures of a new run."""
    plan = QUICK if options.quick else FULL
    plan = replace(plan, rounds=options.rounds or plan.rounds, seconds=options.seconds or plan.seconds)
    with progress_bars() as progress:
        work = build(options.home, progress)
        found = results(run(plan, work, progress))
    return {**found, "growth": grown(options.out)}


def write(found: Mapping[str, Any], directory: Path) -> None:
    """Write JSON, Markdown and picture."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "latest.json").write_text(json.dumps(found, indent=1) + "\n")
    (directory / "latest.md").write_text(markdown(found))
    draw(found, directory / "latest.png")


if __name__ == "__main__":
    main()
