"""What a slot is expected to earn with each candidate, for the direct and the doubly robust estimators.

Not the judged model itself: it would be asked what it is worth, and believe itself. A logistic regression on
the log-odds of *all* scores at hand and on the position takes no side, is as calibrated as the log allows,
and learns from few rows. It is cross-fitted (Chernozhukov et al. 2018, "Double/debiased machine learning"):
what it says of a person was learned from others, so that the intervals may take it as given.
"""

from collections.abc import Iterator

import numpy as np

from nextbest_models.calibration import log_odds, probability
from nextbest_models.judging.slots import JudgedLog, Reward
from nextbest_models.offpolicy.arrays import Flags, Floats

FOLDS = 5
_ROUNDS = 50
_MOST_HALVINGS = 30
_PRECISION = 1e-8
_PRIOR = 1.0
"""Weight of a standard normal prior on every coefficient: equal scores share one, and nothing is infinite."""


def expected_rewards(log: JudgedLog, reward: Reward, folds: int = FOLDS) -> Floats:
    """Return the reward expected of each choice in its slot, float64 [choices]; cross-fitted by person."""
    slots, choices = log.slots, log.choices
    design = _design(log)
    of_slot = design[slots.chosen]
    earned, worth = log.rewards(reward), log.worth(reward)
    expected = np.zeros(len(choices.slot))
    for inside in _folds(log, folds):
        learned = ~inside
        chances = probability(design @ fit_logistic(of_slot[learned], slots.positive[learned]))
        foreseen = float((chances * worth)[slots.chosen][learned].sum())
        # Amounts may be worth more or less than the declared values: right on average over what was learned.
        scale = float(earned[learned].sum()) / foreseen if foreseen > 0 else 1.0
        rows = inside[choices.slot]
        expected[rows] = scale * (chances * worth)[rows]
    return expected


def fit_logistic(design: Floats, positive: Flags) -> Floats:
    """Return the coefficients of a logistic regression with a normal prior, float64 [columns].

    Newton's method with step halving; `design` is float64 [rows, columns].
    """
    targets = positive.astype(np.float64)
    weights = np.zeros(design.shape[1])
    loss = _loss(design, targets, weights)
    for _ in range(_ROUNDS):
        chances = probability(design @ weights)
        gradient = design.T @ (chances - targets) + _PRIOR * weights
        curvature = (design * (chances * (1 - chances))[:, None]).T @ design
        step = np.linalg.solve(curvature + _PRIOR * np.eye(len(weights)), gradient)
        for _ in range(_MOST_HALVINGS):
            if (tried := _loss(design, targets, weights - step)) <= loss:
                weights, loss = weights - step, tried
                break
            step = step / 2
        if np.max(np.abs(step)) < _PRECISION:
            break
    return weights


def _loss(design: Floats, targets: Floats, weights: Floats) -> float:
    odds = design @ weights
    return float(np.sum(np.logaddexp(0.0, odds) - targets * odds) + _PRIOR / 2 * weights @ weights)


def _design(log: JudgedLog) -> Floats:
    """Return one row per choice: an intercept, centred log-odds of every score, flags of lower positions."""
    position = log.slots.position[log.choices.slot]
    odds = [log_odds(scores) for scores in log.choices.scores.values()]
    centred = [column - column[log.slots.chosen].mean() for column in odds]
    places = [(position == place).astype(np.float64) for place in np.unique(log.slots.position)[1:]]
    return np.column_stack([np.ones(len(position)), *centred, *places])


def _folds(log: JudgedLog, folds: int) -> Iterator[Flags]:
    """Yield which slots belong to each part of the persons."""
    _, person = np.unique(log.slots.person, return_inverse=True)
    count = max(2, min(folds, int(person.max()) + 1))
    for fold in range(count):
        yield person % count == fold
