"""Where that lies which is served: the catalog's files, and the models in use for it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from nextbest_models.artifact import MANIFEST_FILE, MODEL_FILE
from nextbest_models.companions import CALIBRATION_FILE, EXPERIENCE_FILE
from nextbest_rules.assignment import CHAMPION
from nextbest_rules.loading.sources import catalog_files
from nextbest_service.catalogs import find_catalog
from nextbest_service.home import Home

MODEL_FILES = (MANIFEST_FILE, MODEL_FILE, CALIBRATION_FILE, EXPERIENCE_FILE)
"""What a model is loaded from."""

Look: TypeAlias = tuple[tuple[str, int, int, int], ...]
"""Files as they look from outside: path, inode, time of the last change (nanoseconds) and bytes."""


@dataclass(frozen=True, slots=True)
class Sources:
    """What one process serves. `model` is the champion's directory where it was named at the start."""

    catalog: str
    home: Home
    model: Path | None = None

    def directory(self) -> Path:
        """Return where the catalog lies.

        Raises:
            StartupError: there is none.
        """
        return find_catalog(self.catalog)

    def models(self, catalog: str) -> Mapping[str, Path]:
        """Return the directories of the models in use for a catalog, by name.

        Raises:
            ModelUseError: the history of the models in use is damaged.
        """
        named = {} if self.model is None else {CHAMPION: self.model}
        return {**self.home.models_in_use(catalog), **named}

    def look(self, catalog: str) -> Look:
        """Return how all files look that a reload would read.

        Raises:
            StartupError: there is no such catalog.
            ModelUseError: the history of the models in use is damaged.
        """
        return tuple(seen for path in self._files(catalog) for seen in _seen(path))

    def _files(self, catalog: str) -> Iterator[Path]:
        yield from catalog_files(self.directory())
        for directory in self.models(catalog).values():
            yield from (directory / name for name in MODEL_FILES)


def _seen(path: Path) -> Iterator[tuple[str, int, int, int]]:
    try:
        found = path.stat()
    except OSError:
        return  # that it is not there is how it looks
    yield str(path), found.st_ino, found.st_mtime_ns, found.st_size
