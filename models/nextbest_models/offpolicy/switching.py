"""Where switch-DR stops trusting weights."""

import numpy as np

from nextbest_models.offpolicy.arrays import Floats
from nextbest_models.offpolicy.slot_log import RewardModel
from nextbest_models.offpolicy.weights import Weights

_CANDIDATES = 25


def switch_threshold(weights: Weights, reward: Floats, model: RewardModel) -> float:
    """Return the threshold of one position with the least sum of variance and bound of the squared bias.

    The rule of Wang, Agarwal & Dudík 2017, section 3.3: where corrections are left out, the model may be
    wrong by no more than the largest residual, so the bias is at most that × the target's probability of
    what lies above the threshold. That probability is estimated by the mean of the weights there. The rule
    is cautious: it gives up a correction only where its variance is worse than the worst that the model
    could do. The largest weight (nothing is left out) is among the candidates, and wins ties.
    """
    own = weights.own
    candidates = np.unique(np.quantile(own, np.linspace(0.5, 1.0, _CANDIDATES), method="inverted_cdf"))
    residual = reward - model.predicted
    worst = float(np.abs(residual).max())
    kept = own[:, None] <= candidates
    expected = weights.above * model.expected
    terms = expected[:, None] + np.where(kept, (own * residual)[:, None], 0.0)
    variance = terms.var(axis=0) / len(own)
    bias = worst * np.where(kept, 0.0, own[:, None]).mean(axis=0)
    total = (variance + bias**2)[::-1]
    return float(candidates[::-1][np.argmin(total)])
