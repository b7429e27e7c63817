"""Where an installation keeps its local data: store, trained models, address of the running service."""

import fcntl
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from nextbest_service.models_in_use import CHAMPION, NO_FIGURES, Change, Figures, History, Why, read_history


@dataclass(frozen=True, slots=True)
class RunningService:
    """Where the service of this home answers, its process, and where operators ask it (empty: nowhere)."""

    address: str
    pid: int
    admin: str = ""


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

    def model_in_use(self, catalog: str, name: str = CHAMPION) -> Path | None:
        """The directory of the model version in use under a name, or None.

        Raises:
            ModelUseError: the history of the models in use is damaged.
        """
        return self.models_in_use(catalog).get(name)

    def models_in_use(self, catalog: str) -> Mapping[str, Path]:
        """The directories of all model versions in use for a catalog, by name.

        Raises:
            ModelUseError: the history of the models in use is damaged.
        """
        in_use = self.model_history(catalog).in_use
        return {name: self.models(catalog) / version for name, version in in_use.items()}

    def model_history(self, catalog: str) -> History:
        """Which model versions were put into use for a catalog, and taken out of it.

        Raises:
            ModelUseError: it is damaged.
        """
        return read_history(self._history_file(catalog))

    def use_model(
        self,
        catalog: str,
        version: str,
        name: str = CHAMPION,
        *,
        why: Why = Why.PROMOTED,
        gates: Figures = NO_FIGURES,
    ) -> None:
        """Put a model version into use under a name, in one step. What was in use can be rolled back to.

        Raises:
            ModelUseError: the name is none, or the history is damaged.
        """
        self._change(catalog, lambda then: then.used(Change(_now(), name, version, why, gates)))

    def roll_back_model(self, catalog: str, name: str = CHAMPION) -> None:
        """Put back into use what was in use before under a name.

        Raises:
            ModelUseError: nothing was, or the history is damaged.
        """
        self._change(catalog, lambda then: then.rolled_back(name, _now()))

    def retire_model(self, catalog: str, name: str) -> None:
        """Take the model of a name out of use.

        Raises:
            ModelUseError: there is none, or the history is damaged.
        """
        self._change(catalog, lambda then: then.retired(name, _now()))

    def _change(self, catalog: str, change: Callable[[History], History]) -> None:
        path = self._history_file(catalog)
        with locked(path):
            text = "".join(item.line() for item in change(read_history(path)).changes)
            write_atomically(path, text)

    def _history_file(self, catalog: str) -> Path:
        return self.models(catalog) / "in-use.jsonl"

    def announce_service(self, service: RunningService) -> None:
        """Write down where the service answers, so that `nextbest decide` finds it."""
        write_atomically(
            self._service_file,
            json.dumps({name: value for name, value in asdict(service).items() if value != ""}) + "\n",
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
            service = RunningService(str(entry["address"]), int(entry["pid"]), str(entry.get("admin", "")))
        except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
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


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold off other processes that change the same file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(f".{path.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def process_is_alive(pid: int) -> bool:
    """Tell whether a process with this id exists."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _now() -> datetime:
    return datetime.now(tz=UTC)
