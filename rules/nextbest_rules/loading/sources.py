"""Read the files of a catalog directory."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from nextbest_rules.diagnostics import Diagnostic

MAX_BYTES = 4 * 1024 * 1024
FILES = ("catalog.yaml", "features.yaml", "facts.yaml", "placements.yaml", "policies.yaml")
OPTIONAL_FILES = ("conditions.yaml", "segments.yaml", "events.yaml", "experiments.yaml")
ACTIONS = "actions"
TESTS = "tests"


@dataclass(frozen=True, slots=True)
class Source:
    """One file: its path relative to the catalog, and its text with lines ending in LF."""

    file: str
    text: str


def read_sources(directory: Path) -> tuple[list[Source], list[Diagnostic]]:
    """Return the readable files of a catalog, and a diagnostic for each other one.

    The suites that test a catalog are not part of it.
    """
    if not directory.is_dir():
        return [], [Diagnostic(str(directory), 1, 1, "no such catalog directory")]
    sources: list[Source] = []
    faults = _foreign_files(directory)
    for file in (*FILES, *_optional_files(directory)):
        read = read_source(directory, file)
        if isinstance(read, Source):
            sources.append(read)
        else:
            faults.append(read)
    return sources, faults


def catalog_files(directory: Path) -> list[Path]:
    """Return every file that loading a catalog looks at, if only to say that it is none of a catalog."""
    found = {path for pattern in _YAML for path in directory.glob(pattern)}
    return sorted(path for path in found if path.relative_to(directory).parts[0] != TESTS)


def _optional_files(directory: Path) -> list[str]:
    return [file for file in OPTIONAL_FILES if (directory / file).exists()] + _action_files(directory)


def _action_files(directory: Path) -> list[str]:
    return sorted(path.relative_to(directory).as_posix() for path in (directory / ACTIONS).glob("*.yaml"))


def _foreign_files(directory: Path) -> list[Diagnostic]:
    """Report YAML files that nothing would read: a misspelt policies.yaml must not go unnoticed."""
    own = {*FILES, *OPTIONAL_FILES, *_action_files(directory)}
    found = {path.relative_to(directory) for pattern in _YAML for path in directory.glob(pattern)}
    return [
        Diagnostic(path.as_posix(), 1, 1, "not a file of a catalog")
        for path in sorted(found)
        if path.as_posix() not in own and path.parts[0] != TESTS
    ]


# Two levels of folders are looked into: what lies deeper belongs to something else.
_YAML = ("*.y*ml", "*/*.y*ml", f"{ACTIONS}/*/*.y*ml")


def read_source(directory: Path, file: str) -> Source | Diagnostic:
    """Return one file by its path below `directory`, or why it cannot be read."""
    path = directory / file
    try:
        if path.stat().st_size > MAX_BYTES:
            return Diagnostic(file, 1, 1, f"larger than {MAX_BYTES // 1024 // 1024} MiB")
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        return Diagnostic(file, 1, 1, "this file is missing")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        return Diagnostic(file, line, 1, "not UTF-8 text")
    except OSError as error:
        return Diagnostic(file, 1, 1, f"cannot be read: {error.strerror}")
    return Source(file, text.replace("\r\n", "\n").replace("\r", "\n"))


def version_of(sources: Iterable[Source]) -> str:
    """Return 12 hex digits that change with any file's name or text, but not with line endings."""
    digest = hashlib.sha256()
    for source in sources:
        for part in (source.file, source.text):
            data = part.encode()
            digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()[:12]
