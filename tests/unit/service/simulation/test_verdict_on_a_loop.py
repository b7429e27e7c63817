"""A loop that does not learn, logs wrong or foretells wrong is told so."""

from dataclasses import replace

import pytest

from nextbest_models.ladder import Maturity
from nextbest_models.offpolicy import Estimator
from nextbest_service.simulation.estimates import Forecast, Judgement
from nextbest_service.simulation.reports import RoundReport, shortfalls


def judgement(error: float = 1e-8, low: float = 0.8) -> Judgement:
    """Return what was foretold of a truth of 1."""
    forecast = Forecast(value=low + 0.1, low=low, high=low + 0.3, truth=1.0)
    return Judgement(None, {Estimator.DR: forecast}, error)  # type: ignore[arg-type]


def report(number: int, regret: float, judged: Judgement | None = None) -> RoundReport:
    return RoundReport(
        number=number,
        decisions=100,
        clicks=10,
        served=2.0 * (1 - regret),
        best=2.0,
        by_chance=0.5,
        worth=1.0,
        maturity=dict.fromkeys(Maturity, 1 / 3),
        model=None,
        judgement=judged,
    )


ROUNDS = [report(1, 0.6), report(2, 0.3, judgement()), report(3, 0.2, judgement())]


def test_regret_is_the_share_of_the_best_that_was_not_earned() -> None:
    assert report(1, 0.6).regret == pytest.approx(0.6)


def test_a_loop_that_learns_has_no_shortfalls() -> None:
    assert [*shortfalls(ROUNDS, 0.5)] == []


def test_a_regret_that_did_not_fall_enough_is_told_with_its_figures() -> None:
    (told,) = shortfalls(ROUNDS, 0.3)
    assert "from 60.0% to 20.0%" in told
    assert "33% of it; at most 30%" in told


def test_a_single_round_has_learned_nothing() -> None:
    assert len([*shortfalls(ROUNDS[:1], 0.9)]) == 1


def test_probabilities_that_are_not_those_of_the_picks_are_told() -> None:
    wrong = [*ROUNDS[:2], replace(ROUNDS[2], judgement=judgement(error=0.01))]
    (told,) = shortfalls(wrong, 0.5)
    assert "0.01 away" in told


def test_one_miss_of_two_is_chance_but_two_are_told() -> None:
    missed = judgement(low=1.1)
    assert [*shortfalls([*ROUNDS[:2], replace(ROUNDS[2], judgement=missed)], 0.5)] == []
    (told,) = shortfalls([ROUNDS[0], *(replace(it, judgement=missed) for it in ROUNDS[1:])], 0.5)
    assert "only 0 of 2" in told
