"""Values computed elsewhere: they stand as of their moment, and events after it count on top."""

import math
from collections.abc import Sequence

import pytest
from busy_world import AS_OF, HOUR_MS, NAMES, SPEC, mail, visit

from nextbest_models.definitions import DAY_MS
from nextbest_models.online import FeatureState, GivenValueError, OnlineFeatures, StreamEvent

ONLINE = OnlineFeatures(SPEC)
NIGHT = AS_OF - DAY_MS
"""The warehouse's moment."""
BEFORE, AFTER = visit(NIGHT - HOUR_MS, 10.0, 1, 0), visit(NIGHT + HOUR_MS, 5.0, 2, 0)
LATE = visit(NIGHT - 2 * HOUR_MS, 100.0, 3, 2)


def _given(values: dict[str, float], *events: StreamEvent, as_of_ms: int = NIGHT) -> FeatureState:
    return ONLINE.with_given(ONLINE.with_events(ONLINE.empty, events), values, as_of_ms)


def _value(state: FeatureState, name: str, now_ms: int = AS_OF) -> float:
    return ONLINE.values(state, now_ms)[NAMES.index(name)]


def _fading(age_ms: int, half_life_ms: int = 10 * DAY_MS) -> float:
    return 0.5 ** (age_ms / half_life_ms)


@pytest.mark.parametrize(
    ("name", "given", "alone", "with_after"),
    [
        ("visits", 40.0, 40.0, 41.0),
        ("spend", 40.0, 40.0, 45.0),
        ("visits_7d", 40.0, 40.0, 41.0),
        ("spend_30d", 40.0, 40.0, 45.0),
        ("visits_fading", 40.0, 40.0 * _fading(DAY_MS), 40.0 * _fading(DAY_MS) + _fading(23 * HOUR_MS)),
        ("spend_fading", 40.0, 40.0 * _fading(DAY_MS), 40.0 * _fading(DAY_MS) + 5.0 * _fading(23 * HOUR_MS)),
        ("days_since", 3.0, 4.0, 23 / 24),
        ("days_since_30d", 3.0, 4.0, 23 / 24),
        ("days_known", 3.0, 4.0, 4.0),
        ("pages", 4.0, 4.0, 4.0),
        ("basket", 40.0, 40.0, 7.5),
        ("engagement", 40.0, 40.0, 2.0),
        ("risk", 0.9, 0.9, 0.9),
    ],
)
@pytest.mark.parametrize("order", ["before it is given", "after it is given"])
def test_events_until_a_given_value_are_in_it_and_later_ones_come_on_top(
    name: str, given: float, alone: float, with_after: float, order: str
) -> None:
    early = [BEFORE] if order == "before it is given" else []
    state = _given({name: given}, *early)
    if not early:
        state = ONLINE.with_events(state, [BEFORE])
    assert _value(state, name) == pytest.approx(alone, rel=1e-12)
    after = ONLINE.with_events(state, [AFTER])
    assert _value(after, name) == pytest.approx(with_after, rel=1e-12)
    assert ONLINE.values(ONLINE.without_events(after, [AFTER]), AS_OF)[0] == ONLINE.values(state, AS_OF)[0]


@pytest.mark.parametrize(
    "name", ["visits", "spend", "visits_fading", "spend_fading", "visits_now", "visits_7d"]
)
def test_events_counted_before_the_value_came_in_still_come_on_top(name: str) -> None:
    told_later = ONLINE.with_events(_given({name: 40.0}, BEFORE), [AFTER])
    counted_before = ONLINE.with_given(
        ONLINE.with_events(ONLINE.empty, [BEFORE, AFTER]), {name: 40.0}, NIGHT, [BEFORE, AFTER]
    )
    assert _value(counted_before, name) == pytest.approx(_value(told_later, name), rel=1e-12)


def test_a_late_event_does_not_count_twice() -> None:
    for name in ("visits", "spend", "visits_7d", "spend_fading", "days_since", "days_known"):
        state = _given({name: 2.0}, BEFORE)
        assert _value(ONLINE.with_events(state, [LATE]), name) == pytest.approx(
            _value(state, name), rel=1e-12
        )


def test_a_feature_that_nobody_gave_goes_on_counting() -> None:
    state = ONLINE.with_events(_given({"visits": 40.0}, BEFORE), [AFTER])
    assert (_value(state, "visits_7d"), _value(state, "spend")) == (2.0, 15.0)
    assert _value(state, "basket") == 15.0 / 41.0


@pytest.mark.parametrize("hours", [(20, 3, 11), (3, 11, 20)])
def test_a_given_value_fades_together_with_the_events_after_it(hours: Sequence[int]) -> None:
    events = [visit(NIGHT + hour * HOUR_MS, 1.0) for hour in hours]
    state = _given({"visits_now": 8.0})
    for event in events:
        state = ONLINE.with_events(state, [event])
    half = 6 * HOUR_MS
    expected = 8.0 * _fading(DAY_MS, half) + sum(_fading(AS_OF - it.time_ms, half) for it in events)
    assert _value(state, "visits_now") == pytest.approx(expected, rel=1e-12)


