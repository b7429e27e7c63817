"""Calibration curves: fitted to what is known to be true, and never at the cost of the model's order."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nextbest_models.calibrating import CalibrationPlan, calibration_of, fit_by_type, isotonic, platt
from nextbest_models.calibration import (
    FAR,
    NOT_CALIBRATED,
    Calibration,
    CalibrationError,
    Curve,
    Floats,
    Method,
    log_odds,
    probability,
    read_calibration,
    write_calibration,
)
from nextbest_models.evaluation import calibration_bins, expected_calibration_error
from nextbest_models.reliability import calibrated, reliability_by_type
from nextbest_models.scoring.curves import Curves
from nextbest_models.scoring.links import LogisticLink

PLAN = CalibrationPlan(platt_from=20, isotonic_from=500, block=10)


def wrong_scores(rows: int, seed: int, slope: float = 0.5, offset: float = -1.0) -> tuple[np.ndarray, Floats]:
    """Return outcomes, and scores whose log-odds come true as slope * log-odds + offset."""
    generator = np.random.default_rng(seed)
    odds = generator.normal(-1.0, 1.5, rows)
    return generator.random(rows) < probability(slope * odds + offset), probability(odds)


def error(positive: np.ndarray, scores: Floats) -> float:
    return expected_calibration_error(calibration_bins(positive, scores))


def loss(odds: Floats, targets: Floats) -> float:
    return float(np.sum(np.logaddexp(0.0, odds) - targets * odds))


def test_platt_finds_the_line_that_the_outcomes_were_made_with() -> None:
    curve = platt(*wrong_scores(200_000, 1))
    assert curve is not None
    assert curve.apply(np.array([0.0, 1.0])).tolist() == pytest.approx([-1.0, -0.5], abs=0.03)


def test_no_other_line_has_a_smaller_loss_over_platts_targets() -> None:
    positive, scores = wrong_scores(300, 2)
    curve = platt(positive, scores)
    assert curve is not None
    hits, misses = positive.sum(), (~positive).sum()
    targets = np.where(positive, (hits + 1) / (hits + 2), 1 / (misses + 2))
    x = log_odds(scores)
    best, offset = loss(curve.apply(x), targets), curve.apply(np.array([0.0]))[0]
    slope = curve.apply(np.array([1.0]))[0] - offset
    for slope_step, offset_step in ((1e-3, 0), (-1e-3, 0), (0, 1e-3), (0, -1e-3)):
        assert best < loss((slope + slope_step) * x + offset + offset_step, targets)


def test_platt_gives_up_where_higher_scores_come_true_less_often() -> None:
    positive, scores = wrong_scores(2_000, 3)
    assert platt(positive, 1.0 - scores) is None
    fitted = fit_by_type(positive, 1.0 - scores, np.full(2_000, "OFFER"), PLAN)["OFFER"]
    assert (fitted.curve, fitted.why_not) == (None, "higher scores did not come true more often")


def plainly_pooled(values: Sequence[float], weights: Sequence[float]) -> list[float]:
    """Return the isotonic fit by its definition: the greatest lower mean of all upper neighbourhoods."""
    size = len(values)
    return [
        max(
            min(
                np.average(values[start : end + 1], weights=weights[start : end + 1])
                for end in range(place, size)
            )
            for start in range(place + 1)
        )
        for place in range(size)
    ]


@given(st.lists(st.tuples(st.integers(1, 9), st.booleans()), min_size=1, max_size=60))
def test_isotonic_regression_is_the_one_of_the_definition(rows: list[tuple[int, bool]]) -> None:
    levels = {score for score, _ in rows}
    rows = [*rows, *((score, hit) for score in levels for hit in (True, False))]  # no rate is 0 or 1
    scores, positive = np.array([score / 10 for score, _ in rows]), np.array([hit for _, hit in rows])
    place = np.unique(scores, return_inverse=True)[1]
    sizes = np.bincount(place)
    rates = plainly_pooled((np.bincount(place, positive) / sizes).tolist(), sizes.tolist())
    curve = isotonic(positive, scores, block=1)
    found = rates[:1] if curve is None else probability(curve.values[1:-1]).tolist()
    assert found == pytest.approx(sorted({round(rate, 12) for rate in rates}))


@given(st.integers(0, 10_000), st.integers(1, 40), st.integers(100, 3_000))
def test_no_curve_changes_the_order_of_scores_or_reaches_0_or_1(seed: int, block: int, rows: int) -> None:
    positive, scores = wrong_scores(rows, seed)
    asked = np.unique(np.concatenate([scores, np.linspace(1e-6, 1 - 1e-6, 1_001)]).round(9))
    for curve in (isotonic(positive, scores, block), platt(positive, scores)):
        if curve is not None:
            found = probability(curve.apply(log_odds(asked)))
            assert np.all(np.diff(found) > 0)
            assert found[0] > 0
            assert found[-1] < 1


def test_equal_rates_keep_apart_what_the_model_told_apart() -> None:
    positive, scores = np.tile([False, True], 500), np.linspace(0.01, 0.9, 1_000)
    positive[500:] = True
    positive[900:910] = False
    curve = isotonic(positive, scores, 10)
    assert curve is not None
    assert len(curve.knots) < 10
    assert np.all(np.diff(curve.apply(log_odds(scores))) > 0)


def test_every_knot_rests_on_enough_rows_of_either_outcome() -> None:
    positive, scores = wrong_scores(5_000, 4)
    few, many = isotonic(positive, scores, 5), isotonic(positive, scores, 200)
    assert few is not None
    assert many is not None
    assert 4 <= len(many.knots) <= positive.sum() // 200 + 2 < len(few.knots)


def test_a_calibrated_period_that_nobody_fitted_comes_true() -> None:
    for rows, method in ((40_000, Method.ISOTONIC), (600, Method.PLATT)):
        fits = fit_by_type(*wrong_scores(rows, 5), np.full(rows, "OFFER"), PLAN)
        curve = fits["OFFER"].curve
        assert curve is not None
        assert curve.method is method
        positive, scores = wrong_scores(40_000, 6)
        found = reliability_by_type(positive, scores, np.full(40_000, "OFFER"), fits)["OFFER"]
        assert (found.error_before, found.method) == (error(positive, scores), method.value)
        assert found.error_after < found.error_before / 4


def test_a_type_with_too_few_outcomes_keeps_its_scores_and_says_so() -> None:
    positive, scores = wrong_scores(1_000, 7)
    types = np.where(np.arange(1_000) < 970, "OFFER", "SERVICE")
    positive[970:] = False
    fits = fit_by_type(positive, scores, types, PLAN)
    assert fits["SERVICE"].why_not == "0 rows of the rarer outcome, 20 needed"
    probabilities = calibrated(scores, types, fits)
    assert np.array_equal(probabilities[970:], scores[970:])
    assert not np.any(probabilities[:970] == scores[:970])
    assert reliability_by_type(positive, scores, types, fits)["SERVICE"].method == "none"


def test_each_type_has_its_own_curve_and_unknown_types_none() -> None:
    twice = Curve(Method.PLATT, np.array([-35.0, 35.0]), np.array([-70.0, 70.0]))
    lower = Curve(Method.PLATT, np.array([-35.0, 35.0]), np.array([-36.0, 34.0]))
    calibration = Calibration({"OFFER": twice, "SERVICE": lower})
    codes = calibration.codes(["SERVICE", "OFFER", "INFORMATION", "OFFER"])
    assert codes.dtype == np.int8
    found = log_odds(calibration.apply(probability(np.array([3.0, 3.0, 3.0, -0.5])), codes))
    assert found.tolist() == pytest.approx([2.0, 6.0, 3.0, -1.0])


def test_without_curves_not_a_bit_of_a_score_changes() -> None:
    scores = np.random.default_rng(8).random(50)
    assert NOT_CALIBRATED.apply(scores, NOT_CALIBRATED.codes(["OFFER"] * 50)).tolist() == scores.tolist()


def test_certain_scores_become_probabilities_inside_0_and_1() -> None:
    twice = Curve(Method.PLATT, np.array([-35.0, 35.0]), np.array([-70.0, 70.0]))
    calibration = Calibration({"OFFER": twice})
    found = calibration.apply(np.array([0.0, 1.0]), calibration.codes(["OFFER"] * 2))
    assert np.all((found > 0) & (found < 1))


def test_a_calibration_is_read_back_to_the_last_bit() -> None:
    fits = fit_by_type(*wrong_scores(9_000, 9), np.repeat(["OFFER", "SERVICE"], [8_700, 300]), PLAN)
    written = calibration_of(fits)
    read = read_calibration(write_calibration(written))
    assert {kind: curve.method for kind, curve in read.curves.items()} == {
        "OFFER": Method.ISOTONIC,
        "SERVICE": Method.PLATT,
    }
    for kind, curve in written.curves.items():
        assert curve.knots.tolist() == read.curves[kind].knots.tolist()
        assert curve.values.tolist() == read.curves[kind].values.tolist()


@pytest.mark.parametrize(
    ("knots", "values", "message"),
    [
        ("[-35, 35]", "[1, 0]", "does not ascend"),
        ("[-35, 0, 0, 35]", "[-1, 0, 1, 2]", "does not ascend"),
        ("[-35]", "[0]", "does not cover all scores"),
        ("[]", "[]", "does not cover all scores"),
        ("[-34, 35]", "[-1, 1]", "does not cover all scores"),
        ("[-35, 34]", "[-1, 1]", "does not cover all scores"),
        ("[-35, 35]", "[0, 1, 2]", "does not cover all scores"),
        ('["a", 35]', "[0, 1]", "cannot be read"),
        ("[-35, 35]", "[0, null]", "cannot be read"),
    ],
)
def test_a_curve_that_would_spoil_the_order_is_refused(knots: str, values: str, message: str) -> None:
    curve = f'{{"method": "platt", "knots": {knots}, "values": {values}}}'
    with pytest.raises(CalibrationError, match=message):
        read_calibration(f'{{"curves": {{"OFFER": {curve}}}}}'.encode())


@settings(deadline=None)
@given(st.lists(st.floats(-60.0, 60.0) | st.sampled_from([-1.0, 0.0, 2.0, 40.0]), max_size=30), st.data())
def test_compiled_curves_give_the_probabilities_of_the_plain_ones(
    raw: list[float], data: st.DataObject
) -> None:
    """From raw scores and from scores, and numpy says the same but for how exact its log and exp are."""
    knots, values = np.array([-FAR, -1.0, 0.0, 2.0, FAR]), np.array([-50.0, -2.5, -0.3, 0.1, 60.0])
    isotonic_one = Curve(Method.ISOTONIC, knots, values)
    straight_one = Curve(Method.PLATT, np.array([-FAR, FAR]), np.array([-31.0, 20.0]))
    calibration = Calibration({"OFFER": isotonic_one, "SERVICE": straight_one})
    compiled, link = Curves.of(calibration), LogisticLink(0.7, 2.0)
    kinds = data.draw(st.lists(st.sampled_from(["OFFER", "SERVICE", "OTHER"]), min_size=5, max_size=5))
    rows = np.array(data.draw(st.lists(st.integers(0, 4), min_size=len(raw), max_size=len(raw))), np.intp)
    codes, odds = calibration.codes(kinds), np.array(raw, dtype=np.float64)
    found, sound = compiled.of_raw(odds, link, codes, rows)
    scores = link.propensities(odds)
    assert sound
    assert found.tobytes() == compiled.apply(scores, codes[rows]).tobytes()
    np.testing.assert_allclose(found, calibration.apply(scores, codes[rows]), rtol=1e-12)


def test_compiled_curves_tell_of_a_score_that_is_no_probability() -> None:
    curves, codes = Curves.of(NOT_CALIBRATED), np.array([-1, -1], dtype=np.int8)
    assert curves.of_raw(np.array([0.0, np.nan]), LogisticLink(1.0, 1.0), codes, np.array([0, 1]))[1] is False
