"""The real data, event by event as a service counts it, against the snapshots that models are trained on.

Counts, recencies and counters are integers and differences of times: they have to be equal. Sums are not
quite: float64 numbers are added in another order, and each weight that fades is rounded elsewhere, by some
1e-16 for every event. 1e-9 is far below what float32, in which models see them, can tell (6e-8).
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
import yaml

from nextbest_models.affinity import AffinityCounters
from nextbest_models.columns import customer_columns
from nextbest_models.complete_journey import CompleteJourney
from nextbest_models.definitions import DAY_MS, Aggregate, Distinct, Function
from nextbest_models.features import FeatureSpec
from nextbest_models.history import EventLog
from nextbest_models.online import FeatureState, OnlineFeatures, StreamEvent
from nextbest_models.snapshot import SnapshotEngine
from nextbest_models.state_codec import StateCodec

ROOT = Path(__file__).parents[3]
MORNING = 1_509_354_000_000
"""2017-10-30 09:00 UTC."""
MOMENTS = (1_493_000_000_123, MORNING, MORNING + 20 * 365 * DAY_MS)
TOLERANCE = 1e-9
BUDGET_BYTES = 720
EVERY = 80
_EXACT = (Function.COUNT, Function.RECENCY, Function.FIRST)
_MORE = [
    ("days_known", {"aggregate": "first", "of": "trips"}),
    ("spend", {"aggregate": "sum", "of": "trips", "value": "spend"}),
    ("spend_30d", {"aggregate": "sum", "of": "trips", "value": "spend", "window": "30d"}),
    ("trip_sizes_91d", {"aggregate": "distinct", "of": "trips", "value": "lines", "window": "91d"}),
    ("types_91d", {"aggregate": "distinct", "of": "trips", "key": "product_type", "window": "91d"}),
    ("basket", {"ratio": "spend_30d", "to": "trips_28d"}),
    ("zeal", {"weighted": {"trips_28d": 1.0, "redemptions": 3.0}}),
]


@pytest.fixture(scope="module")
def spec() -> FeatureSpec:
    """The grocery features, and some of the kinds that they do not use."""
    plain = yaml.safe_load((ROOT / "rules/catalogs/grocery/features.yaml").read_text())
    more = [{"name": name, "source": "customer", "definition": definition} for name, definition in _MORE]
    return FeatureSpec.from_declarations(plain["affinities"], [*plain["features"], *more])


@pytest.fixture(scope="module")
def engine(journey: CompleteJourney, spec: FeatureSpec) -> SnapshotEngine:
    return SnapshotEngine(spec, journey.log)


def _exact(spec: FeatureSpec) -> list[int]:
    """Return the places of features that are no sums of fractions."""
    definitions = [feature.definition for feature in spec.customer_features]
    return [
        place
        for place, it in enumerate(definitions)
        if isinstance(it, Distinct) or (isinstance(it, Aggregate) and it.function in _EXACT)
    ]


def _offline(spec: FeatureSpec, log: EventLog, now_ms: int) -> np.ndarray:
    return np.column_stack([*customer_columns(spec, log, now_ms).values()])


def _assert_features_equal(spec: FeatureSpec, online: np.ndarray, offline: np.ndarray) -> None:
    np.testing.assert_allclose(online, offline, rtol=TOLERANCE, atol=0.0)
    exact = _exact(spec)
    np.testing.assert_array_equal(online[:, exact], offline[:, exact])


def _assert_counters_equal(one: AffinityCounters, other: AffinityCounters) -> None:
    for left, right in zip((one.ids, *one.statistics), (other.ids, *other.statistics), strict=True):
        np.testing.assert_array_equal(left, right)


def _events(log: EventLog, customers: set[int], before_ms: int) -> Mapping[int, list[StreamEvent]]:
    """Return what happened to some customers, as a service would be told."""
    touches = _touches(log, customers, before_ms)
    found: dict[int, list[StreamEvent]] = defaultdict(list)
    for name, stream in log.streams.items():
        past = stream.before(before_ms)
        columns = {value: column.tolist() for value, column in past.values.items()}
        for row, (owner, at_ms) in enumerate(
            zip(past.customers.tolist(), past.times_ms.tolist(), strict=True)
        ):
            if owner in customers:
                # Two trips of one household in one second: the first has the touches of both.
                touched = touches.pop((owner, at_ms), {}) if name == "trips" else {}
                values = {value: column[row] for value, column in columns.items()}
                event = StreamEvent(
                    name, at_ms, values, {family: tuple(it) for family, it in touched.items()}
                )
                found[owner].append(event)
    return found


def _touches(
    log: EventLog, customers: set[int], before_ms: int
) -> dict[tuple[int, int], dict[str, list[tuple[int, float]]]]:
    found: dict[tuple[int, int], dict[str, list[tuple[int, float]]]] = {}
    for family, touches in log.touches.items():
        past = touches.before(before_ms)
        own = np.isin(past.stream.customers, [*customers])
        columns = (past.stream.customers, past.stream.times_ms, past.keys, past.stream.values["spend"])
        for owner, at_ms, key, spend in zip(*(column[own].tolist() for column in columns), strict=True):
            found.setdefault((owner, at_ms), {}).setdefault(family, []).append((key, spend))
    return found


def _replayed(
    online: OnlineFeatures, codec: StateCodec, events: Sequence[StreamEvent], seed: int
) -> FeatureState:
    """Count events in disorder, in batches of 1 to 20, through the bytes of the store each time."""
    random = np.random.default_rng(seed)
    order = [events[place] for place in random.permutation(len(events))]
    stored = codec.encode(online.empty)
    while order:
        size = int(random.integers(1, 21))
        batch, order = order[:size], order[size:]
        stored = codec.encode(online.with_events(codec.decode(*stored), batch))
    return codec.decode(*stored)


@pytest.mark.parametrize("now_ms", MOMENTS)
def test_every_households_state_says_what_its_snapshot_says(
    journey: CompleteJourney, spec: FeatureSpec, engine: SnapshotEngine, now_ms: int
) -> None:
    online = OnlineFeatures(spec)
    states = list(online.from_snapshot(journey.log, now_ms))
    snapshot = engine.snapshot(now_ms)
    values = np.array([online.values(state, now_ms) for state in states])
    _assert_features_equal(spec, values, _offline(spec, journey.log, now_ms))
    for state, customer in zip(states, snapshot, strict=True):
        _assert_counters_equal(state.counters, customer.counters)
        features = online.features(state, now_ms)
        np.testing.assert_allclose(features.vector, customer.vector, rtol=2**-23)


def test_households_replayed_event_by_event_say_it_too(
    journey: CompleteJourney, spec: FeatureSpec, engine: SnapshotEngine
) -> None:
    online = OnlineFeatures(spec)
    codec = StateCodec(online, journey.log.keys, b"epoch--1")
    sample = range(0, len(journey.log.customers), EVERY)
    for now_ms in MOMENTS:
        events = _events(journey.log, {*sample}, now_ms)
        snapshot = engine.snapshot(now_ms)
        replayed = [_replayed(online, codec, events.get(customer, []), customer) for customer in sample]
        values = np.array([online.values(state, now_ms) for state in replayed])
        _assert_features_equal(spec, values, _offline(spec, journey.log, now_ms)[sample])
        for customer, state in zip(sample, replayed, strict=True):
            _assert_counters_equal(state.counters, snapshot[customer].counters)


def test_a_state_of_the_morning_is_right_long_after_without_any_event(
    journey: CompleteJourney, spec: FeatureSpec
) -> None:
    online = OnlineFeatures(spec)
    log = journey.log.before(MORNING)
    states = list(online.from_snapshot(log, MORNING))
    for days in (0.5, 27, 28, 91, 400):
        now_ms = MORNING + round(days * DAY_MS)
        values = np.array([online.values(state, now_ms) for state in states])
        _assert_features_equal(spec, values, _offline(spec, log, now_ms))


def test_a_typical_households_features_and_counters_fit_their_bytes(
    journey: CompleteJourney, grocery_spec: FeatureSpec
) -> None:
    online = OnlineFeatures(grocery_spec)
    codec = StateCodec(online, journey.log.keys, b"epoch--1")
    sizes = []
    for state in online.from_snapshot(journey.log, MORNING):
        blobs = codec.encode(state)
        sizes.append(sum(map(len, blobs)))
        read = codec.decode(*blobs)
        assert read.tallies == state.tallies
        _assert_counters_equal(read.counters, state.counters)
    assert len(sizes) == 2_469
    assert np.median(sizes) <= BUDGET_BYTES
