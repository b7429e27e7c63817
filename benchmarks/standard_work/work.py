"""A home that serves the standard work, and the questions that are asked of it."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import Self

from pydantic import TypeAdapter

from nextbest.v1 import decision_pb2, identity_pb2, value_pb2
from nextbest_service.home import Home, write_atomically
from nextbest_service.loading import NAMESPACE

PLACEMENT = "home"
"""Three offers on the home page: one placement is what most pages ask for. No cap counts what it shows."""
RESERVING_PLACEMENT = "app_card"
"""The same on the app, where a cap counts each proposition at once: each decision writes a reservation."""
LIMIT = 3
_NOTE = "standard-work.json"
_DEVICES = ("phone", "desktop", "tablet")
_DAYPARTS = ("morning", "afternoon", "evening", "night")


@dataclass(frozen=True, slots=True)
class Spread:
    """Least, mean and greatest of something."""

    least: float
    mean: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        """Return the spread of values, of which there is at least one."""
        return cls(min(values), round(fmean(values), 1), max(values))


@dataclass(frozen=True, slots=True)
class Size:
    """How much of it to make: at how many times each household is taken, how many of them, how many trees.

    The model learns from one household in `learn_from_one_in`.
    """

    weeks_ago: tuple[int, ...]
    households: int
    trees: int
    learn_from_one_in: int = 1


WHOLE = Size(weeks_ago=(0, 4, 8, 12, 16), households=10_000, trees=100)


@dataclass(frozen=True, slots=True)
class Model:
    """What ranks. `scorer` says how its scores are computed."""

    trees: int
    leaves: Spread
    scorer: str


@dataclass(frozen=True, slots=True)
class Decisions:
    """What decisions are like, one for each customer; `answer_bytes` are of a sample."""

    candidates: Spread
    propositions: Spread
    request_bytes: Spread
    answer_bytes: Spread


@dataclass(frozen=True, slots=True)
class Figures:
    """What the work is. `person_bytes` are the memory that one customer takes in the store."""

    actions: int
    live_actions: int
    rules: int
    customers: int
    contacts: int
    features: int
    pair_features: int
    model: Model
    decisions: Decisions
    person_bytes_median: int
    person_bytes_max: int


_FIGURES = TypeAdapter(Figures)


@dataclass(frozen=True, slots=True)
class StandardWork:
    """A home with catalog, model and loaded store. `customers` are ids in the namespace of loaded ones.

    `key` names what it was made from: another key, another work.
    """

    root: Path
    key: str
    customers: tuple[str, ...]
    figures: Figures

    @property
    def home(self) -> Home:
        """What `--home` names."""
        return Home(self.root)

    @property
    def catalog(self) -> Path:
        """What `--catalog` names."""
        return catalog_of(self.root)

    def requests(self, placement: str = PLACEMENT) -> list[decision_pb2.DecideRequest]:
        """Return one question about each customer."""
        return [question(name, number, placement) for number, name in enumerate(self.customers)]

    def copied(self, to: Path) -> "StandardWork":
        """Return the work in a new home, so that what a run writes does not stay. Nobody may serve it now."""
        shutil.copytree(self.root, to, ignore=shutil.ignore_patterns("*.sock", "*.lock", "service.json"))
        return StandardWork(to, self.key, self.customers, self.figures)

    def save(self) -> None:
        """Leave the note that the home is complete."""
        plain = {"key": self.key, "figures": asdict(self.figures), "customers": self.customers}
        write_atomically(self.root / _NOTE, json.dumps(plain))

    @classmethod
    def read(cls, root: Path) -> Self | None:
        """Return the work that stands in a directory; None where there is none that is complete."""
        try:
            plain = json.loads((root / _NOTE).read_text())
            figures = _FIGURES.validate_python(plain["figures"])
            return cls(root, plain["key"], tuple(plain["customers"]), figures)
        except (FileNotFoundError, KeyError, TypeError, ValueError):
            return None


def question(customer: str, number: int, placement: str = PLACEMENT) -> decision_pb2.DecideRequest:
    """Return what a page asks about a customer; the moment differs from number to number."""
    context = {
        "page": "start",
        "device": _DEVICES[number % len(_DEVICES)],
        "daypart": _DAYPARTS[number % len(_DAYPARTS)],
    }
    return decision_pb2.DecideRequest(
        identities=[identity_pb2.Identity(namespace=NAMESPACE, id=customer)],
        placements=[decision_pb2.PlacementRequest(id=placement, limit=LIMIT)],
        context=value_pb2.Context(strings=context),
        include_content=True,
    )


def catalog_of(root: Path) -> Path:
    """Return the directory of the catalog in a home."""
    return root / "catalog"
