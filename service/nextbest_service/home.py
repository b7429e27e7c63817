"""Where an installation keeps its local data: store, trained models, address of the running service."""

import json
import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class RunningService:
    """Where the service of this home answers, and its process."""

    address: str
    pid: int


@dataclass(frozen=True, slots=True)
class Home:
    """The directory that holds everything nextbest writes on this machine."""

    root: Path

    @property
    def valkey(self) -> Path:
        """The embedded store's data directory."""
        return self.root / "valkey"

    def models(self, catalog: str) -> Path:
        """The directory of all model versions trained for a catalog."""
        return self.root / "models" / catalog

    def current_model(self, catalog: str) -> Path | None:
        """The directory of the model version in use for a catalog, or None before any training."""
        pointer = self.models(catalog) / "current"
        return self.models(catalog) / pointer.read_text().strip() if pointer.exists() else None

    def set_current_model(self, catalog: str, version: str) -> None:
        """Put a model version into use, in one step."""
        write_atomically(self.models(catalog) / "current", version + "\n")

    def announce_service(self, service: RunningService) -> None:
        """Write down where the service answers, so that `nextbest decide` finds it."""
        write_atomically(
            self._service_file, json.dumps({"address": service.address, "pid": service.pid}) + "\n"
        )

    def withdraw_service(self) -> None:
        """Forget the address written by this process; that of another process stays."""
        running = self.running_service()
        if running is not None and running.pid == os.getpid():
            self._service_file.unlink(missing_ok=True)

    def running_service(self) -> RunningService | None:
        """Return the service announced for this home, if its process still lives."""
        try:
            entry = json.loads(self._service_file.read_text())
            service = RunningService(address=str(entry["address"]), pid=int(entry["pid"]))
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None
        return service if process_is_alive(service.pid) else None

    @property
    def _service_file(self) -> Path:
        return self.root / "service.json"


def write_atomically(path: Path, text: str) -> None:
    """Replace a file in one step: readers see the old text or the new, never half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(text)
    draft.replace(path)


def process_is_alive(pid: int) -> bool:
    """Tell whether a process with this id exists."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
