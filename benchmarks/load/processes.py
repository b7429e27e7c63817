"""The processes of a run: the store and this one on the core of the load, each server on the other core."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from benchmarks.serving import serving


class ServerError(Exception):
    """A server did not start, or ended."""


@dataclass(frozen=True, slots=True)
class Cores:
    """Where servers run, and where everything else does. They are one where there is only one."""

    server: int
    load: int

    @classmethod
    def of_machine(cls) -> Self:
        """Return the first two cores that this process may use."""
        usable = sorted(os.sched_getaffinity(0))
        return cls(usable[0], usable[1] if len(usable) > 1 else usable[0])

    @property
    def apart(self) -> bool:
        """Whether load and server do not disturb each other."""
        return self.server != self.load

    def take_load(self) -> None:
        """Move this process, and what it starts from now on, to the core of the load."""
        os.sched_setaffinity(0, {self.load})

    @contextmanager
    def serving(self) -> Iterator[None]:
        """What is started meanwhile runs on the servers' core, with all its threads."""
        before = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {self.server})
        try:
            yield
        finally:
            os.sched_setaffinity(0, before)


@dataclass(frozen=True, slots=True)
class Server:
    """One server under test: what it is called in results, its process, and where it answers."""

    name: str
    pid: int
    host: str
    port: int
    method: str

    @property
    def cpu_seconds(self) -> float:
        """The CPU time of the process so far."""
        return cpu_seconds(self.pid)

    @property
    def rss_mb(self) -> float:
        """The memory of the process that is in RAM, in MB."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of all threads of a process, to the nanosecond where the kernel tells."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


@contextmanager
def nextbest(root: Path, catalog: Path, store_url: str, cores: Cores, *options: str) -> Iterator[Server]:
    """Run `nextbest serve` on the servers' core, as anybody would, on a free port."""
    with ExitStack() as stack:
        with cores.serving():
            where = ("--catalog", str(catalog), "--redis-url", store_url)
            running = stack.enter_context(serving(root, *where, *options))
        host, port = running.address.rsplit(":", 1)
        yield Server("nextbest", running.pid, host, int(port), "/nextbest.v1.DecisionService/Decide")


@contextmanager
def python_server(
    name: str, module: str, arguments: Sequence[str], method: str, cores: Cores, log_file: Path
) -> Iterator[Server]:
    """Run one of this package's servers on the servers' core; it prints its port."""
    with log_file.open("wb") as log, cores.serving():
        process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments], stdout=subprocess.PIPE, stderr=log
        )
    assert process.stdout is not None
    with process.stdout as output, _ended(process):
        port = output.readline()
        if not port:
            raise ServerError(f"{name} did not start:\n{log_file.read_text()[-2000:]}")
        yield Server(name, process.pid, "127.0.0.1", int(port), method)


@contextmanager
def _ended(process: "subprocess.Popen[bytes]") -> Iterator[None]:
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
