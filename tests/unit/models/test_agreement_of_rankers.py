"""How far rankers agree, on figures worked out by hand."""

from typing import Any

import numpy as np
import pytest

from nextbest_models.logged.agreement import AgreementTally
from nextbest_models.logged.decisions import LoggedCandidates, LoggedDecisions


class _Decisions:
    """As much of logged decisions as is looked at."""

    def __init__(self, propensity: list[float], value: list[float], starts: list[int]) -> None:
        ones = np.ones(len(value), np.float32)
        self.candidates = LoggedCandidates(
            starts=np.array(starts),
            rows=np.arange(len(value)),
            propensity=np.array(propensity, np.float32),
            value=np.array(value, np.float32),
            lever=ones,
            context_weight=ones,
            pinned=ones > 1,
            maturity=np.ones(len(value), np.int8),
        )


def agreement(propensity: list[float], value: list[float], starts: list[int], *shadows: list[float]) -> Any:
    tally = AgreementTally()
    looked_on = [[{"ranker": "other", "model_version": "v1", "propensity": shadow}] for shadow in shadows]
    decisions: LoggedDecisions = _Decisions(propensity, value, starts)  # type: ignore[assignment]
    tally.add(decisions, ["champion"] * len(shadows), looked_on)
    return tally.results()


def test_favourites_are_those_by_priority_and_not_by_propensity() -> None:
    # Priorities 1 and 2 against 1 and 2.4: the same favourite, though the first is more likely for both.
    (found,) = agreement([0.5, 0.2], [2.0, 10.0], [0, 2], [0.5, 0.24])
    assert (found.decisions, found.same_first) == (1, 1.0)
    assert found.difference == pytest.approx(0.02)
    assert found.rank_correlation == pytest.approx(1.0)


def test_opposite_orders_are_told() -> None:
    (found,) = agreement([0.1, 0.2, 0.3], [1.0, 1.0, 1.0], [0, 3], [0.3, 0.2, 0.1])
    assert (found.same_first, found.rank_correlation) == (0.0, pytest.approx(-1.0))


def test_figures_are_means_over_decisions_with_a_choice() -> None:
    (found,) = agreement([0.1, 0.2, 0.9, 0.2, 0.1], [1.0] * 5, [0, 2, 3, 5], [0.1, 0.2], [0.1], [0.1, 0.2])
    assert (found.decisions, found.same_first) == (2, 0.5)
    assert found.rank_correlation == pytest.approx(0.0)
    assert found.difference == pytest.approx(0.05)


def test_rankers_that_see_no_difference_agree_and_one_that_does_agrees_with_neither() -> None:
    assert agreement([0.1, 0.1], [1.0, 1.0], [0, 2], [0.3, 0.3])[0].rank_correlation == 1.0
    assert agreement([0.1, 0.1], [1.0, 1.0], [0, 2], [0.1, 0.3])[0].rank_correlation == 0.0
