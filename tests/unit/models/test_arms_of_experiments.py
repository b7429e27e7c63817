"""Means and differences of arms, against figures worked out with the formulas of textbooks."""

from collections.abc import Sequence

import numpy as np
import pytest

from nextbest_models.logged.arms import ArmResult, ArmTally, ExperimentResult
from nextbest_models.logged.attribution import Attributed


class _Slots:
    def __init__(self, size: int) -> None:
        self.decision = np.arange(size)


class _Decisions:
    """One slot per decision: as much of logged decisions as is looked at."""

    def __init__(self, size: int) -> None:
        self.slots = _Slots(size)

    def __len__(self) -> int:
        return len(self.slots.decision)


def compared(*visits: tuple[str, str, bool], settled: Sequence[bool] | None = None) -> ExperimentResult:
    """Return the result of visits: person, arm, and whether it was a success."""
    positive = np.array([success for _, _, success in visits])
    every = np.ones(len(visits), dtype=np.bool_)
    waited = every if settled is None else np.array(settled)
    came = Attributed(settled=every, shown=every, positive=positive, reward=3.0 * positive)
    tally, decisions = ArmTally(), _Decisions(len(visits))
    people, arms = [person for person, _, _ in visits], [{"trial": arm} for _, arm, _ in visits]
    tally.add(decisions, came, waited, people, arms)  # type: ignore[arg-type]
    (result,) = tally.results()
    return result


def people(arm: str, *successes: int) -> list[tuple[str, str, bool]]:
    """Return four visits of each person, of which so many succeed."""
    return [
        (f"{arm}{number}", arm, place < count) for number, count in enumerate(successes) for place in range(4)
    ]


def arm(result: ExperimentResult, name: str) -> ArmResult:
    return next(it for it in result.arms if it.arm == name)


def test_the_error_of_a_difference_is_that_of_two_independent_samples() -> None:
    control, other = [0, 1, 1, 2, 0, 0, 3, 1], [2, 2, 3, 1, 4, 3, 2, 2, 1, 3, 2, 4]
    result = compared(*people("control", *control), *people("b", *other))
    found = arm(result, "b").more_positives
    assert found is not None
    assert found.value == pytest.approx(np.mean(other) - np.mean(control))
    variance = np.var(other) / len(other) + np.var(control) / len(control)
    count = len(other) + len(control)
    assert found.standard_error == pytest.approx((variance * count / (count - 1)) ** 0.5)
    reward = arm(result, "b").more_reward
    assert reward is not None
    assert reward.value == pytest.approx(3 * found.value)


def test_people_are_counted_and_not_their_visits() -> None:
    found = arm(compared(*people("control", 4, 0), *people("b", 1)), "control")
    assert (found.people, found.decisions, found.shown, found.successes) == (2, 8, 8, 4)
    assert found.positives.value == 2.0
    assert found.positives.standard_error == pytest.approx(2.0)  # as wide as two people are apart


def test_without_an_arm_of_that_name_the_one_with_most_people_is_the_control() -> None:
    result = compared(*people("a", 1, 1), *people("b", 1, 2, 3), *people("c", 1))
    assert [it.arm for it in result.arms] == ["b", "a", "c"]
    assert compared(*people("a", 1, 1), *people("control", 1)).arms[0].arm == "control"


def test_who_changed_arms_is_told() -> None:
    assert compared(("anna", "a", True), ("anna", "b", True), ("bela", "b", False)).moved == 1


def test_what_may_still_come_is_not_counted_as_a_failure() -> None:
    result = compared(
        ("anna", "a", True), ("bela", "a", False), ("anna", "a", False), settled=[True, False, True]
    )
    assert (result.arms[0].people, result.arms[0].decisions) == (1, 2)
