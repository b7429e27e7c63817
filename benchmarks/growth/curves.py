"""What grows, and how far: the points of every curve, all of which cross in the same world."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from benchmarks.growth.worlds import WorldSize

BASE = WorldSize()
CONTACTS, SHARE = 20, 0.1
"""Where the curves cross: contacts of a customer, and the share of the catalog that survives the rules."""


class Point(NamedTuple):
    """One point of a curve that is measured in this process: a world, and the customers asked about."""

    size: float
    world: WorldSize
    contacts: int
    survivors: int


@dataclass(frozen=True, slots=True)
class Curve:
    """A curve. `unit` is what one step to the right is, in the singular."""

    name: str
    title: str
    unit: str


CATALOG = Curve("catalog", "Actions in the catalog, one in ten survives the rules", "action")
NARROW = Curve("catalog_narrow", "Actions in the catalog, 100 survive the rules", "action")
PREDICATES = Curve("predicates", "Distinct predicates that 1,000 actions ask for", "predicate")
TREES = Curve("trees", "Trees of the model, 31 leaves each", "tree")
HISTORY = Curve("history", "Contacts in the customer's history", "contact")
CUSTOMERS = Curve("customers", "Customers in Valkey", "customer")
CONCURRENCY = Curve("concurrency", "Callers at a time, over gRPC", "caller")


@dataclass(frozen=True, slots=True)
class Plan:
    """How far the curves go, and how often each point is measured. `base` is where all of them cross."""

    actions: Sequence[int]
    narrow: Sequence[int]
    predicates: Sequence[int]
    trees: Sequence[int]
    contacts: Sequence[int]
    customers: Sequence[int]
    callers: Sequence[int]
    passes: int
    call_passes: int
    call_seconds: float
    base: WorldSize = BASE

    def points(self) -> Mapping[Curve, Sequence[Point]]:
        """Return the points that are measured in this process, by curve."""
        base = self.base
        here = round(base.actions * SHARE)
        return {
            CATALOG: [
                Point(it, base._replace(actions=it), CONTACTS, round(it * SHARE)) for it in self.actions
            ],
            NARROW: [Point(it, base._replace(actions=it), CONTACTS, 100) for it in self.narrow],
            PREDICATES: [Point(it, base._replace(predicates=it), CONTACTS, here) for it in self.predicates],
            TREES: [Point(it, base._replace(trees=it), CONTACTS, here) for it in self.trees],
            HISTORY: [Point(it, base, it, here) for it in self.contacts],
        }


WHOLE = Plan(
    actions=(100, 300, 1_000, 3_000, 10_000),
    narrow=(300, 1_000, 3_000, 10_000),
    predicates=(10, 30, 100, 300, 1_000),
    trees=(50, 100, 200, 500),
    contacts=(0, 20, 50, 100, 200, 500),
    customers=(1_000, 10_000, 100_000, 1_000_000),
    callers=(1, 2, 4, 8, 16, 32, 64, 128, 256),
    passes=15,
    call_passes=4,
    call_seconds=1.0,
)
QUICK = Plan(
    actions=(100, 1_000, 3_000),
    narrow=(300, 1_000, 3_000),
    predicates=(10, 300, 1_000),
    trees=(50, 100, 200),
    contacts=(0, 20, 100, 500),
    customers=(1_000, 10_000, 100_000),
    callers=(1, 8, 64, 256),
    passes=5,
    call_passes=2,
    call_seconds=1.0,
)
