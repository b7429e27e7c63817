"""Where switch-DR stops trusting weights."""

import math

import numpy as np

from nextbest_models.offpolicy.arrays import Floats, Integers
from nextbest_models.offpolicy.slot_log import Alternatives, RewardModel, SlotLog
from nextbest_models.offpolicy.weights import Weights

_CANDIDATES = 25


def switch_threshold(log: SlotLog, model: RewardModel, weights: Weights, rows: Integers) -> float:
    """Return the threshold with the least sum of estimated variance and bound of the squared bias.

    The rule of Wang, Agarwal & Dudík 2017: where corrections are left out, the model may be
    wrong by no more than the largest residual, so the bias is at most that × the target's probability of
    what lies above the threshold. The rule is cautious: it gives up corrections only where their variance
    is worse than the worst that the model could do. The largest weight (nothing is left out) is among the
    candidates, and wins ties.

    Args:
        log: all slots.
        model: the log's.
        weights: of all slots.
        rows: int64, the slots of the position in question.

    Returns:
        Infinity where the alternatives are not known.
    """
    if log.alternatives is None:
        return math.inf
    own = weights.own[rows]
    thresholds = np.unique(np.quantile(own, np.linspace(0.5, 1.0, _CANDIDATES), method="inverted_cdf"))
    residual = log.reward[rows] - model.predicted[rows]
    corrections = np.where(own[:, None] <= thresholds, (own * residual)[:, None], 0.0)
    variance = ((weights.above * model.expected)[rows, None] + corrections).var(axis=0) / len(rows)
    bias = np.abs(residual).max() * _shares_above(thresholds, log.alternatives, weights.above, rows)
    total = (variance + bias**2)[::-1]
    return float(thresholds[::-1][np.argmin(total)])


def _shares_above(thresholds: Floats, alternatives: Alternatives, above: Floats, rows: Integers) -> Floats:
    """Return the target's mean probability of alternatives of greater weight, float64 [thresholds]."""
    here = alternatives.of_slots(rows, len(above))
    reached = above[alternatives.slot[here]]
    # What the target never reaches has no weight, even where the serving policy would never go on so.
    weights = np.multiply(reached, alternatives.ratio[here], out=np.zeros_like(reached), where=reached > 0)
    order = np.argsort(weights)
    upwards = np.r_[0.0, (reached * alternatives.target_probability[here])[order].cumsum()]
    below = upwards[np.searchsorted(weights[order], thresholds, side="right")]
    shares: Floats = (upwards[-1] - below) / len(rows)
    return shares
