"""Compares a run with the thresholds of the repository, by ratios only: `make bench-check`.

Exit code 0: all held. 1: some did not. 2: the run has no verdict, so nothing can be said.
"""

import argparse
import json
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.load.__main__ import add_options, measured, write

THRESHOLDS = Path(__file__).parent.parent / "thresholds.toml"
HELD, MISSED, NO_VERDICT = 0, 1, 2


def main() -> None:
    """Check the latest results, or those of a new run."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_options(parser)
    parser.add_argument("--fresh", action="store_true", help="measure anew, instead of reading latest.json")
    parser.add_argument("--thresholds", type=Path, default=THRESHOLDS)
    options = parser.parse_args()
    if options.fresh:
        found = measured(options)
        write(found, options.out)
    else:
        found = json.loads((options.out / "latest.json").read_text())
    sys.exit(checked(found, tomllib.loads(options.thresholds.read_text()), as_json=options.json))


def checked(found: Mapping[str, Any], thresholds: Mapping[str, Mapping[str, float]], *, as_json: bool) -> int:
    """Print what held and what did not, and return the exit code."""
    reasons, missed = found["why_no_verdict"], [*faults(found, thresholds)]
    code = NO_VERDICT if reasons else MISSED if missed else HELD
    if as_json:
        print(json.dumps({"exit_code": code, "missed": missed, "why_no_verdict": reasons}))
        return code
    for reason in reasons:
        print(f"no verdict: {reason}")
    for line in missed if not reasons else ():
        print(line)
    if code == HELD:
        print("all thresholds held")
    return code


def faults(found: Mapping[str, Any], thresholds: Mapping[str, Mapping[str, float]]) -> Iterator[str]:
    """Yield each threshold that a run missed; a figure that is not there misses its own.

    Raises:
        KeyError: the file has another section than `least` and `most`.
    """
    for section, wanted in thresholds.items():
        sign, holds = {"least": (">=", float.__ge__), "most": ("<=", float.__le__)}[section]
        for name, threshold in wanted.items():
            value = found.get(name)
            if value is None or not holds(float(value), float(threshold)):
                yield f"{name} is {value}, and should be {sign} {threshold}"


if __name__ == "__main__":
    main()
