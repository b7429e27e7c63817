import math
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nextbest_models.drift import (
    MISSING,
    ColumnDrift,
    Drift,
    DriftError,
    Scored,
    Verdict,
    bin_edges,
    column_drift,
    compare,
)
from nextbest_models.drift_report import render_drift
from nextbest_models.plots import drift_plot


def test_the_index_by_hand() -> None:
    # Bins 0, 1 and missing: 6, 3, 1 of ten rows then, 2, 6, 0 of eight now, half a row added to each.
    reference = np.array([0.0] * 6 + [1.0] * 3 + [np.nan])
    current = np.array([0.0] * 2 + [1.0] * 6)
    before, after = np.array([6.5, 3.5, 1.5]) / 11.5, np.array([2.5, 6.5, 0.5]) / 9.5
    item = column_drift("flag", reference, current)
    assert item.index == pytest.approx(((after - before) * np.log(after / before)).sum())
    assert [portion.label for portion in item.portions] == ["up to 0", "above 0", MISSING]
    assert [portion.reference for portion in item.portions] == [0.6, 0.3, 0.1]
    assert [portion.current for portion in item.portions] == [0.25, 0.75, 0.0]


def test_means_leave_out_what_is_missing_and_the_shift_is_in_standard_deviations() -> None:
    item = column_drift("x", np.array([1.0, 3.0, np.nan]), np.array([5.0, np.nan, np.nan]))
    assert (item.reference_mean, item.current_mean, item.shift) == (2.0, 5.0, 3.0)


def test_columns_without_values_or_spread_have_no_shift() -> None:
    nothing = np.full(4, np.nan)
    gone = column_drift("x", np.array([1.0, 2.0]), nothing)
    assert math.isnan(gone.current_mean)
    assert math.isnan(gone.shift)
    assert gone.verdict is Verdict.STRONG
    never = column_drift("x", nothing, nothing)
    assert (never.index, never.chance) == (0, 0)
    assert math.isnan(column_drift("x", np.ones(3), np.zeros(3)).shift)


def test_what_was_never_missing_and_is_now_drifts() -> None:
    values = np.arange(1000.0)
    item = column_drift("x", values, np.where(values % 5 == 0, np.nan, values))
    assert item.verdict is Verdict.STRONG


@pytest.mark.parametrize(
    ("index", "verdict"),
    [
        (0.0999, Verdict.STABLE),
        (0.1, Verdict.MODERATE),
        (0.2499, Verdict.MODERATE),
        (0.25, Verdict.STRONG),
    ],
)
def test_verdicts_begin_at_their_limits(index: float, verdict: Verdict) -> None:
    assert ColumnDrift("x", index, 0.0, 0.0, 0.0, 0.0, ()).verdict is verdict


def test_bins_hold_equal_shares_of_the_reference() -> None:
    values = np.random.default_rng(1).permutation(np.arange(1000.0))
    assert bin_edges(values).tolist() == [99, 199, 299, 399, 499, 599, 699, 799, 899]
    shares = [item.reference for item in column_drift("x", values, values).portions]
    assert shares == pytest.approx([0.1] * 10 + [0.0])


def test_few_values_have_a_bin_each() -> None:
    assert bin_edges(np.array([7.0, 1.0, 1.0, 3.0])).tolist() == [1, 3]
    assert bin_edges(np.array([4.0, 4.0])).tolist() == []


@pytest.mark.parametrize("frequent", [0.0, 0.5, 1.0])
def test_a_frequent_value_has_a_bin_for_itself(frequent: float) -> None:
    others = np.linspace(0.0, 1.0, 101)
    reference = np.r_[np.full(400, frequent), others]
    # All that happens is that the frequent value moves by a hair.
    current = np.r_[np.full(400, abs(frequent - 0.001)), others]
    assert column_drift("x", reference, current).verdict is Verdict.STRONG


def test_infinite_values_are_values() -> None:
    reference = np.r_[np.arange(50.0), np.inf, -np.inf]
    assert column_drift("x", reference, reference).index == 0


