"""A second opinion by nghttp2's h2load, where it is installed: on saturation, with one question only.

h2load counts every HTTP answer as a success, whatever its `grpc-status`. So the servers' own counters are
asked: what was not counted there was no success.
"""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.load.processes import Server

_RATE = re.compile(rb"finished in [\d.]+\w+, ([\d.]+) req/s")
_SUCCEEDED = re.compile(rb"(\d+) succeeded")
_PATIENCE_SECONDS = 60


def h2load(
    server: Server, request: bytes, seconds: float, counted: Callable[[], int]
) -> dict[str, float] | None:
    """Return good answers per second, and what h2load itself says; None where it is not installed.

    `counted` asks the server how often it has answered well so far.
    """
    program = shutil.which("h2load")
    if program is None:
        return None
    with tempfile.NamedTemporaryFile() as body:
        Path(body.name).write_bytes(request)
        options = ["-t1", "-c8", "-m4", f"-D{max(1, round(seconds))}", f"-d{body.name}"]
        headers = ["-Hcontent-type: application/grpc", "-Hte: trailers"]
        before = counted()
        address = f"http://{server.host}:{server.port}{server.method}"
        found = subprocess.run(
            [program, *options, *headers, address],
            capture_output=True,
            timeout=_PATIENCE_SECONDS,
            check=False,
        )
    rate, succeeded = _RATE.search(found.stdout), _SUCCEEDED.search(found.stdout)
    if rate is None or succeeded is None:
        return None
    claimed, good = int(succeeded[1]), counted() - before
    return {
        "rps": round(float(rate[1]) * min(1.0, good / max(1, claimed)), 1),
        "claimed": claimed,
        "counted": good,
    }
