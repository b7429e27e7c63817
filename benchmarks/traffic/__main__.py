"""Locust against a service that this command starts itself, or against yours: see `make locust`."""

import argparse
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.serving import PATIENT, serving
from nextbest_service.home import Home

LOCUSTFILE = Path(__file__).parents[1] / "locustfile.py"
GROCERY = "grocery"
WEB_PORT = "8089"


def main() -> None:
    """Read the options, run, and exit as Locust does: 1 where any call failed."""
    parser = argparse.ArgumentParser(
        description=f"{__doc__} Options that are not listed here go to Locust, such as --tags web."
    )
    parser.add_argument("--host", help="address of a running service (default: one that is started for it)")
    parser.add_argument("--home", type=Path, default=Path(".nextbest/load-test"), help="of the own service")
    parser.add_argument("--catalog", default=GROCERY, help="shipped catalog or directory (default grocery)")
    parser.add_argument("--users", default="30", help="users at a time (default 30)")
    parser.add_argument("--run-time", default="1m", help="such as 30s or 5m (default 1m)")
    parser.add_argument("--web", action="store_true", help="open Locust's web page instead of a headless run")
    options, further = parser.parse_known_args()
    how = (
        ["--web-host", "127.0.0.1", "--web-port", WEB_PORT]  # nobody else may start load from here
        if options.web
        else ["--headless", "--only-summary", "--run-time", options.run_time]
    )
    arguments = [*how, "--users", options.users, "--spawn-rate", options.users, "--catalog", options.catalog]
    with _address(options) as address:
        sys.exit(_locust([*arguments, "--host", address, *further]))


@contextmanager
def _address(options: argparse.Namespace) -> Iterator[str]:
    if options.host:
        yield options.host
        return
    _prepare(options.home, options.catalog)
    with serving(options.home, "--catalog", options.catalog, *PATIENT) as running:
        print(f"the service answers at {running.address}, its log is {options.home / 'service.log'}")
        yield running.address


def _prepare(home: Path, catalog: str) -> None:
    """Bring in customers and a model, once: the demo's, for other catalogs come without data."""
    if catalog == GROCERY and Home(home).model_in_use(GROCERY) is None:
        for command in (["load", GROCERY], ["train"]):
            arguments = [*command, "--home", str(home)]
            subprocess.run([sys.executable, "-m", "nextbest_service", *arguments], check=True)


def _locust(arguments: Sequence[str]) -> int:
    # An interpreter of its own: Locust changes the standard library under everybody's feet.
    command = [sys.executable, "-m", "locust", "-f", str(LOCUSTFILE), *arguments]
    try:
        return subprocess.run(command, check=False, env={**os.environ, "GRPC_VERBOSITY": "NONE"}).returncode
    except KeyboardInterrupt:
        return 0  # Locust has heard it, too, and printed its summary


if __name__ == "__main__":
    main()
