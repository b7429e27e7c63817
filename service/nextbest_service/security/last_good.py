"""What is read from files, anew where they change: the last good reading stays while there is no other."""

from collections.abc import Callable
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

import structlog

from nextbest_rules import Diagnostic
from nextbest_service.yaml_files import BrokenFileError

T = TypeVar("T")
log = structlog.get_logger()


class Reading(NamedTuple, Generic[T]):
    """What was read, and from which files."""

    value: T
    files: tuple[Path, ...]


class _Held(NamedTuple, Generic[T]):
    """What was read, and how its files looked then. It is replaced as a whole, by whichever thread."""

    reading: Reading[T]
    seen: tuple[object, ...]


class LastGood(Generic[T]):
    """A value that follows its files. `part` is its name in logs and metrics."""

    def __init__(self, part: str, read: Callable[[], Reading[T]]) -> None:
        """Read it for the first time.

        Raises:
            BrokenFileError: the files cannot be used.
        """
        self.part = part
        self.taken = 0
        """How often something new was taken since the start."""
        self.refused = 0
        """How often something new could not be taken."""
        self.faults: tuple[Diagnostic, ...] = ()
        """What is wrong with the files as they are now."""
        self._read = read
        self._held = self._found()

    @property
    def current(self) -> T:
        """The last good value."""
        return self._held.reading.value

    def refresh(self) -> tuple[Diagnostic, ...]:
        """Read the files anew if they have changed, and return what is wrong with them."""
        return self.reload() if self.has_changed or self.faults else ()

    @property
    def has_changed(self) -> bool:
        """Whether the files differ from those that the value was read from."""
        held = self._held
        return _marks(held.reading.files) != held.seen

    def reload(self) -> tuple[Diagnostic, ...]:
        """Read the files anew in any case, and return what is wrong with them."""
        try:
            adopt = self.prepare()
        except BrokenFileError as error:
            if error.diagnostics != self.faults:  # what stays wrong is told once
                self.refused += 1
                log.error("reload_refused", part=self.part, faults=[*map(str, error.diagnostics)])
            self.faults = error.diagnostics
            return error.diagnostics
        adopt()
        return ()

    def prepare(self) -> Callable[[], None]:
        """Read the files anew and return what brings that into use; until then all stays as it is.

        Raises:
            BrokenFileError: they cannot be used.
        """
        found = self._found()

        def adopt() -> None:
            self._held, self.faults = found, ()
            self.taken += 1
            log.info("reloaded", part=self.part)

        return adopt

    def _found(self) -> _Held[T]:
        files = self._read().files
        seen = _marks(files)
        # Read again after the look at the files: whatever changes from here on is seen the next time.
        reading = self._read()
        return _Held(reading, seen if reading.files == files else ())


def _marks(files: tuple[Path, ...]) -> tuple[object, ...]:
    return tuple(_mark(file) for file in files)


def _mark(file: Path) -> object:
    """Return what tells one content of a file from another: also where a symbolic link leads elsewhere."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
