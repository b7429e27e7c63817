"""Features event by event: the same as from the log, whatever the order, the batches and the portions."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
from busy_world import (
    AS_OF,
    HOUR_MS,
    KEYS,
    NAMES,
    SPEC,
    TAKEN_BACK,
    counter_rows,
    histories,
    log_of,
    mail,
    recounted,
    visit,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from nextbest_models.columns import customer_columns
from nextbest_models.definitions import DAY_MS
from nextbest_models.history import EventLog, HistoryError
from nextbest_models.online import Affinity, FeatureState, OnlineFeatures, StreamEvent, text_number
from nextbest_models.snapshot import SnapshotEngine

ONLINE = OnlineFeatures(SPEC)
MOMENTS = (AS_OF, AS_OF + 1, AS_OF + 3 * DAY_MS, AS_OF + 100 * 365 * DAY_MS)


def _state(events: Sequence[StreamEvent]) -> FeatureState:
    return ONLINE.with_events(ONLINE.empty, events)


def _value(state: FeatureState, name: str, now_ms: int = AS_OF) -> float:
    return ONLINE.values(state, now_ms)[NAMES.index(name)]


def _assert_same(one: FeatureState, other: FeatureState, names: Sequence[str] = NAMES) -> None:
    places = [NAMES.index(name) for name in names]
    for now_ms in MOMENTS:
        values = [np.array(ONLINE.values(state, now_ms))[places] for state in (one, other)]
        np.testing.assert_allclose(*values, rtol=1e-9, atol=1e-9)


@settings(max_examples=80, deadline=None)
@given(own=histories(), others=histories())
def test_the_log_the_events_and_plain_loops_give_the_same_features(
    own: list[StreamEvent], others: list[StreamEvent]
) -> None:
    log = log_of([own, others])
    for now_ms in (AS_OF, AS_OF + 6 * HOUR_MS, AS_OF + 20 * DAY_MS):
        columns = customer_columns(SPEC, log, now_ms)
        expected = recounted(own, now_ms)
        assert tuple(expected) == NAMES
        np.testing.assert_allclose([columns[name][0] for name in NAMES], [*expected.values()], rtol=1e-9)
        np.testing.assert_allclose(ONLINE.values(_state(own), now_ms), [*expected.values()], rtol=1e-9)


@settings(max_examples=40, deadline=None)
@given(own=histories(), others=histories())
def test_a_state_from_the_log_is_the_state_after_all_its_events(
    own: list[StreamEvent], others: list[StreamEvent]
) -> None:
    log = log_of([own, others, []])
    snapshot = SnapshotEngine(SPEC, log).snapshot(AS_OF)
    made = list(ONLINE.from_snapshot(log, AS_OF))
    for customer, (state, history) in enumerate(zip(made, (own, others, []), strict=True)):
        counted = ONLINE.trimmed(_state(history), AS_OF)
        assert counter_rows(state) == counter_rows(counted)
        for one, other in zip(state.tallies[0].streams, counted.tallies[0].streams, strict=True):
            assert (one.events, one.first_ms, one.last_ms) == (other.events, other.first_ms, other.last_ms)
            assert sorted(one.times_ms) == sorted(other.times_ms)
            assert one.marks == other.marks
            np.testing.assert_allclose(one.decays, other.decays, rtol=1e-12)
        _assert_same(state, counted)
        features = ONLINE.features(state, AS_OF)
        np.testing.assert_allclose(features.vector, snapshot[customer].vector, rtol=2e-7)
        assert features.vector.dtype == np.float32
        assert features.as_of_ms == AS_OF
        rows = (snapshot[customer].counters.ids, *snapshot[customer].counters.statistics)
        assert counter_rows(state) == list(zip(*(row.tolist() for row in rows), strict=True))


def test_a_log_without_what_features_are_defined_on_makes_no_states() -> None:
    log = log_of([[]])
    with pytest.raises(HistoryError, match="no 'mails'"):
        next(
            ONLINE.from_snapshot(EventLog(["0"], {"visits": log.streams["visits"]}, log.touches, KEYS), AS_OF)
        )


@settings(max_examples=60, deadline=None)
@given(events=histories(), data=st.data())
def test_the_order_and_the_batches_of_events_do_not_matter(
    events: list[StreamEvent], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(events))
    cut = data.draw(st.integers(0, len(events)))
    one_by_one = ONLINE.empty
    for event in shuffled[:cut]:
        one_by_one = ONLINE.with_events(one_by_one, [event])
    later = ONLINE.with_events(one_by_one, shuffled[cut:])
    _assert_same(later, _state(events))
    assert counter_rows(later) == counter_rows(_state(events))


@settings(max_examples=60, deadline=None)
@given(kept=histories(), gone=histories(longest=5))
def test_events_taken_back_leave_what_was_there_before(
    kept: list[StreamEvent], gone: list[StreamEvent]
) -> None:
    back = ONLINE.without_events(_state([*kept, *gone]), gone)
    _assert_same(back, _state(kept), TAKEN_BACK)
    assert [(row[0], row[1], row[3]) for row in counter_rows(back)] == [
        (row[0], row[1], row[3]) for row in counter_rows(_state(kept))
    ]


def test_nothing_is_left_of_a_stream_when_its_last_event_is_taken_back() -> None:
    events = [visit(AS_OF - DAY_MS, 3.3, 1, 0), visit(AS_OF - 2 * DAY_MS, 0.1, 2, 2)]
    emptied = ONLINE.without_events(_state(events), events)
    assert emptied.tallies == ONLINE.empty.tallies
    assert counter_rows(emptied) == []


def test_the_newest_event_taken_back_leaves_its_moment() -> None:
    old, new = visit(AS_OF - 5 * DAY_MS, 1.0, 1, 0), visit(AS_OF - DAY_MS, 1.0, 1, 0)
    back = ONLINE.without_events(_state([old, new]), [new])
    assert _value(back, "days_since") == 1.0
    assert counter_rows(back) == [(0, 1, (AS_OF - DAY_MS) // DAY_MS, 2)]


@settings(max_examples=60, deadline=None)
@given(events=histories(), data=st.data())
def test_the_portions_of_a_person_add_up_to_the_whole(events: list[StreamEvent], data: st.DataObject) -> None:
    places = data.draw(st.lists(st.integers(0, 3), min_size=len(events), max_size=len(events)))
    portions = [
        _state([event for event, place in zip(events, places, strict=True) if place == number])
        for number in range(4)
    ]
    folded = ONLINE.folded(data.draw(st.permutations(portions)))
    _assert_same(folded, _state(events))
    assert counter_rows(folded) == counter_rows(_state(events))


def test_nobody_at_all_is_an_empty_person() -> None:
    assert ONLINE.folded([]).tallies == ONLINE.empty.tallies
    assert ONLINE.folded([ONLINE.empty]) is ONLINE.empty


@settings(max_examples=40, deadline=None)
@given(events=histories())
def test_trimming_changes_no_feature_from_then_on(events: list[StreamEvent]) -> None:
    _assert_same(ONLINE.trimmed(_state(events), AS_OF), _state(events))
    much_later = ONLINE.trimmed(_state(events), AS_OF + 91 * DAY_MS)
    assert all(stream.times_ms == () for stream in much_later.tallies[0].streams)


def test_trimming_keeps_what_is_exactly_as_old_as_the_longest_window() -> None:
    oldest = AS_OF - 30 * DAY_MS
    kept = ONLINE.trimmed(_state([visit(oldest, 2.0, None, 0), visit(oldest - 1, 1.0, None, 2)]), AS_OF)
    assert (_value(kept, "spend_30d"), _value(kept, "products_30d")) == (2.0, 1.0)
    visits = kept.tallies[0].streams[1]
    assert visits.times_ms == (oldest,)
    assert visits.marks[1] == {0: oldest}
    log = log_of([[visit(oldest, 2.0, None, 0), visit(oldest - 1, 1.0, None, 2)]])
    assert next(ONLINE.from_snapshot(log, AS_OF)).tallies[0].streams[1].times_ms == (oldest,)


def test_a_window_holds_its_whole_length_and_not_the_moment_itself() -> None:
    for at_ms, count in (
        (AS_OF - 12 * HOUR_MS - 1, 0.0),
        (AS_OF - 12 * HOUR_MS, 1.0),
        (AS_OF - 1, 1.0),
        (AS_OF, 0.0),
        (AS_OF + 1, 0.0),
    ):
        assert _value(_state([visit(at_ms, 1.0)]), "visits_12h") == count


@pytest.mark.parametrize(("more_ms", "pages", "days"), [(0, 1.0, 30.0), (1, 0.0, 99.0)])
def test_windows_of_different_things_and_of_recency_hold_their_whole_length_too(
    more_ms: int, pages: float, days: float
) -> None:
    page = visit(AS_OF - 7 * DAY_MS - more_ms, 1.0, 3)
    assert _value(_state([page]), "pages_7d") == pages
    assert customer_columns(SPEC, log_of([[page]]), AS_OF)["pages_7d"].tolist() == [pages]
    last = visit(AS_OF - 30 * DAY_MS - more_ms, 1.0)
    assert _value(_state([last]), "days_since_30d") == days
    assert customer_columns(SPEC, log_of([[last]]), AS_OF)["days_since_30d"].tolist() == [days]


def test_an_event_ahead_of_the_clock_is_zero_days_old_and_has_its_full_weight() -> None:
    state = _state([visit(AS_OF + 5, 1.0)])
    assert _value(state, "days_since") == 0.0
    assert _value(state, "days_known") == 0.0
    assert _value(state, "visits_now") == 1.0
    assert _value(state, "visits") == 1.0


def test_events_of_unknown_streams_and_families_change_nothing() -> None:
    strange = StreamEvent("calls", AS_OF - 1, {"spend": 3.0}, {"product": ((0, 3.0),)})
    assert _state([strange]).tallies == ONLINE.empty.tallies
    assert counter_rows(_state([strange])) == []
    other_family = StreamEvent("mails", AS_OF - 1, {}, {"product": ((0, 3.0),)})
    assert counter_rows(_state([other_family])) == []


def test_an_event_without_a_value_counts_as_nothing_spent() -> None:
    state = _state([StreamEvent("visits", AS_OF - 1, {}, {})])
    assert (_value(state, "visits"), _value(state, "spend"), _value(state, "pages")) == (1.0, 0.0, 0.0)


def test_texts_are_different_where_their_numbers_are() -> None:
    assert text_number("/cards") == text_number("/cards") != text_number("/loans")
    pages = [text_number(page) for page in ("/cards", "/loans", "/cards")]
    events = [StreamEvent("visits", AS_OF - 1 - n, {"page": page}, {}) for n, page in enumerate(pages)]
    assert _value(_state(events), "pages") == 2.0


def test_counters_stay_at_the_most_they_can_hold() -> None:
    state = _state([visit(AS_OF - 1, 40_000.0, None, 0), visit(AS_OF - 2, 40_000.0, None, 0)])
    assert counter_rows(state) == [(0, 2, (AS_OF - 1) // DAY_MS, 65_535)]
    assert counter_rows(ONLINE.folded([state, state])) == [(0, 4, (AS_OF - 1) // DAY_MS, 65_535)]


def test_key_ids_beyond_two_bytes_are_kept() -> None:
    state = _state([visit(AS_OF - 1, 1.0, None, 70_000, 3)])
    state = ONLINE.with_events(state, [visit(AS_OF - 1, 1.0, None, 70_000, 80_000)])
    assert [row[:2] for row in counter_rows(state)] == [(3, 1), (70_000, 2), (80_000, 1)]


def test_a_state_is_never_changed_by_what_comes_after_it() -> None:
    before = _state([visit(AS_OF - 5, 1.0, 1, 0)])
    values, rows = ONLINE.values(before, AS_OF), counter_rows(before)
    ONLINE.with_events(before, [visit(AS_OF - 3, 2.0, 2, 0, 2), mail(AS_OF - 2, 1, 1)])
    ONLINE.without_events(before, [visit(AS_OF - 5, 1.0, 1, 0)])
    ONLINE.with_given(before, {"visits": 7.0}, AS_OF)
    assert ONLINE.values(before, AS_OF) == values
    assert counter_rows(before) == rows


def test_the_strongest_affinities_come_by_family_with_what_they_hold() -> None:
    state = _state(
        [
            visit(AS_OF - DAY_MS, 3.0, None, 0, 2),
            visit(AS_OF - 2 * DAY_MS, 1.0, None, 2),
            mail(AS_OF - 1, 2, 1),
        ]
    )
    strongest = ONLINE.strongest(state, KEYS, 1)
    assert strongest == {
        "product": (Affinity("p1", 2, AS_OF - DAY_MS, 2.5),),
        "topic": (Affinity("t0", 1, AS_OF - DAY_MS, 2.0),),
    }
    assert [it.key for it in ONLINE.strongest(state, KEYS, 5)["product"]] == ["p1", "p0"]


def test_nothing_known_leaves_defaults_and_names_what_was_never_given() -> None:
    values = dict(zip(NAMES, ONLINE.values(ONLINE.empty, AS_OF), strict=True))
    assert math.isnan(values["days_since"])
    assert (values["visits"], values["basket"], values["risk"], values["days_since_30d"]) == (
        0.0,
        -1.0,
        0.25,
        99.0,
    )
    assert ONLINE.missing(ONLINE.empty) == ("risk",)
    assert ONLINE.as_of(ONLINE.empty) == {}
