"""A small world: two streams, two families, features of every kind."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nextbest_models.affinity import AffinityKeys
from nextbest_models.history import EventLog, Stream, Touches

AFFINITIES: Sequence[Mapping[str, object]] = [
    {"family": "product", "definition": {"of": "visits", "value": "spend", "unit": 0.5}},
    {"family": "colour", "definition": {"of": "visits", "value": "spend", "unit": 1.0}},
]
FEATURES: Sequence[Mapping[str, object]] = [
    {
        "name": "visits_7d",
        "source": "customer",
        "definition": {"aggregate": "count", "of": "visits", "window": "7d"},
        "default": 0.0,
    },
    {
        "name": "spend",
        "source": "customer",
        "definition": {"aggregate": "sum", "of": "visits", "value": "spend"},
        "default": 0.0,
    },
    {
        "name": "days_since_visit",
        "source": "customer",
        "definition": {"aggregate": "recency", "of": "visits"},
    },
    {
        "name": "visits_decayed",
        "source": "customer",
        "definition": {"aggregate": "decayed_count", "of": "visits", "half_life": "10d"},
        "default": 0.0,
    },
    {
        "name": "spend_decayed",
        "source": "customer",
        "definition": {"aggregate": "decayed_sum", "of": "visits", "value": "spend", "half_life": "10d"},
        "default": 0.0,
    },
    {
        "name": "spend_per_visit",
        "source": "customer",
        "definition": {"ratio": "spend_decayed", "to": "visits_decayed"},
        "default": -1.0,
    },
    {"name": "size", "source": "action", "definition": {"attribute": "size"}},
    {
        "name": "grade",
        "source": "action",
        "definition": {"attribute": "grade", "codes": {"A": 0, "B": 1}},
        "default": 9.0,
    },
    {"name": "hour", "source": "context", "definition": {"context": "hour"}, "default": 12.0},
    {
        "name": "product_count",
        "source": "pair",
        "definition": {"affinity": "product", "statistic": "count", "combine": "sum"},
    },
    {
        "name": "product_spend",
        "source": "pair",
        "definition": {"affinity": "product", "statistic": "total", "combine": "sum"},
    },
    {
        "name": "colour_recency",
        "source": "pair",
        "definition": {"affinity": "colour", "statistic": "recency", "combine": "min"},
    },
    {
        "name": "colour_most",
        "source": "pair",
        "definition": {"affinity": "colour", "statistic": "count", "combine": "max"},
    },
]
KEYS = AffinityKeys(
    [("product", "p0"), ("product", "p1"), ("colour", "red"), ("colour", "blue"), ("product", "p2")]
)


@dataclass(frozen=True)
class Visit:
    """One visit and what was spent on each key."""

    customer: int
    at_ms: int
    spend: Mapping[tuple[str, str], float]


def build_log(visits: Sequence[Visit], customers: int = 3) -> EventLog:
    ordered = sorted(visits, key=lambda visit: visit.at_ms)
    stream = _stream([(visit.customer, visit.at_ms, sum(visit.spend.values())) for visit in ordered])
    touches = {}
    for family in ("product", "colour"):
        rows = [
            (visit.customer, visit.at_ms, amount, int(KEYS.ids_for(family, [key])[0]))
            for visit in ordered
            for (of, key), amount in visit.spend.items()
            if of == family
        ]
        ids = np.array([row[3] for row in rows], dtype=np.int64)
        touches[family] = Touches(_stream([row[:3] for row in rows]), ids)
    return EventLog([f"customer-{number}" for number in range(customers)], {"visits": stream}, touches, KEYS)


def _stream(rows: Sequence[tuple[int, int, float]]) -> Stream:
    customers, times, spend = zip(*rows, strict=True) if rows else ((), (), ())
    return Stream(
        np.array(customers, dtype=np.int64),
        np.array(times, dtype=np.int64),
        {"spend": np.array(spend, dtype=np.float64)},
    )
