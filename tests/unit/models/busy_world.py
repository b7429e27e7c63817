"""A world with features of every kind, and a third way of computing them: plain loops."""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from hypothesis import strategies as st

from nextbest_models.affinity import AffinityKeys
from nextbest_models.definitions import DAY_MS
from nextbest_models.features import FeatureSpec
from nextbest_models.history import EventLog, Stream, Touches
from nextbest_models.online import FeatureState, StreamEvent

AS_OF = 19_000 * DAY_MS
HOUR_MS = 3_600_000
Plain = Mapping[str, object]

AFFINITIES: Sequence[Plain] = [
    {"family": "product", "definition": {"of": "visits", "value": "spend", "unit": 0.5}},
    {"family": "topic", "definition": {"of": "mails", "value": "clicks", "unit": 1.0}},
]
KEYS = AffinityKeys(
    [("product", "p0"), ("topic", "t0"), ("product", "p1"), ("topic", "t1"), ("product", "p2")]
)
IDS = {"product": (0, 2, 4), "topic": (1, 3)}
_DEFINITIONS: Mapping[str, tuple[Plain, float | None]] = {
    "visits": ({"aggregate": "count", "of": "visits"}, 0.0),
    "visits_7d": ({"aggregate": "count", "of": "visits", "window": "7d"}, 0.0),
    "visits_12h": ({"aggregate": "count", "of": "visits", "window": "12h"}, 0.0),
    "spend": ({"aggregate": "sum", "of": "visits", "value": "spend"}, 0.0),
    "spend_30d": ({"aggregate": "sum", "of": "visits", "value": "spend", "window": "30d"}, 0.0),
    "visits_fading": ({"aggregate": "decayed_count", "of": "visits", "half_life": "10d"}, 0.0),
    "spend_fading": ({"aggregate": "decayed_sum", "of": "visits", "value": "spend", "half_life": "10d"}, 0.0),
    "visits_now": ({"aggregate": "decayed_count", "of": "visits", "half_life": "6h"}, 0.0),
    "days_since": ({"aggregate": "recency", "of": "visits"}, None),
    "days_since_30d": ({"aggregate": "recency", "of": "visits", "window": "30d"}, 99.0),
    "days_known": ({"aggregate": "first", "of": "visits"}, None),
    "pages": ({"aggregate": "distinct", "of": "visits", "value": "page"}, 0.0),
    "pages_7d": ({"aggregate": "distinct", "of": "visits", "value": "page", "window": "7d"}, 0.0),
    "products_30d": ({"aggregate": "distinct", "of": "visits", "key": "product", "window": "30d"}, 0.0),
    "mails": ({"aggregate": "count", "of": "mails"}, 0.0),
    "clicks": ({"aggregate": "sum", "of": "mails", "value": "clicks"}, 0.0),
    "basket": ({"ratio": "spend", "to": "visits"}, -1.0),
    "recent_share": ({"ratio": "visits_7d", "to": "visits"}, None),
    "engagement": ({"weighted": {"visits_7d": 1.0, "clicks": 3.0}}, None),
    "risk": ({"external": True}, 0.25),
    "worry": ({"weighted": {"risk": 2.0, "basket": 0.5}}, None),
}
NAMES = tuple(_DEFINITIONS)
# The newest, the oldest and the different ones stay when an event is taken back.
TAKEN_BACK = tuple(name for name in NAMES if name.split("_")[0] not in {"days", "pages", "products"})


def declared(names: Sequence[str]) -> list[Plain]:
    """Declare some of this world's features."""
    return [
        {
            "name": name,
            "source": "customer",
            "definition": _DEFINITIONS[name][0],
            "default": _DEFINITIONS[name][1],
        }
        for name in names
    ]


def spec_of(names: Sequence[str] = NAMES, affinities: Sequence[Plain] = AFFINITIES) -> FeatureSpec:
    return FeatureSpec.from_declarations(affinities, declared(names))


SPEC = spec_of()


def visit(at_ms: int, spend: float, page: int | None = None, *products: int) -> StreamEvent:
    """Return a visit that spent equally on some products, given by key id."""
    values = {"spend": spend} | ({} if page is None else {"page": float(page)})
    touches = tuple((key, spend / len(products)) for key in products)
    return StreamEvent("visits", at_ms, values, {"product": touches} if touches else {})


def mail(at_ms: int, clicks: int, *topics: int) -> StreamEvent:
    return StreamEvent(
        "mails", at_ms, {"clicks": float(clicks)}, {"topic": tuple((it, clicks) for it in topics)}
    )


def _times(latest_ms: int) -> st.SearchStrategy[int]:
    # Put together of small numbers: of one large number mostly the smallest would be tried.
    milliseconds = st.just(0) | st.just(1) | st.integers(0, HOUR_MS - 1)
    ages = st.builds(
        lambda days, hours, ms: days * DAY_MS + hours * HOUR_MS + ms,
        st.integers(0, 59), st.integers(0, 23), milliseconds,
    )  # fmt: skip
    return ages.map(lambda age_ms: latest_ms - max(age_ms, 1))


