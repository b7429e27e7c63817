"""How the cost of a decision grows: with actions, predicates, trees, history, customers and callers.

Run it with `make growth`, or `python -m benchmarks.growth`; about ten minutes, with `--quick` two. Worlds are
synthetic and made anew; all points are measured in several passes in random order. Costs are CPU time of the
service's process, lower quartiles over the passes: trust their ratios and their slopes.
"""

import argparse
import json
import os
import platform
import tempfile
import time
from pathlib import Path

import uvloop
from rich.console import Console

from benchmarks.growth.curves import QUICK, WHOLE
from benchmarks.growth.pictures import draw
from benchmarks.growth.report import page, table
from benchmarks.growth.results import document
from benchmarks.growth.run import measure_all
from nextbest_service.logs import LogFormat, LogLevel, configure_logs

RESULTS = Path("benchmarks/results")


def main() -> None:
    """Measure, print, write and draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="fewer and smaller points: about two minutes")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    parser.add_argument("--to", type=Path, default=RESULTS, help=f"directory for results (default {RESULTS})")
    options = parser.parse_args()
    configure_logs(LogFormat.CONSOLE, LogLevel.ERROR)
    started, console = time.monotonic(), Console(stderr=True)
    with tempfile.TemporaryDirectory(prefix="nb-") as directory, console.status("") as status:

        def told(what: str) -> None:
            status.update(f"[{time.monotonic() - started:4.0f} s] {what}")

        curves = uvloop.run(measure_all(QUICK if options.quick else WHOLE, Path(directory), told))
    machine = {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "quick": options.quick,
        "seconds": round(time.monotonic() - started),
    }
    results = document(curves, machine)
    options.to.mkdir(parents=True, exist_ok=True)
    (options.to / "growth.json").write_text(json.dumps(results, indent=1) + "\n")
    (options.to / "growth.md").write_text(page(curves, results))
    draw(curves, options.to)
    print(json.dumps(results) if options.json else table(curves, results))


if __name__ == "__main__":
    main()
