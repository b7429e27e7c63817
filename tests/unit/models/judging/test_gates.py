"""Gates let nobody through of whom nothing is known."""

import math

import pytest

from nextbest_models.judging.gates import Gates


@pytest.mark.parametrize(
    ("gates", "auc", "lift", "met"),
    [
        (Gates(), None, None, True),
        (Gates(0.9, None), 0.9, None, True),
        (Gates(0.9, None), 0.89, 5.0, False),
        (Gates(0.9, None), None, None, False),
        (Gates(0.9, None), math.nan, None, False),
        (Gates(None, 0.0), 0.1, 0.0, True),
        (Gates(None, 0.0), 0.9, -1e-9, False),
        (Gates(None, 0.0), 0.9, None, False),
        (Gates(None, -0.5), 0.9, -0.4, True),
        (Gates(0.5, 0.0), 0.6, 0.1, True),
        (Gates(0.5, 0.0), 0.6, -0.1, False),
        (Gates(0.7, 0.0), 0.6, 0.1, False),
    ],
)
def test_gates_are_met_by_figures_that_reach_them(
    gates: Gates, auc: float | None, lift: float | None, met: bool
) -> None:
    assert gates.checked(auc, lift).met is met


def test_only_gates_that_were_asked_for_are_told() -> None:
    assert list(Gates(None, 0.0).checked(0.9, 0.1).gates) == ["dr_lift_low"]
