"""What is called drift: an index above the limit that so many rows do not show by chance."""

import numpy as np

from nextbest_models.drift import Drift, Scored, compare
from nextbest_service.judging.drifting import drifted


def drift(rows: int, shift: float) -> Drift:
    """Return how a column that moved and one that did not differ between two samples."""
    random = np.random.default_rng(5)
    then, now = random.standard_normal((2, rows, 2))
    now[:, 1] += shift
    types = np.where(np.arange(rows) % 2, "OFFER", "SERVICE")
    return compare(("still", "moved"), Scored(then, then[:, 1], types), Scored(now, now[:, 1], types))


def test_what_moved_is_named_scores_first() -> None:
    assert [*drifted(drift(4_000, 1.0), 0.25)] == ["score", "score of OFFER", "score of SERVICE", "moved"]
    assert [*drifted(drift(4_000, 1.0), 100.0)] == []


def test_what_may_be_chance_is_no_drift() -> None:
    found = drift(40, 0.0)
    assert found.scores.index > 0.1
    assert [*drifted(found, 0.1)] == []


def test_types_that_are_only_there_once_are_not_compared() -> None:
    rows = np.zeros((6, 1))
    then = Scored(rows, rows[:, 0], np.array(["OFFER"] * 6))
    now = Scored(rows, rows[:, 0], np.array(["OFFER"] * 3 + ["SERVICE"] * 3))
    assert [item.name for item in compare(("x",), then, now).types] == ["score of OFFER"]
