"""Persons with every part of state, under a small feature specification."""

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st
from samples import FACT_SETS, FACTS, NOW_MS, RECORD, RECORDS, SEEN, SEEN_ITEM, TEXT, TIME

from nextbest_models.affinity import AffinityKeys
from nextbest_models.features import FeatureSpec
from nextbest_models.online import FeatureState, OnlineFeatures, StreamEvent
from nextbest_rules.durations import DAY_MS
from nextbest_service.customers.person import Member, Person
from nextbest_service.customers.portion import Portion
from nextbest_service.store.feature_codec import FeatureCodec
from nextbest_service.store.keys import Identity, KeyRing
from nextbest_service.store.person_codec import PersonCodec

RING = KeyRing(bytes(32))
ANNA, COOKIE = Identity("customer", "anna"), Identity("cookie", "c-1")
SPEC = FeatureSpec.from_declarations(
    [{"family": "type", "definition": {"of": "trips", "value": "spend", "unit": 1.0}}],
    [
        {
            "name": "trips",
            "source": "customer",
            "definition": {"aggregate": "count", "of": "trips", "window": "91d"},
            "default": 0.5,
        },
        {
            "name": "spend",
            "source": "customer",
            "definition": {"aggregate": "sum", "of": "trips", "value": "spend"},
            "default": 0.0,
        },
        {"name": "score", "source": "customer", "definition": {"external": True}, "default": 0.25},
    ],
)
ONLINE = OnlineFeatures(SPEC)
KEYS = AffinityKeys(("type", str(number)) for number in range(10))
CODEC = PersonCodec(RING, FeatureCodec(ONLINE, KEYS, b"epoch-01"))


def trips(*days_ago: float) -> FeatureState:
    """Return what is kept of somebody who made some trips, each for 5 units of money on two keys."""
    events = [
        StreamEvent("trips", round(NOW_MS - ago * DAY_MS), {"spend": 5.0}, {"type": ((1, 2.0), (7, 3.0))})
        for ago in days_ago
    ]
    return ONLINE.with_events(ONLINE.empty, events)


WHOLE = Portion(
    facts=FACTS.values,
    facts_as_of=FACTS.as_of,
    seen=SEEN,
    features=ONLINE.with_given(trips(1, 2, 200), {"score": 0.75}, NOW_MS - DAY_MS),
    **RECORDS,
)


def person_of(*portions: Portion, segments: Mapping[str, int] | None = None) -> Person:
    """Return a person with one named member for each portion."""
    identities = [ANNA, COOKIE, *(Identity("cookie", f"{number}") for number in range(len(portions)))]
    members = (
        Member(RING.ref(identity), identity, portion=portion)
        for identity, portion in zip(identities, portions, strict=False)
    )
    return Person(tuple(members), segments=segments or {})


def plain(value: Any) -> Any:
    """Return a person, a portion or a feature state as values that can be compared."""
    if isinstance(value, Person):
        return [*map(plain, value.members)], value.segments
    if isinstance(value, Member):
        return value.ref, value.identity, value.since_ms, value.source, plain(value.portion)
    if isinstance(value, Portion):
        return [plain(getattr(value, name)) for name in Portion._fields]
    if isinstance(value, FeatureState):
        counters = value.counters
        return value.tallies, [column.tolist() for column in (counters.ids, *counters.statistics)]
    return value


def _portion(facts: Any, features: FeatureState | None, seen: Any, *lists: Any) -> Portion:
    named = dict(zip(RECORDS, lists, strict=True))
    named["contacts"] = tuple(sorted(named["contacts"], key=lambda it: it.at_ms, reverse=True))
    in_order = tuple(sorted(seen, key=lambda it: it.at_ms))
    return Portion(facts.values, facts.as_of, seen=in_order, features=features, **named)


FEATURES = st.none() | st.lists(st.integers(0, 300), min_size=1, max_size=3).map(lambda days: trips(*days))
PORTIONS = st.builds(
    _portion,
    FACT_SETS,
    FEATURES,
    st.lists(SEEN_ITEM, max_size=2),
    *(st.lists(RECORD[name], max_size=2).map(tuple) for name in RECORDS),
)
PERSONS = st.builds(
    lambda portions, segments: person_of(*portions, segments=segments),
    st.lists(st.just(Portion()) | PORTIONS, min_size=1, max_size=3),
    st.dictionaries(TEXT, TIME, max_size=2),
)
