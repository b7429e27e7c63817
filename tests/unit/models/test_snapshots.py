import math
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_world import AFFINITIES, FEATURES, KEYS, Visit, build_log

from nextbest_models.affinity import AffinityKeys
from nextbest_models.definitions import DAY_MS
from nextbest_models.features import FeatureSpec
from nextbest_models.history import EventLog, HistoryError, Stream, Touches
from nextbest_models.snapshot import Snapshot, SnapshotEngine

SPEC = FeatureSpec.from_declarations(AFFINITIES, FEATURES)
AS_OF = 19_000 * DAY_MS
ALL_KEYS = [(family, key) for family, key in KEYS.to_plain()]

_spend = st.dictionaries(
    st.sampled_from(ALL_KEYS),
    st.floats(0, 100, allow_nan=False).map(lambda value: round(value, 2)),
    max_size=4,
)


def _visits(earliest: int, latest: int) -> st.SearchStrategy[list[Visit]]:
    visit = st.builds(Visit, st.integers(0, 2), st.integers(earliest, latest), _spend)
    return st.lists(visit, max_size=12)


def _snapshot(visits: Sequence[Visit], as_of_ms: int = AS_OF) -> Snapshot:
    return SnapshotEngine(SPEC, build_log(visits)).snapshot(as_of_ms)


def _recounted_vector(visits: Sequence[Visit], customer: int) -> list[float]:
    """The customer's features by plain arithmetic."""
    own = [visit for visit in visits if visit.customer == customer and visit.at_ms < AS_OF]
    ages = [(AS_OF - visit.at_ms) / DAY_MS for visit in own]
    spends = [sum(visit.spend.values()) for visit in own]
    fading = [0.5 ** (age / 10) for age in ages]
    decayed = sum(spend * weight for spend, weight in zip(spends, fading, strict=True))
    return [
        float(sum(age <= 7 for age in ages)),
        sum(spends),
        min(ages, default=math.nan),
        sum(fading),
        decayed,
        decayed / sum(fading) if sum(fading) else -1.0,
    ]


def _recounted_counters(visits: Sequence[Visit], customer: int) -> list[tuple[int, int, int, int]]:
    """The customer's counters by plain arithmetic: key id, count, last day, total in units."""
    unit = {"product": 0.5, "colour": 1.0}
    rows: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for visit in visits:
        if visit.customer == customer and visit.at_ms < AS_OF:
            for (family, key), amount in visit.spend.items():
                units = round(amount / unit[family])
                rows[ALL_KEYS.index((family, key))].append((visit.at_ms // DAY_MS, units))
    return [
        (key, len(found), max(day for day, _ in found), sum(units for _, units in found))
        for key, found in sorted(rows.items())
    ]


@settings(max_examples=60, deadline=None)
@given(past=_visits(AS_OF - 40 * DAY_MS, AS_OF - 1), future=_visits(AS_OF, AS_OF + 40 * DAY_MS))
def test_nothing_at_or_after_the_moment_changes_a_snapshot(past: list[Visit], future: list[Visit]) -> None:
    alone, both = _snapshot(past), _snapshot([*past, *future])
    np.testing.assert_array_equal(alone.vectors, both.vectors)
    np.testing.assert_array_equal(alone.bounds, both.bounds)
    np.testing.assert_array_equal(alone.counters.ids, both.counters.ids)
    for one, other in zip(alone.counters.statistics, both.counters.statistics, strict=True):
        np.testing.assert_array_equal(one, other)


@settings(max_examples=60, deadline=None)
@given(visits=_visits(AS_OF - 40 * DAY_MS, AS_OF + 5 * DAY_MS))
def test_a_snapshot_is_what_plain_counting_gives(visits: list[Visit]) -> None:
    snapshot = _snapshot(visits)
    for number, state in enumerate(snapshot):
        expected = _recounted_vector(visits, number)
        np.testing.assert_allclose(state.vector, np.array(expected, dtype=np.float32), rtol=1e-6, atol=1e-30)
        columns = (state.counters.ids, *state.counters.statistics)
        rows = list(zip(*(column.tolist() for column in columns), strict=True))
        assert rows == _recounted_counters(visits, number)
        assert state.as_of_ms == AS_OF


def test_the_last_millisecond_before_counts_and_the_moment_itself_does_not() -> None:
    visits = [Visit(0, AS_OF - 1, {}), Visit(0, AS_OF, {}), Visit(1, AS_OF, {})]
    assert _snapshot(visits).vectors[:2, 0].tolist() == [1.0, 0.0]


def test_a_window_reaches_back_to_its_very_beginning() -> None:
    visits = [Visit(0, AS_OF - 7 * DAY_MS, {}), Visit(1, AS_OF - 7 * DAY_MS - 1, {})]
    assert _snapshot(visits).vectors[:2, 0].tolist() == [1.0, 0.0]


def test_counts_and_totals_stay_at_what_their_bytes_hold() -> None:
    visits = [Visit(0, AS_OF - 1 - number, {("product", "p0"): 1e6}) for number in range(3)]
    assert _snapshot(visits)[0].counters.totals.tolist() == [65_535]


def test_a_log_without_the_stream_of_a_feature_is_refused() -> None:
    log = build_log([])
    with pytest.raises(HistoryError, match="no 'visits'"):
        SnapshotEngine(SPEC, EventLog(log.customers, {}, log.touches, KEYS))


def test_a_log_without_a_family_is_refused() -> None:
    log = build_log([])
    with pytest.raises(HistoryError, match="affinity family 'colour'"):
        SnapshotEngine(SPEC, EventLog(log.customers, log.streams, {"product": log.touches["product"]}, KEYS))


def test_a_stream_without_a_needed_value_is_refused() -> None:
    log = build_log([])
    nothing = np.empty(0, dtype=np.int64)
    bare = EventLog(log.customers, {"visits": Stream(nothing, nothing, {})}, log.touches, KEYS)
    with pytest.raises(HistoryError, match="'spend' needs the value 'spend'"):
        SnapshotEngine(SPEC, bare)


def test_events_out_of_order_are_refused() -> None:
    with pytest.raises(HistoryError, match="ascending order"):
        Stream(np.array([0, 0]), np.array([2, 1]), {})


def test_columns_of_different_lengths_are_refused() -> None:
    with pytest.raises(HistoryError, match="differ in length"):
        Touches(Stream(np.array([0, 0]), np.array([1, 2]), {}), np.array([0]))


def test_events_in_any_order_can_be_sorted() -> None:
    stream = Stream.sorted(np.array([0, 1, 2]), np.array([5, 3, 4]), {"spend": np.array([1.0, 2.0, 3.0])})
    assert stream.customers.tolist() == [1, 2, 0]
    assert stream.values["spend"].tolist() == [2.0, 3.0, 1.0]


def test_a_log_cut_at_a_moment_keeps_only_what_was_before() -> None:
    log = build_log([Visit(0, 10, {("colour", "red"): 1.0}), Visit(1, 20, {("colour", "red"): 1.0})]).before(
        20
    )
    assert len(log.streams["visits"]) == 1
    assert log.touches["colour"].keys.tolist() == [2]


def test_features_without_families_or_customers_part_still_snapshot() -> None:
    spec = FeatureSpec.from_declarations([], [FEATURES[6]])
    snapshot = SnapshotEngine(spec, EventLog(["one"], {}, {}, AffinityKeys())).snapshot(AS_OF)
    assert snapshot.vectors.shape == (1, 0)
    assert len(snapshot[0].counters.ids) == 0
