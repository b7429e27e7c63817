"""Finds catalogs: the shipped ones by name, everybody's own by path."""

from pathlib import Path

from nextbest_service.errors import StartupError
from nextbest_service.shipped import shipped_directory


def shipped_catalogs() -> dict[str, Path]:
    """Return the directories of the catalogs that come with nextbest, by name."""
    root = shipped_directory("nextbest_rules", "catalogs")
    return {path.name: path for path in sorted(root.iterdir()) if (path / "catalog.yaml").exists()}


def find_catalog(name_or_path: str) -> Path:
    """Return the directory of a catalog.

    Raises:
        StartupError: there is neither a shipped catalog of this name nor a directory at this path.
    """
    shipped = shipped_catalogs()
    if name_or_path in shipped:
        return shipped[name_or_path]
    path = Path(name_or_path)
    if path.is_dir():
        return path
    raise StartupError(
        f"no catalog '{name_or_path}': neither a shipped one ({', '.join(shipped)}) nor a directory"
    )
