"""The real `nextbest serve` as a process of its own, for benchmarks that come over the wire."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

START_SECONDS = 180.0
"""The first start on a machine compiles kernels."""
STOP_SECONDS = 30.0
PATIENT = ("--store-timeout-ms", "10000")
"""Where load, service and store share a few cores, 50 ms are over before the store gets its turn."""


@dataclass(frozen=True, slots=True)
class Running:
    """A service that is ready: where it answers, and its process."""

    address: str
    pid: int


@contextmanager
def serving(home: Path, *options: str) -> Iterator[Running]:
    """Serve on a free port for as long as the context lasts; its log is `service.log` in its home.

    Raises:
        RuntimeError: it does not become ready; the message holds its log.
    """
    home.mkdir(parents=True, exist_ok=True)
    log = home / "service.log"
    command = [sys.executable, "-m", "nextbest_service", "serve", "--home", str(home), "--port", "0"]
    with log.open("wb") as file:
        process = subprocess.Popen(
            [*command, "--log-format", "json", *options],
            stdout=subprocess.DEVNULL,
            stderr=file,
            start_new_session=True,  # Ctrl-C is for the load, which has a summary to give
        )
    try:
        yield Running(_address(process, log), process.pid)
    finally:
        process.terminate()
        process.wait(STOP_SECONDS)


def _address(process: "subprocess.Popen[bytes]", log: Path) -> str:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        for line in log.read_text().splitlines():
            entry = json.loads(line) if line.startswith("{") and line.endswith("}") else {}
            if entry.get("event") == "ready":
                return str(entry["address"])
        time.sleep(0.05)
    raise RuntimeError(f"the service does not become ready:\n{log.read_text()}")
