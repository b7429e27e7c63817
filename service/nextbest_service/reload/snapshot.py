"""Copies what is to be loaded, so that what was checked is what will serve, whatever happens to the files."""

import hashlib
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from nextbest_rules.loading.sources import MAX_BYTES, catalog_files
from nextbest_service.reload.sources import MODEL_FILES

_KEY_DIGITS = 16
_CATALOG, _MODELS = "catalog", "models"


class Snapshot(NamedTuple):
    """A catalog, and models by name, as they were at one moment. Equal content has the same `key`."""

    directory: Path
    key: str

    @property
    def catalog(self) -> Path:
        """The directory of the catalog."""
        return self.directory / _CATALOG

    @property
    def models(self) -> Mapping[str, Path]:
        """The directories of the models, by the name under which they are in use."""
        found = sorted((self.directory / _MODELS).glob("*"))
        return {path.name: path for path in found if path.is_dir()}


def take(draft: Path, catalog: Path, models: Mapping[str, Path]) -> Snapshot:
    """Copy a catalog and models into an empty directory; what is not there, or vanishes, is left out.

    Raises:
        OSError: something cannot be read or written.
    """
    digest = hashlib.sha256()
    (draft / _CATALOG).mkdir(parents=True)
    for name, content in _contents(catalog, models):
        target = draft / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        for part in (name.encode(), content):
            digest.update(len(part).to_bytes(8, "big") + part)
    for name in models:
        (draft / _MODELS / name).mkdir(parents=True, exist_ok=True)
    return Snapshot(draft, digest.hexdigest()[:_KEY_DIGITS])


def discard(snapshot: Snapshot) -> None:
    """Remove a snapshot."""
    shutil.rmtree(snapshot.directory, ignore_errors=True)


def as_written(message: str, snapshot: Snapshot, catalog: Path, models: Mapping[str, Path]) -> str:
    """Return a message about copies as one about the files that were copied."""
    for name, path in models.items():
        message = message.replace(str(snapshot.directory / _MODELS / name), str(path))
    return message.replace(str(snapshot.catalog), str(catalog))


def same_model(one: Path, other: Path) -> bool:
    """Tell whether two directories hold the same model, byte for byte."""
    return all(_read(one / file) == _read(other / file) for file in MODEL_FILES)


def _contents(catalog: Path, models: Mapping[str, Path]) -> Iterator[tuple[str, bytes]]:
    """Yield every file by its name in the snapshot."""
    for path in catalog_files(catalog):
        content = _read(path, MAX_BYTES + 1)  # more is refused anyway
        if content is not None:
            yield f"{_CATALOG}/{path.relative_to(catalog).as_posix()}", content
    for name, directory in sorted(models.items()):
        for file in MODEL_FILES:
            content = _read(directory / file)
            if content is not None:
                yield f"{_MODELS}/{name}/{file}", content


def _read(path: Path, most: int = -1) -> bytes | None:
    try:
        with path.open("rb") as file:
            return file.read(most)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None
