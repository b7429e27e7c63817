"""How far a load has come, so that an interrupted one can go on: a small file in the home.

Only ever behind the truth: rows that were stored after it was written are read again and recognised.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nextbest_service.home import write_atomically

_EDGE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A place in a sequence of files: the file, the position in it, and the line before that."""

    file: int = 0
    position: int = 0
    line: int = 0


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The checkpoint of one load: `name` says which rows are read how."""

    path: Path
    name: str

    @classmethod
    def of(cls, directory: Path, what: Mapping[str, object], files: Sequence[Path]) -> "Checkpoint":
        """Return the checkpoint of loading these files in a certain way."""
        digest = hashlib.sha256(json.dumps(what, sort_keys=True, default=str).encode())
        for file in files:
            digest.update(print_of(file))
        name = digest.hexdigest()[:32]
        return cls(directory / f"{name}.json", name)

    def read(self) -> Place | None:
        """Return how far the load has come, None where none was interrupted."""
        try:
            entry = json.loads(self.path.read_text())
            return Place(int(entry["file"]), int(entry["position"]), int(entry["line"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write(self, place: Place) -> None:
        """Note how far the load has come."""
        text = json.dumps({"file": place.file, "position": place.position, "line": place.line})
        write_atomically(self.path, text + "\n")

    def remove(self) -> None:
        """Forget it: the load is complete."""
        self.path.unlink(missing_ok=True)


def print_of(path: Path) -> bytes:
    """Return what tells a file from others: its size and both its ends, for files may be large."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(0)
        first = file.read(_EDGE_BYTES)
        file.seek(max(size - _EDGE_BYTES, 0))
        return hashlib.sha256(first + file.read() + str(size).encode()).digest()
