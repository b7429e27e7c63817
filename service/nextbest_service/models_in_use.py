"""Which model versions of a catalog are in use, under which names, and what was in use before.

A history of changes is the only thing kept; what is in use follows from it, and so does what to roll back to.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import reduce
from pathlib import Path
from types import MappingProxyType
from typing import TypeAlias

# As `nextbest_rules.assignment` has them, which takes long to import: no command should wait for that.
CHAMPION = "champion"
STATIC = "static"

_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")

Figures: TypeAlias = Mapping[str, object]
Stacks: TypeAlias = Mapping[str, tuple[str | None, ...]]
NO_FIGURES: Figures = MappingProxyType({})


class ModelUseError(Exception):
    """A model cannot be put into use, or taken out of it; the message says why and what to do."""


class Why(StrEnum):
    """What brought a change about."""

    TRAINED = "trained"
    PROMOTED = "promoted"
    ROLLED_BACK = "rolled_back"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class Change:
    """A name got another version; None: it has none any more. `gates` are the figures that it had to meet."""

    at: datetime
    name: str
    version: str | None
    why: Why
    gates: Figures = field(default_factory=dict)

    def line(self) -> str:
        """Return the change as one line of JSON."""
        plain = {"at": self.at.isoformat(timespec="seconds"), "name": self.name, "version": self.version}
        return json.dumps({**plain, "why": self.why, "gates": dict(self.gates)}) + "\n"


@dataclass(frozen=True, slots=True)
class History:
    """All changes of one catalog, the oldest first."""

    changes: tuple[Change, ...] = ()

    @property
    def in_use(self) -> Mapping[str, str]:
        """The versions in use, by name."""
        return {name: stack[-1] for name, stack in _stacks(self.changes).items() if stack[-1] is not None}

    def used(self, change: Change) -> "History":
        """Return the history with a version put into use; the same if it is in use under this name already.

        Raises:
            ModelUseError: the name is none.
        """
        check_name(change.name)
        same = self.in_use.get(change.name) == change.version
        return self if same else History((*self.changes, change))

    def rolled_back(self, name: str, at: datetime) -> "History":
        """Return the history with the name back at what it had before.

        Raises:
            ModelUseError: it had nothing before.
        """
        return History((*self.changes, Change(at, name, self.before(name), Why.ROLLED_BACK)))

    def before(self, name: str) -> str | None:
        """Return the version that a rollback of the name puts back into use; None: nothing was in use then.

        Raises:
            ModelUseError: there is nothing to roll back.
        """
        stack = _stacks(self.changes).get(name, ())
        if len(stack) < 2:  # noqa: PLR2004 - the one in use and one before
            raise ModelUseError(_nothing_before(name, bool(stack)))
        return stack[-2]

    def retired(self, name: str, at: datetime) -> "History":
        """Return the history with nothing in use under the name.

        Raises:
            ModelUseError: nothing is.
        """
        if name not in self.in_use:
            raise ModelUseError(f"no model is in use as '{name}'. See `nextbest models list`.")
        return History((*self.changes, Change(at, name, None, Why.RETIRED)))


def check_name(name: str) -> None:
    """Make sure that a ranker may be called so.

    Raises:
        ModelUseError: it may not.
    """
    if name == STATIC:
        raise ModelUseError(f"'{STATIC}' is the name of ranking without a model; choose another")
    if not _NAME.fullmatch(name):
        raise ModelUseError(
            "names of models in use are lower-case letters, digits and underscores, and begin with a letter,"
            " such as champion or challenger"
        )


def read_history(path: Path) -> History:
    """Read a history; a file that is not there is an empty one.

    Raises:
        ModelUseError: a line is damaged.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return History()
    except (OSError, UnicodeDecodeError) as error:
        raise ModelUseError(f"{path} cannot be read: {error}") from error
    return History(tuple(_change(path, number, line) for number, line in enumerate(lines, start=1)))


def _change(path: Path, number: int, line: str) -> Change:
    try:
        plain = json.loads(line)
        check_name(plain["name"])
        at, why, version = datetime.fromisoformat(plain["at"]), Why(plain["why"]), _version(plain["version"])
        return Change(at, plain["name"], version, why, dict(plain["gates"]))
    except (ValueError, KeyError, TypeError, ModelUseError) as error:
        raise ModelUseError(
            f"{path}, line {number}: no change of a model in use ({error}). Mend the line or remove it."
        ) from error


def _version(found: object) -> str | None:
    if found is None or (isinstance(found, str) and found == Path(found).name):
        return found
    raise ValueError("the version is no name of a directory")


def _stacks(changes: Sequence[Change]) -> Stacks:
    """Return, by name, the versions that a rollback walks back through, the one in use last."""
    return reduce(_after, changes, {})


def _after(stacks: Stacks, change: Change) -> Stacks:
    stack = stacks.get(change.name, ())
    # A damaged history may roll back further than it came: then the version it tells is where it begins.
    rolled = stack[:-1] or (change.version,)
    return {**stacks, change.name: rolled if change.why is Why.ROLLED_BACK else (*stack, change.version)}


def _nothing_before(name: str, known: bool) -> str:
    if not known:
        return f"no model was ever in use as '{name}'. See `nextbest models list`."
    return f"nothing was in use as '{name}' before. `nextbest models retire {name}` takes it out of use."
