"""What became of a command of `nextbest`, and how to run one as a process."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Ran:
    """What became of a command."""

    returncode: int
    stdout: str
    stderr: str


Nextbest = Callable[..., Ran]


def as_a_process(*arguments: str, timeout: float = 120, **environment: str) -> Ran:
    """Run the command line as a user does, start of a process and all."""
    outer = {name: value for name, value in os.environ.items() if not name.startswith("NEXTBEST_")}
    ended = subprocess.run(
        [sys.executable, "-m", "nextbest_service", *arguments],
        env={**outer, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    return Ran(ended.returncode, ended.stdout, ended.stderr)
