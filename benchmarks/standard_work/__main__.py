"""Builds the standard work and says what it is: `python -m benchmarks.standard_work --home DIR`."""

import argparse
import json
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from benchmarks.standard_work.building import build
from nextbest_service.cli.progress import progress_bars


def main() -> None:
    """Build, unless it stands there, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, help="where to build (default: a directory under .nextbest)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    started = time.monotonic()
    with progress_bars() as progress:
        work = build(options.home, progress)
    found = {
        "home": str(work.root),
        "catalog": str(work.catalog),
        "key": work.key,
        **asdict(work.figures),
        "seconds": round(time.monotonic() - started, 1),
    }
    if options.json:
        print(json.dumps(found))
        return
    for name, value in found.items():
        print(f"{name.replace('_', ' '):<20} {_shown(value)}")


def _shown(value: object) -> str:
    if isinstance(value, Mapping):
        return " / ".join(f"{it:,}" for it in value.values()) + "  (least / mean / most)"
    return f"{value:,}" if isinstance(value, int) else str(value)


if __name__ == "__main__":
    main()
