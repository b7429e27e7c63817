"""How far an export has come. Written after the files that it speaks of."""

import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Self

from nextbest_service.decision_log.gaps import place_order
from nextbest_service.errors import StartupError

_FILE = "position.json"
BEGINNING = "0-0"


@dataclass(frozen=True, slots=True)
class Position:
    """A place in the log.

    `counted` is how many entries were ever added up to `place`, as far as is known: read, erased or lost.
    `settled` is the place up to which that is exact. `erasures` is how many persons had been erased.
    """

    place: str = BEGINNING
    counted: int = 0
    settled: str = BEGINNING
    erasures: int = 0

    @classmethod
    def read(cls, directory: Path) -> Self:
        """Return the position of an export, the beginning where there is none yet.

        Raises:
            StartupError: the file is damaged. Without it everything is exported again, and still once.
        """
        try:
            return cls(**json.loads((directory / _FILE).read_text()))
        except FileNotFoundError:
            return cls()
        except (TypeError, ValueError) as error:
            raise StartupError(
                f"{directory / _FILE} is damaged; remove it, and the next export starts over: rows that are "
                "there already are not written again"
            ) from error

    def write(self, directory: Path) -> None:
        """Put the position in force, in one step."""
        draft = directory / f".{_FILE}"
        with draft.open("w") as file:
            json.dump(asdict(self), file)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(directory / _FILE)

    def is_behind(self, place: str) -> bool:
        """Tell whether a place comes after this one."""
        return place_order(self.place) < place_order(place)

    def after(self, place: str, count: int) -> Self:
        """Return the position after so many entries more."""
        return replace(self, place=place, counted=self.counted + count)