@settings(max_examples=50, deadline=None)
@given(
    values=st.lists(st.one_of(st.floats(-5, 5), st.just(math.nan)), min_size=1, max_size=60),
    other=st.lists(st.one_of(st.floats(-5, 5), st.just(math.nan)), min_size=1, max_size=60),
)
def test_the_index_is_never_negative_and_all_rows_have_a_bin(values: list[float], other: list[float]) -> None:
    item = column_drift("x", np.array(values), np.array(other))
    assert item.index >= 0
    assert sum(portion.reference for portion in item.portions) == pytest.approx(1)
    assert sum(portion.current for portion in item.portions) == pytest.approx(1)
    assert column_drift("x", np.array(values), np.array(values)).index == 0


def test_without_drift_the_index_stays_within_chance_nineteen_times_in_twenty() -> None:
    random = np.random.default_rng(5)
    within = [
        column_drift("x", random.standard_normal(2_000), random.standard_normal(500)).may_be_chance
        for _ in range(600)
    ]
    assert 0.92 < np.mean(within) < 0.98


def shifted(by: float) -> Drift:
    random = np.random.default_rng(2)
    reference = Scored(random.standard_normal((3_000, 3)), random.random(3_000))
    moved = random.standard_normal((2_000, 3)) + np.array([0.0, by, 0.0])
    return compare(["calm", "<moved>", "quiet"], reference, Scored(moved, random.random(2_000) ** 2))


def test_the_features_that_drifted_most_come_first() -> None:
    drift = shifted(0.5)
    assert drift.features[0].name == "<moved>"
    assert drift.features[0].shift == pytest.approx(0.5, abs=0.06)
    assert [item.verdict for item in drift.features[1:]] == [Verdict.STABLE] * 2
    assert drift.scores.verdict is Verdict.STRONG
    assert (drift.reference_rows, drift.current_rows) == (3_000, 2_000)


def test_rows_that_cannot_be_compared_are_refused() -> None:
    rows = Scored(np.zeros((2, 1)), np.zeros(2))
    with pytest.raises(DriftError, match="current rows have shape"):
        compare(["x"], rows, replace(rows, matrix=np.zeros((2, 2))))
    with pytest.raises(DriftError, match="no rows"):
        compare(["x"], rows, Scored(np.zeros((0, 1)), np.zeros(0)))


class _Page(HTMLParser):
    """What a browser would make of a page: open tags, texts, and addresses that it would fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[str] = []
        self.fetched: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember it."""
        if tag not in {"meta", "rect"}:
            self.open.append(tag)
        self.fetched += [f"{name}={value}" for name, value in attrs if name in {"src", "href"}]

    def handle_endtag(self, tag: str) -> None:
        """Close what was opened last; `rect` closes itself."""
        assert tag == "rect" or self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Collect what is read."""
        self.texts.append(data)


def test_the_page_stands_on_its_own_and_says_what_drifted() -> None:
    text = render_drift(shifted(0.5), "Model <1>", "March against February")
    page = _Page()
    page.feed(text)
    assert page.open == []
    assert page.fetched == []
    assert "url(" not in text
    assert "prefers-color-scheme: dark" in text
    shift = f"{shifted(0.5).features[0].shift:+.2f}"
    told = {"Model <1>", "March against February", "<moved>", "moderate", "stable", shift}
    assert told <= set(page.texts)
    assert any("1 of 3 features drifted; the scores are strong" in item for item in page.texts)


def test_few_rows_are_said_to_be_few() -> None:
    random = np.random.default_rng(3)
    few = compare(
        ["x"],
        Scored(random.random((40, 1)), random.random(40)),
        Scored(random.random((15, 1)), random.random(15)),
    )
    assert few.features[0].verdict is not Verdict.STABLE
    assert "within chance" in render_drift(few, "t", "p").partition("</table>")[2].partition("</table>")[0]
    assert "0 of 1 features drifted" in render_drift(few, "t", "p")


def test_the_picture_shows_scores_and_features() -> None:
    picture = drift_plot(shifted(0.5))
    assert picture.startswith(b"\x89PNG")
    assert picture == drift_plot(shifted(0.5))
    assert picture != drift_plot(shifted(0.0))
