"""Put on PYTHONPATH, this shifts the wall clock of a Python process by the seconds that a file says."""

import os
import time
from pathlib import Path
from types import SimpleNamespace

_FILE = Path(os.environ["JUMPING_CLOCK_FILE"])
_time, _time_ns = time.time, time.time_ns


def _shift() -> float:
    return float(_FILE.read_text())


# gRPC compares deadlines of its own core, whose clock would jump along, with this module's: both stay.
from grpc._cython import cygrpc  # noqa: E402

cygrpc.time = SimpleNamespace(time=_time)
time.time = lambda: _time() + _shift()
time.time_ns = lambda: _time_ns() + int(_shift() * 1e9)
_FILE.with_suffix(".pid").write_text(str(os.getpid()))  # who is under its spell