def histories(latest_ms: int = AS_OF, longest: int = 14) -> st.SearchStrategy[list[StreamEvent]]:
    """Events in any order within the 60 days before a moment."""
    spends = st.integers(0, 50_000).map(lambda cents: cents / 100) | st.floats(0, 500)
    products = st.lists(st.sampled_from(IDS["product"]), unique=True)
    topics = st.lists(st.sampled_from(IDS["topic"]), unique=True)
    visits = st.builds(
        lambda at_ms, spend, page, keys: visit(at_ms, spend, page, *keys),
        _times(latest_ms), spends, st.none() | st.integers(0, 4), products,
    )  # fmt: skip
    mails = st.builds(
        lambda at_ms, clicks, keys: mail(at_ms, clicks, *keys), _times(latest_ms), st.integers(0, 3), topics
    )
    return st.lists(visits | mails, max_size=longest)


def log_of(histories: Sequence[Sequence[StreamEvent]]) -> EventLog:
    """Put the events of several customers into one log."""
    rows = sorted(
        ((event.time_ms, owner, event) for owner, history in enumerate(histories) for event in history),
        key=lambda row: row[0],
    )
    streams = {
        name: _stream(
            [(owner, at_ms, event.values) for at_ms, owner, event in rows if event.stream == name], values
        )
        for name, values in (("visits", ("spend", "page")), ("mails", ("clicks",)))
    }
    touches = {}
    for family, value in (("product", "spend"), ("topic", "clicks")):
        touched = [
            (owner, at_ms, {value: amount}, key)
            for at_ms, owner, event in rows
            for key, amount in event.touches.get(family, ())
        ]
        ids = np.array([row[3] for row in touched], dtype=np.int64)
        touches[family] = Touches(_stream([row[:3] for row in touched], (value,)), ids)
    return EventLog([str(owner) for owner in range(len(histories))], streams, touches, KEYS)


def _stream(rows: Sequence[tuple[int, int, Mapping[str, float]]], values: Sequence[str]) -> Stream:
    return Stream(
        np.array([owner for owner, _, _ in rows], dtype=np.int64),
        np.array([at_ms for _, at_ms, _ in rows], dtype=np.int64),
        {
            name: np.array([row.get(name, math.nan) for _, _, row in rows], dtype=np.float64)
            for name in values
        },
    )


def recounted(history: Sequence[StreamEvent], now_ms: int) -> dict[str, float]:
    """Return every feature of this world by plain arithmetic."""
    past = [(now_ms - event.time_ms, event) for event in history if event.time_ms < now_ms]
    visits = [(age, event.values, event.touches) for age, event in past if event.stream == "visits"]
    mails = [event for _, event in past if event.stream == "mails"]
    ages = [age for age, _, _ in visits]

    def within(
        window_ms: float,
    ) -> list[tuple[Mapping[str, float], Mapping[str, tuple[tuple[int, float], ...]]]]:
        return [(values, touches) for age, values, touches in visits if age <= window_ms]

    def faded(half_life_ms: int, weight: Callable[[Mapping[str, float]], float]) -> float:
        return sum(weight(values) * 0.5 ** (age / half_life_ms) for age, values, _ in visits)

    def pages(window_ms: float) -> float:
        return float(len({values["page"] for values, _ in within(window_ms) if "page" in values}))

    spend, clicks = sum(values["spend"] for _, values, _ in visits), sum(it.values["clicks"] for it in mails)
    week = len(within(7 * DAY_MS))
    basket = spend / len(visits) if visits else -1.0
    youngest = min(ages, default=math.nan) / DAY_MS
    return {
        "visits": len(visits),
        "visits_7d": week,
        "visits_12h": len(within(12 * HOUR_MS)),
        "spend": spend,
        "spend_30d": sum(values["spend"] for values, _ in within(30 * DAY_MS)),
        "visits_fading": faded(10 * DAY_MS, lambda _: 1.0),
        "spend_fading": faded(10 * DAY_MS, lambda values: values["spend"]),
        "visits_now": faded(6 * HOUR_MS, lambda _: 1.0),
        "days_since": youngest,
        "days_since_30d": youngest if youngest <= 30 else 99.0,
        "days_known": max(ages, default=math.nan) / DAY_MS,
        "pages": pages(math.inf),
        "pages_7d": pages(7 * DAY_MS),
        "products_30d": len({key for _, it in within(30 * DAY_MS) for key, _ in it.get("product", ())}),
        "mails": len(mails),
        "clicks": clicks,
        "basket": basket,
        "recent_share": week / len(visits) if visits else math.nan,
        "engagement": week + 3.0 * clicks,
        "risk": 0.25,
        "worry": 0.5 + 0.5 * basket,
    }


def counter_rows(state: FeatureState) -> list[tuple[int, ...]]:
    """Return counters as (key id, count, last day, total in units)."""
    columns = (state.counters.ids, *state.counters.statistics)
    return list(zip(*(column.tolist() for column in columns), strict=True))
