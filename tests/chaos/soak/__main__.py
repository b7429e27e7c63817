"""`make soak MINUTES=30`: half of the peak, a fault every two minutes, a reload every 30 s.

The exit code is 0 where all checks hold, else 1.
"""

import argparse
import json
import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(it) for it in (HERE, HERE.parent / "matrix", HERE.parent, HERE.parents[1])]

from rich.console import Console  # noqa: E402
from rich.table import Table  # noqa: E402
from soak_report import as_data, written  # noqa: E402
from soak_run import Plan, soaked  # noqa: E402
from soak_verdict import Check, judged  # noqa: E402
from soaked_world import said  # noqa: E402


def main() -> int:
    """Soak, write the report, print the verdict."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--load", type=float, default=0.5, help="share of the peak")
    parser.add_argument("--fault-every", type=float, default=120.0, metavar="SECONDS")
    parser.add_argument("--reload-every", type=float, default=30.0, metavar="SECONDS")
    parser.add_argument("--out", type=Path, default=Path(".nextbest/soak"), help="directory of the report")
    parser.add_argument("--json", action="store_true", help="print the report as one JSON object")
    options = parser.parse_args()
    plan = Plan(60 * options.minutes, options.load, options.fault_every, options.reload_every)
    with tempfile.TemporaryDirectory() as root:
        record = soaked(Path(root), plan, said)
    checks = judged(record)
    written(record, checks, options.out)
    if options.json:
        sys.stdout.write(json.dumps(as_data(record, checks)) + "\n")
    else:
        _printed(checks)
    return 0 if all(it.passed for it in checks) else 1


def _printed(checks: list[Check]) -> None:
    shown = Table("what must hold", "seen", "allowed", "verdict", show_lines=True)
    for it in checks:
        shown.add_row(it.name, it.seen, it.allowed, "[green]pass[/]" if it.passed else "[red]FAIL[/]")
    Console().print(shown)


def apart() -> int:
    """Soak in a session of its own: Ctrl-C must reach neither service nor store."""
    soaking = os.fork()
    if not soaking:
        os.setsid()
        os._exit(_ended(main))
    while True:
        try:
            return os.waitstatus_to_exitcode(os.waitpid(soaking, 0)[1])
        except KeyboardInterrupt:
            os.kill(soaking, signal.SIGINT)


def _ended(run: Callable[[], int]) -> int:
    try:
        return run()
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 1
    except KeyboardInterrupt:
        return 130
    except BaseException:
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(apart())
