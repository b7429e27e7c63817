"""Lets a process of its own look at what is to serve: whatever that does to it, nobody else feels it."""

import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field

import structlog

from nextbest_service.reload.findings import Finding, Part
from nextbest_service.reload.proving import Question, read_findings

CANARY = (sys.executable, "-m", "nextbest_service.reload")
TIMEOUT_SECONDS = 60.0

log = structlog.get_logger()


@dataclass(slots=True)
class Canary:
    """Starts such processes, one at a time, and waits for each no longer than `timeout_seconds`."""

    timeout_seconds: float = TIMEOUT_SECONDS
    command: Sequence[str] = CANARY
    _running: "subprocess.Popen[bytes] | None" = None
    _stopped: bool = field(default=False)

    def findings(self, question: Question) -> tuple[Finding, ...]:
        """Return what the process found; that it crashed or hung is a finding, too. Blocking."""
        if self._stopped:
            return (_of_process(question, "the service stops"),)
        with subprocess.Popen(  # noqa: S603 - our own program
            self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            self._running = process
            try:
                found, said = process.communicate(question.to_json(), self.timeout_seconds)
            except subprocess.TimeoutExpired:
                process.kill()
                hung = f"the check did not end within {self.timeout_seconds:g} seconds and was killed"
                return (_of_process(question, hung),)
            finally:
                self._running = None
        return _read(question, process.returncode, found, said)

    def stop(self) -> None:
        """End what runs, and start no more: the service stops."""
        self._stopped = True
        running = self._running
        if running is not None:
            running.kill()


def _read(question: Question, code: int, found: bytes, said: bytes) -> tuple[Finding, ...]:
    try:
        if code == 0:
            return read_findings(found)
    except ValueError:
        pass
    last = said.decode(errors="replace").strip().rpartition("\n")[2]
    log.error("reload_check_failed", exit_code=code, said=last)
    end = f"crashed with {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
    return (_of_process(question, f"the process that checks {end}: nothing of it is served"),)


def _of_process(question: Question, message: str) -> Finding:
    """Blame the models where there are any to prove: only those can do so."""
    unproved = question.models.keys() - {*question.proved}
    return Finding(Part.MODEL if unproved else Part.CATALOG, message)
