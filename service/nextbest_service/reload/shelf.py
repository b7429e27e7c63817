"""The last few snapshots that served, in the home: what to fall back on when what is there now is broken."""

import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nextbest_service.home import Home, locked, write_atomically
from nextbest_service.reload.snapshot import Snapshot, discard

KEPT = 3
_NEWEST = "newest.json"
_DRAFT = ".draft-"
_ABANDONED_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Shelf:
    """Keeps snapshots in a directory. Several processes may do so side by side."""

    root: Path

    @classmethod
    def of(cls, home: Home, catalog: str) -> "Shelf":
        """Return the shelf of a catalog, by its name or path as it was given at the start."""
        path = str(Path(catalog).resolve()) if os.sep in catalog or Path(catalog).is_dir() else catalog
        digest = hashlib.sha256(path.encode()).hexdigest()[:8]
        return cls(home.root / "last-good" / f"{Path(catalog).name or 'catalog'}-{digest}")

    def draft(self) -> Path:
        """Return a new directory to copy into.

        Raises:
            OSError: it cannot be made.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix=_DRAFT, dir=self.root))

    def keep(self, snapshot: Snapshot) -> Snapshot:
        """Keep a snapshot that serves as the newest one, and return it where it is kept.

        It is on disk before it counts: a crash leaves this one or the one before.

        Raises:
            OSError: it cannot be kept.
        """
        kept = Snapshot(self.root / snapshot.key, snapshot.key)
        newest = self.root / _NEWEST
        with locked(newest):
            if snapshot.directory != kept.directory:
                if kept.directory.exists():
                    discard(snapshot)  # the same content serves again
                else:
                    _flush(snapshot.directory)
                    snapshot.directory.rename(kept.directory)
            os.utime(kept.directory)
            write_atomically(newest, json.dumps({"snapshot": kept.key}) + "\n")
            _sync(newest)
            _sync(self.root)
            self._prune(kept)
        return kept

    def newest(self) -> Snapshot | None:
        """Return the snapshot that was kept last, None where there is none."""
        try:
            key = str(json.loads((self.root / _NEWEST).read_text())["snapshot"])
        except (OSError, ValueError, KeyError, TypeError):
            return None
        snapshot = Snapshot(self.root / Path(key).name, key)
        return snapshot if snapshot.catalog.is_dir() else None

    def _prune(self, newest: Snapshot) -> None:
        now, found = time.time(), [*self._directories()]
        whole = sorted((it for it in found if not it[0].name.startswith(_DRAFT)), key=lambda it: -it[1])
        for path, _ in whole[KEPT:]:
            if path != newest.directory:
                shutil.rmtree(path, ignore_errors=True)
        for path, changed in found:
            if path.name.startswith(_DRAFT) and now - changed > _ABANDONED_SECONDS:
                shutil.rmtree(path, ignore_errors=True)

    def _directories(self) -> Iterator[tuple[Path, float]]:
        for path in self.root.iterdir():
            try:
                if path.is_dir():
                    yield path, path.stat().st_mtime
            except FileNotFoundError:
                continue  # somebody else was faster


def _flush(directory: Path) -> None:
    """Make sure that a directory with all that is in it is on disk."""
    for folder, _, files in os.walk(directory):
        for name in files:
            _sync(Path(folder) / name)
        _sync(Path(folder))


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