def test_a_given_window_ends_when_its_moment_leaves_the_window() -> None:
    state = _given({"visits_7d": 40.0, "pages_7d": 9.0}, BEFORE)
    last = NIGHT + 7 * DAY_MS
    assert (_value(state, "visits_7d", last), _value(state, "pages_7d", last)) == (40.0, 9.0)
    assert (_value(state, "visits_7d", last + 1), _value(state, "pages_7d", last + 1)) == (0.0, 0.0)
    assert ONLINE.as_of(ONLINE.trimmed(state, last)) == {"visits_7d": NIGHT, "pages_7d": NIGHT}
    assert ONLINE.as_of(ONLINE.trimmed(state, last + 1)) == {}


def test_a_given_number_of_different_things_is_the_least() -> None:
    state = _given({"pages": 2.0}, BEFORE)
    pages = [visit(NIGHT + HOUR_MS, 1.0, page) for page in range(3)]
    assert _value(ONLINE.with_events(state, pages[:2]), "pages") == 2.0
    assert _value(ONLINE.with_events(state, pages), "pages") == 3.0
    seen_before = [visit(NIGHT - HOUR_MS, 1.0, page) for page in range(3)]
    assert _value(ONLINE.with_events(state, seen_before), "pages") == 2.0


def test_a_given_ratio_stands_until_a_part_of_it_changes() -> None:
    state = _given({"basket": 40.0}, BEFORE)
    assert ONLINE.as_of(state) == {"basket": NIGHT}
    assert _value(ONLINE.with_events(state, [LATE, mail(AS_OF - 1, 1)]), "basket") == 40.0
    changed = ONLINE.with_events(state, [AFTER])
    assert _value(changed, "basket") == 7.5
    assert ONLINE.as_of(changed) == {}
    newer_part = ONLINE.with_given(state, {"spend": 6.0}, NIGHT + 1)
    assert _value(newer_part, "basket") == 6.0
    assert ONLINE.as_of(newer_part) == {"spend": NIGHT + 1}


def test_a_ratio_given_together_with_its_parts_stands() -> None:
    state = _given({"spend": 30.0, "visits": 3.0, "basket": 40.0})
    assert _value(state, "basket") == 40.0
    assert _value(state, "worry") == 0.5 + 20.0


def test_a_score_of_scores_changes_with_the_lowest_part() -> None:
    state = _given({"worry": 5.0})
    assert _value(state, "worry") == 5.0
    assert _value(ONLINE.with_events(state, [AFTER]), "worry") == 0.5 + 2.5
    assert _value(ONLINE.with_given(state, {"risk": 1.0}, NIGHT + 1), "worry") == 2.0 - 0.5


def test_an_external_value_is_missing_until_it_is_given() -> None:
    assert ONLINE.missing(_given({"spend": 1.0})) == ("risk",)
    assert ONLINE.missing(_given({"risk": 0.0})) == ()


def test_the_values_of_several_portions_add_up_and_the_newest_opinion_counts() -> None:
    one = _given({"visits": 40.0, "visits_7d": 4.0, "risk": 0.9, "days_since": 5.0, "pages": 4.0}, BEFORE)
    other = _given({"visits": 2.0, "risk": 0.1, "days_since": 3.0}, as_of_ms=NIGHT - DAY_MS)
    third = ONLINE.with_events(ONLINE.empty, [BEFORE, AFTER])
    person = ONLINE.folded([one, other, third])
    assert _value(person, "visits") == 44.0
    assert _value(person, "visits_7d") == 6.0
    assert _value(person, "risk") == 0.9
    assert _value(person, "days_since") == 23 / 24
    assert _value(ONLINE.folded([one, other]), "days_since") == 5.0
    assert _value(person, "pages") == 4.0
    moments = {
        "visits": NIGHT - DAY_MS,
        "visits_7d": NIGHT,
        "risk": NIGHT,
        "days_since": NIGHT - DAY_MS,
        "pages": NIGHT,
    }
    assert ONLINE.as_of(person) == moments


def test_an_event_of_any_portion_ends_a_given_ratio() -> None:
    given = _given({"basket": 40.0}, BEFORE)
    other = ONLINE.with_events(ONLINE.empty, [AFTER])
    assert _value(ONLINE.folded([given, other]), "basket") == 7.5


def test_a_value_given_again_takes_the_place_of_the_first() -> None:
    state = ONLINE.with_events(_given({"visits": 40.0}), [AFTER])
    again = ONLINE.with_given(state, {"visits": 50.0}, AFTER.time_ms)
    assert _value(again, "visits") == 50.0
    assert ONLINE.as_of(again) == {"visits": AFTER.time_ms}


def test_an_emptied_stream_takes_what_it_added_to_a_given_value_with_it() -> None:
    state = ONLINE.with_events(_given({"visits": 40.0, "visits_fading": 40.0}), [AFTER])
    back = ONLINE.without_events(state, [AFTER])
    assert _value(back, "visits") == 40.0
    assert _value(back, "visits_fading") == pytest.approx(40.0 * _fading(DAY_MS), rel=1e-12)


@pytest.mark.parametrize(
    ("name", "value"), [("nonsense", 1.0), ("size", 1.0), ("risk", math.nan), ("risk", math.inf)]
)
def test_what_cannot_be_given_is_refused_without_a_word_about_the_value(name: str, value: float) -> None:
    with pytest.raises(GivenValueError, match=r"^a value is given to an unknown feature, or is not finite$"):
        ONLINE.with_given(ONLINE.empty, {name: value}, AS_OF)
