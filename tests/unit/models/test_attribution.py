"""What outcomes mean for learning: every rule of attribution."""

from pathlib import Path

import pytest
from logged_world import DAY_MS, HOUR_MS, T0_MS, decisions, outcome, write_outcomes
from pydantic import ValidationError

from nextbest_models.logged.attribution import Attributed, AttributionPlan, attribute
from nextbest_models.logged.outcomes import OutcomeReader

RED_AT_HOME, BLUE_AT_HOME, RED_ON_CARD, BLUE_NEXT_DAY = range(4)
END_MS = T0_MS + 100 * DAY_MS
PLAN = AttributionPlan(window_days=3)


def came_of(
    directory: Path, *rows: dict[str, object], plan: AttributionPlan = PLAN, end_ms: int = END_MS
) -> Attributed:
    """Return what came of the four slots, read from files."""
    write_outcomes(directory, rows)
    logged = decisions()
    return attribute(logged, OutcomeReader(directory).of(logged, plan.window_ms), plan, end_ms)


def test_without_an_outcome_nothing_was_shown(tmp_path: Path) -> None:
    came = came_of(tmp_path)
    assert came.shown.tolist() == came.positive.tolist() == [False] * 4
    assert came.settled.tolist() == [True] * 4


@pytest.mark.parametrize("type_", ["CLICKED", "ACCEPTED", "CONVERTED"])
def test_a_success_belongs_to_its_own_slot_and_was_shown(tmp_path: Path, type_: str) -> None:
    came = came_of(tmp_path, outcome(type_))
    assert came.positive.tolist() == came.shown.tolist() == [True, False, False, False]


@pytest.mark.parametrize("type_", ["DISPLAYED", "DELIVERED", "OPENED"])
def test_being_seen_is_no_success(tmp_path: Path, type_: str) -> None:
    came = came_of(tmp_path, outcome(type_, action="blue"))
    assert came.shown.tolist() == [False, True, False, False]
    assert not came.positive.any()


@pytest.mark.parametrize("type_", ["REJECTED", "DISMISSED", "UNSUBSCRIBED"])
def test_a_no_was_shown_and_no_success(tmp_path: Path, type_: str) -> None:
    came = came_of(tmp_path, outcome(type_, placement="card"))
    assert came.shown.tolist() == [False, False, True, False]
    assert not came.positive.any()


def test_a_recipe_says_what_a_success_is(tmp_path: Path) -> None:
    plan = AttributionPlan(positives=("OPENED",), window_days=3)
    came = came_of(tmp_path, outcome("OPENED"), outcome("CLICKED", action="blue"), plan=plan)
    assert came.positive.tolist() == [True, False, False, False]
    assert came.shown.tolist() == [True, True, False, False]  # a click was seen, whatever it is worth


def test_outcomes_count_from_the_decision_until_the_window_ends(tmp_path: Path) -> None:
    came = came_of(
        tmp_path,
        outcome("CLICKED", -1),
        outcome("CLICKED", 3 * DAY_MS, action="blue"),
        outcome("CLICKED", 3 * DAY_MS + 1, placement="card"),
        outcome("CLICKED", 4 * DAY_MS, decision="d1", action="blue"),
    )
    assert came.positive.tolist() == came.shown.tolist() == [False, True, False, True]


def test_a_success_at_the_moment_of_the_decision_counts(tmp_path: Path) -> None:
    assert came_of(tmp_path, outcome("CLICKED", 0)).positive[RED_AT_HOME]


def test_decisions_whose_window_is_open_when_the_log_ends_are_not_settled(tmp_path: Path) -> None:
    came = came_of(tmp_path, outcome("CLICKED"), end_ms=T0_MS + 3 * DAY_MS)
    assert came.settled.tolist() == [True, True, True, False]
    assert not came_of(tmp_path, end_ms=T0_MS + 3 * DAY_MS - 1).settled.any()


def test_what_is_assumed_to_be_shown_is_not_if_somebody_says_so(tmp_path: Path) -> None:
    plan = AttributionPlan(window_days=3, assume_shown=True)
    came = came_of(
        tmp_path,
        outcome("WITHHELD", action="blue"),
        outcome("FAILED", placement="card"),
        outcome("DISPLAYED", 2 * HOUR_MS, placement="card"),
        plan=plan,
    )
    assert came.shown.tolist() == [True, False, True, True]  # what failed first was seen later


def test_by_default_what_failed_or_was_withheld_was_not_shown(tmp_path: Path) -> None:
    assert not came_of(tmp_path, outcome("WITHHELD"), outcome("FAILED", action="blue")).shown.any()


def test_amounts_of_successes_add_up_each_outcome_once(tmp_path: Path) -> None:
    came = came_of(
        tmp_path,
        outcome("CONVERTED", HOUR_MS, amount=30.0, key="one"),
        outcome("CONVERTED", HOUR_MS, amount=30.0, key="one"),
        outcome("CONVERTED", 30 * HOUR_MS, amount=12.5, key="two"),
        outcome("DISPLAYED", 2 * HOUR_MS, amount=1000.0),
        outcome("CONVERTED", 4 * DAY_MS, amount=500.0),
        outcome("CLICKED", 5 * HOUR_MS, amount=1.0, action="blue"),
    )
    assert came.reward.tolist() == [42.5, 1.0, 0.0, 0.0]


def test_outcomes_of_other_decisions_actions_and_placements_are_nobodys(tmp_path: Path) -> None:
    came = came_of(
        tmp_path,
        outcome("CLICKED", decision="d7"),
        outcome("CLICKED", action="green"),
        outcome("CLICKED", placement="letter"),
        outcome("CLICKED", decision="d1", action="red"),
    )
    assert not came.shown.any()


def test_a_success_without_a_window_or_a_type_is_refused() -> None:
    for wrong in ({"window_days": 0}, {"positives": ()}, {"positives": ("REJECTED",)}):
        with pytest.raises(ValidationError):
            AttributionPlan(**wrong)
