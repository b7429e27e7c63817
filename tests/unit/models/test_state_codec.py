"""States as bytes: they read back exactly, under later specifications too, and damage is noticed."""

import contextlib
from collections.abc import Sequence

import numpy as np
import pytest
from busy_world import (
    AFFINITIES,
    AS_OF,
    IDS,
    KEYS,
    NAMES,
    SPEC,
    counter_rows,
    histories,
    mail,
    spec_of,
    visit,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from nextbest_models.affinity import MAX_COUNT, AffinityCounters
from nextbest_models.definitions import DAY_MS
from nextbest_models.features import FeatureSpec
from nextbest_models.online import FeatureState, OnlineFeatures, StreamEvent
from nextbest_models.state_codec import StateCodec, StateError, UnknownSchemaError

DICTIONARY = b"epoch--1"
ONLINE = OnlineFeatures(SPEC)
CODEC = StateCodec(ONLINE, KEYS, DICTIONARY)
EVENTS = [
    visit(AS_OF - 3 * DAY_MS, 12.5, 1, 0, 2),
    visit(AS_OF - 2 * DAY_MS, 0.0),
    visit(AS_OF - 1, 7.25, 3, 4),
    mail(AS_OF - DAY_MS, 2, 1),
]


def _state(events: Sequence[StreamEvent] = EVENTS) -> FeatureState:
    return ONLINE.with_events(ONLINE.empty, events)


def _assert_equal(one: FeatureState, other: FeatureState) -> None:
    assert one.tallies == other.tallies
    assert counter_rows(one) == counter_rows(other)


def _reader(
    names: Sequence[str], affinities: Sequence[object] = AFFINITIES
) -> tuple[OnlineFeatures, StateCodec]:
    """Return another specification's codec that has learnt this world's schema."""
    online = OnlineFeatures(spec_of(names, affinities))  # type: ignore[arg-type]
    codec = StateCodec(online, KEYS, DICTIONARY)
    codec.learn(CODEC.schema)
    return online, codec


def _values(online: OnlineFeatures, state: FeatureState) -> dict[str, float]:
    return dict(zip(online.spec.customer_names, online.values(state, AS_OF), strict=True))


_moments = st.sampled_from([AS_OF, AS_OF - 7 * DAY_MS, AS_OF + 10**12]) | st.integers(
    AS_OF - 65 * DAY_MS, AS_OF + 40 * DAY_MS
)
_givens = st.dictionaries(st.sampled_from(NAMES), st.floats(-1e6, 1e6), max_size=4)


@settings(max_examples=100, deadline=None)
@given(events=histories(longest=30), given_values=_givens, as_of_ms=st.integers(0, AS_OF), later=histories())
def test_a_state_reads_back_exactly(
    events: list[StreamEvent], given_values: dict[str, float], as_of_ms: int, later: list[StreamEvent]
) -> None:
    state = ONLINE.with_events(ONLINE.with_given(_state(events), given_values, as_of_ms), later)
    _assert_equal(CODEC.decode(*CODEC.encode(state)), state)
    taken_back = ONLINE.without_events(state, later)
    _assert_equal(CODEC.decode(*CODEC.encode(taken_back)), taken_back)


@settings(max_examples=150, deadline=None)
@given(events=histories(longest=40), gone=histories(longest=5), now_ms=_moments)
def test_features_straight_from_the_bytes_are_those_of_the_decoded_state_to_the_last_bit(
    events: list[StreamEvent], gone: list[StreamEvent], now_ms: int
) -> None:
    for state in (_state(events), ONLINE.without_events(_state([*events, *gone]), gone)):
        features, _ = CODEC.encode(state)
        vector = CODEC.vector(features, now_ms)
        assert (vector is None) == (not features)
        if vector is not None:
            assert vector.values.tobytes() == ONLINE.features(state, now_ms).vector.tobytes()


@pytest.mark.parametrize("days", [0, 0.5, 7, 10, 30])
@pytest.mark.parametrize("more_ms", [-1, 0, 1])
def test_windows_begin_and_end_at_the_same_millisecond_straight_from_the_bytes(
    days: float, more_ms: int
) -> None:
    state = _state([visit(AS_OF, 12.5, 1, 0), visit(AS_OF - 50 * DAY_MS, 7.25, 2, 2)])
    now_ms = AS_OF + round(days * DAY_MS) + more_ms
    vector = CODEC.vector(CODEC.encode(state)[0], now_ms)
    assert vector is not None
    assert vector.values.tobytes() == ONLINE.features(state, now_ms).vector.tobytes()


@settings(max_examples=300, deadline=None)
@given(place=st.integers(8, 200), bit=st.integers(0, 7), data=st.data())
def test_what_cannot_be_decoded_has_no_features_straight_from_the_bytes(
    place: int, bit: int, data: st.DataObject
) -> None:
    whole, _ = CODEC.encode(_state())
    changed = bytearray(whole)
    changed[place % (len(whole) - 8) + 8] ^= 1 << bit
    for rubbish in (bytes(changed), whole[:place], whole[:8] + data.draw(st.binary())):
        try:
            CODEC.tally(rubbish)
        except StateError:
            assert CODEC.vector(rubbish, AS_OF) is None


@settings(max_examples=100, deadline=None)
@given(
    events=histories(longest=20),
    value=st.floats(-1e6, 1e6),
    as_of_ms=st.integers(0, AS_OF),
    now_ms=_moments,
    others=_givens,
)
def test_what_is_only_ever_given_is_read_straight_from_the_bytes_too(
    events: list[StreamEvent], value: float, as_of_ms: int, now_ms: int, others: dict[str, float]
) -> None:
    place = ONLINE.spec.customer_names.index("risk")
    for values in ({"risk": value}, {**others, "risk": value}, others):
        state = ONLINE.with_given(_state(events), values, as_of_ms)
        vector = CODEC.vector(CODEC.encode(state)[0], now_ms)
        assert (vector is None) == ((not events and not values) or bool(values.keys() - {"risk"}))
        if vector is not None:
            assert vector.values.tobytes() == ONLINE.features(state, now_ms).vector.tobytes()
            assert vector.given_ms[place] == (as_of_ms if "risk" in values else -1)
            assert [*np.delete(vector.given_ms, place)] == [-1] * (len(vector.values) - 1)


def test_given_counts_and_other_schemas_have_to_be_decoded() -> None:
    given_one = ONLINE.with_given(_state(), {"risk": 0.5, NAMES[0]: 3.0}, AS_OF)
    assert CODEC.vector(CODEC.encode(given_one)[0], AS_OF) is None
    features, _ = CODEC.encode(_state())
    for names in (NAMES[:5], (NAMES[1], NAMES[0], *NAMES[2:])):
        _, other = _reader(names)
        assert other.vector(features, AS_OF) is None
    assert CODEC.vector(features, AS_OF) is not None


_columns = st.lists(
    st.tuples(
        st.integers(0, 100_000),
        st.integers(1, MAX_COUNT),
        st.integers(0, MAX_COUNT),
        st.integers(0, MAX_COUNT),
    ),
    min_size=1,
    unique_by=lambda row: row[0],
)


@settings(max_examples=100, deadline=None)
@given(rows=_columns)
def test_any_counters_read_back_exactly(rows: list[tuple[int, int, int, int]]) -> None:
    ids, *columns = np.array(sorted(rows)).T
    counters = AffinityCounters(ids.astype(np.uint32), *(column.astype(np.uint16) for column in columns))
    read = CODEC.decode(*CODEC.encode(FeatureState(ONLINE.empty.tallies, counters)))
    assert counter_rows(read) == sorted(rows)
    assert [column.dtype for column in read.counters.statistics] == [np.uint16] * 3
    # A state read back can be counted on.
    more = ONLINE.with_events(read, [visit(AS_OF - 1, 1.0, None, 5)])
    assert 5 in more.counters.ids


def test_the_moment_of_a_thing_reads_back_to_the_millisecond_when_its_event_is_forgotten() -> None:
    events = [visit(AS_OF - age_ms, 1.0, page) for page, age_ms in enumerate((9_000, 5_001, 1_000))]
    trimmed = ONLINE.trimmed(_state(events), AS_OF + 31 * DAY_MS)
    visits = CODEC.decode(*CODEC.encode(trimmed)).tallies[0].streams[1]
    assert visits.times_ms == ()
    assert visits.marks[0] == {0: AS_OF - 9_000, 1: AS_OF - 5_001, 2: AS_OF - 1_000}


def test_what_holds_nothing_takes_no_byte() -> None:
    assert CODEC.encode(ONLINE.empty) == (b"", b"")
    _assert_equal(CODEC.decode(b"", b""), ONLINE.empty)
    features, counters = CODEC.encode(_state([visit(AS_OF, 1.0)]))
    assert features
    assert not counters


def test_a_state_of_several_portions_is_not_written() -> None:
    with pytest.raises(ValueError, match="unpack"):
        CODEC.encode(ONLINE.folded([_state(), _state()]))


@settings(max_examples=300, deadline=None)
@given(which=st.integers(0, 1), place=st.integers(8, 200), bit=st.integers(0, 7), data=st.data())
def test_foreign_bytes_are_refused_or_read_but_never_fail_otherwise(
    which: int, place: int, bit: int, data: st.DataObject
) -> None:
    whole = CODEC.encode(_state())[which]
    changed = bytearray(whole)
    changed[place % (len(whole) - 8) + 8] ^= 1 << bit
    rubbish = data.draw(st.sampled_from([bytes(changed), whole[:place], whole[:8] + data.draw(st.binary())]))
    with contextlib.suppress(StateError):
        (CODEC.tally, CODEC.counters)[which](rubbish)


def test_bytes_too_few_or_too_many_are_refused() -> None:
    features, counters = CODEC.encode(_state())
    for blob in (*(features[:length] for length in range(8, len(features))), features + b"\0"):
        with pytest.raises(StateError, match="something else"):
            CODEC.tally(blob)
    for length in range(8, len(counters) - 1):
        with pytest.raises(StateError, match="something else"):
            CODEC.counters(counters[:length])


def test_features_and_counters_read_back_without_each_other() -> None:
    features, counters = CODEC.encode(_state())
    assert CODEC.tally(features) == _state().tallies[0]
    assert CODEC.counters(counters).ids.tolist() == [0, 1, 2, 4]
    assert CODEC.unknown_schema(features) is None
    assert CODEC.unknown_schema(b"") is None


def test_counters_of_another_dictionary_are_refused() -> None:
    other = StateCodec(ONLINE, KEYS, b"epoch--2")
    features, counters = other.encode(_state())
    assert CODEC.decode(features, b"").tallies == _state().tallies
    with pytest.raises(StateError, match="another dictionary"):
        CODEC.decode(b"", counters)


def test_a_state_of_a_schema_that_was_not_learnt_names_it() -> None:
    codec = StateCodec(OnlineFeatures(spec_of(["visits"])), KEYS, DICTIONARY)
    with pytest.raises(UnknownSchemaError) as caught:
        codec.decode(*CODEC.encode(_state()))
    assert caught.value.schema_id == CODEC.schema_id == codec.unknown_schema(CODEC.encode(_state())[0])
    codec.learn(CODEC.schema)
    codec.decode(*CODEC.encode(_state()))


@pytest.mark.parametrize("entry", [b"", b"{}", b"[]", b"\xff", b'{"streams": 3}', CODEC.schema[:-1]])
def test_a_damaged_schema_is_refused(entry: bytes) -> None:
    with pytest.raises(StateError, match="registered schema"):
        CODEC.learn(entry)


def test_a_schema_is_named_by_its_meaning() -> None:
    assert StateCodec(OnlineFeatures(spec_of()), KEYS, b"epoch--2").schema_id == CODEC.schema_id
    assert StateCodec(OnlineFeatures(spec_of(NAMES[:-1])), KEYS, DICTIONARY).schema_id != CODEC.schema_id
    assert len(CODEC.schema_id) == 8


@settings(max_examples=60, deadline=None)
@given(events=histories(), names=st.lists(st.sampled_from(NAMES[:16]), unique=True), given_values=_givens)
def test_under_fewer_features_in_another_order_each_keeps_its_value(
    events: list[StreamEvent], names: list[str], given_values: dict[str, float]
) -> None:
    state = ONLINE.with_given(_state(events), given_values, AS_OF - DAY_MS)
    online, codec = _reader(names)
    read = codec.decode(*CODEC.encode(state))
    assert _values(online, read) == pytest.approx(
        {name: value for name, value in _values(ONLINE, state).items() if name in names}, nan_ok=True
    )
    # And it goes on counting, and is written under the new schema.
    more = online.with_events(read, [visit(AS_OF - 2, 1.0, 2, *IDS["product"])])
    _assert_equal(codec.decode(*codec.encode(more)), more)


def test_a_new_feature_begins_empty_and_old_ones_keep_their_values() -> None:
    few = OnlineFeatures(spec_of(["visits", "mails"]))
    writer = StateCodec(few, KEYS, DICTIONARY)
    reader = StateCodec(ONLINE, KEYS, DICTIONARY)
    reader.learn(writer.schema)
    read = reader.decode(*writer.encode(few.with_events(few.empty, EVENTS)))
    values = _values(ONLINE, read)
    assert (values["visits"], values["mails"], values["days_since"]) == (3.0, 1.0, 1 / DAY_MS)
    assert (values["spend"], values["visits_7d"], values["pages"], values["visits_fading"]) == (0.0,) * 4
    # The first event was not kept; the newest is the oldest that is known of.
    assert values["days_known"] == 1 / DAY_MS
    assert ONLINE.missing(read) == ("risk",)


def test_a_stream_that_nobody_counts_any_more_is_dropped_and_a_new_one_begins_empty() -> None:
    mails = OnlineFeatures(spec_of(["mails"], AFFINITIES[1:]))
    codec = StateCodec(mails, KEYS, DICTIONARY)
    codec.learn(CODEC.schema)
    read = codec.decode(*CODEC.encode(_state()))
    assert [layout.name for layout in mails.layouts] == ["mails"]
    assert _values(mails, read) == {"mails": 1.0}
    back = StateCodec(ONLINE, KEYS, DICTIONARY)
    back.learn(codec.schema)
    assert _values(ONLINE, back.decode(*codec.encode(read)))["visits"] == 0.0


def test_a_feature_that_means_something_else_is_not_taken_for_its_namesake() -> None:
    declared = [
        {"name": "risk", "source": "customer", "definition": {"external": True}, "default": 0.0},
        {"name": "spend", "source": "customer", "definition": {"external": True}, "default": 0.0},
    ]
    other = OnlineFeatures(FeatureSpec.from_declarations([], declared))
    codec = StateCodec(other, KEYS, DICTIONARY)
    codec.learn(CODEC.schema)
    state = ONLINE.with_given(_state(), {"risk": 0.75, "spend": 9.0}, AS_OF)
    assert _values(other, codec.decode(CODEC.encode(state)[0], b"")) == {"risk": 0.75, "spend": 0.0}


def test_counters_of_a_changed_family_are_dropped_and_others_stay() -> None:
    coarser = [
        {**AFFINITIES[0], "definition": {"of": "visits", "value": "spend", "unit": 2.0}},
        AFFINITIES[1],
    ]
    _, codec = _reader(NAMES, coarser)
    read = codec.decode(*CODEC.encode(_state()))
    assert [row[0] for row in counter_rows(_state())] == [0, 1, 2, 4]
    assert [row[0] for row in counter_rows(read)] == [1]
    assert codec.decode(*codec.encode(read)).counters.ids.tolist() == [1]


def test_counters_survive_a_family_more_and_a_change_of_features() -> None:
    third = {"family": "brand", "definition": {"of": "mails", "value": "clicks", "unit": 1.0}}
    _, codec = _reader(NAMES[:3], [third, *AFFINITIES])
    assert counter_rows(codec.decode(*CODEC.encode(_state()))) == counter_rows(_state())


def test_amounts_of_money_in_a_window_take_few_bytes() -> None:
    one_by_one = [visit(AS_OF - number * DAY_MS, 10 + number / 100) for number in range(1, 25)]
    size = len(CODEC.encode(_state(one_by_one))[0])
    odd = [visit(event.time_ms, event.values["spend"] + 1e-9) for event in one_by_one]
    assert size < len(CODEC.encode(_state(odd))[0]) - 24 * 4
