"""The market, whose customers do everything that an event can tell: for tests of what comes of it."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from nextbest_models.affinity import AffinityKey
from nextbest_models.online import OnlineFeatures
from nextbest_rules import Catalog, RuleSet, load_catalog
from nextbest_rules.durations import DAY_MS
from nextbest_rules.records import Outcome
from nextbest_service.customers.books import Books
from nextbest_service.customers.incoming import Line, ReportedOutcome, TrackedEvent, stamp
from nextbest_service.customers.person import Member, Person
from nextbest_service.customers.segments import features_of
from nextbest_service.customers.tokens import Attribution
from nextbest_service.decisions.generation import feature_spec
from nextbest_service.store.keys import Identity, KeyRing

DIRECTORY = Path(__file__).parent / "catalogs" / "market"
NOW_MS = 1_772_445_600_000  # 2026-03-02T10:00:00Z
HOUR_MS = 3_600_000
LATER_MS = NOW_MS + 30 * DAY_MS
RING = KeyRing(b"a secret of tests" * 2)
ANNA, BERT, COOKIE = Identity("customer", "anna"), Identity("customer", "bert"), Identity("cookie", "c-1")
IDS: Mapping[AffinityKey, int] = {
    ("category", "dairy"): 0,
    ("category", "drinks"): 1,
    ("theme", "hearty"): 2,
    ("theme", "mild"): 3,
}


@cache
def catalog() -> Catalog:
    """Return the loaded catalog."""
    return load_catalog(DIRECTORY)


@cache
def books() -> Books:
    """Return the books of the market."""
    return Books.of(RuleSet.compile(catalog()), OnlineFeatures(feature_spec(catalog())), IDS)


def person_of(*identities: Identity) -> Person:
    """Return a person of whom only the names are known."""
    return Person(tuple(Member(RING.ref(identity), identity) for identity in identities))


def event(type_: str, id_: str = "1", at_ms: int = NOW_MS, **fields: Any) -> TrackedEvent:
    """Return an event; what makes its body is its time and its fields."""
    return TrackedEvent(
        stamp("shop", id_, type_, at_ms, sorted(fields.items())), type_, at_ms, **{"brand": "north", **fields}
    )


def order(id_: str = "1", at_ms: int = NOW_MS, *lines: Line, **fields: Any) -> TrackedEvent:
    """Return an order; by default of one brie."""
    return event("order.placed", id_, at_ms, lines=lines or (BRIE,), **fields)


BRIE = Line("brie", 2.0, 9.0, {"category": ("dairy",)})
MERLOT = Line("merlot", 1.0, 12.5, {"category": ("drinks",)})


def attribution(action: str = "cheese", decision: str = "d1" * 16, **fields: Any) -> Attribution:
    """Return what a token says of a proposition to Anna."""
    return Attribution(
        **{
            "decision": decision,
            "ref": RING.ref(ANNA),
            "action": action,
            "placement": "home",
            "channel": "web",
            "brand": "north",
            "treatment": "",
            "rank": 1,
            "selection_probability": 1.0,
            "propensity": 0.25,
            "decided_at_ms": NOW_MS - HOUR_MS,
            "expires_ms": NOW_MS + 30 * DAY_MS,
            **fields,
        }
    )


def outcome(type_: Outcome, id_: str = "1", of: Attribution | None = None, **fields: Any) -> ReportedOutcome:
    """Return an outcome of a proposition to Anna."""
    of = of or attribution()
    key = stamp("web", id_, type_, of.decision, of.action, sorted(fields.items()))
    return ReportedOutcome(key, type_, of, **{"time_ms": NOW_MS, **fields})


def features(person: Person, now_ms: int = NOW_MS + 1) -> Mapping[str, float]:
    """Return the features of a person by name."""
    values, _ = features_of(books(), person, now_ms)
    return values
