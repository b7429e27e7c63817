"""The processes that a service has started, as the system sees them."""

from pathlib import Path

from running_service import Service


def children(pid: int, word: str) -> list[int]:
    """Return the processes that a process has started and whose command has a word."""
    threads = [path.read_text().split() for path in Path(f"/proc/{pid}/task").glob("*/children")]
    return sorted(int(child) for thread in threads for child in thread if word in _command_of(child))


def workers_of(running: Service) -> list[int]:
    """Return the processes of the workers."""
    return children(running.process.pid, "nextbest_service.workers")


def _command_of(pid: str) -> str:
    """Return how a process was started, nothing once it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""
