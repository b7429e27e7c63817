"""Importance weights: how much more often the target would have seen what was logged."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from nextbest_models.offpolicy.arrays import Floats
from nextbest_models.offpolicy.slot_log import OffPolicyError, Probabilities, SlotLog


class Weighting(StrEnum):
    """Which ranks of a decision take part in the weight of a slot, and so what is estimated.

    The value of a position is the mean reward there per decision that has it. With one slot per decision all
    three are the same.

    RANK: the slot's own ratio. With marginal probabilities: the value of the position under the target, if
        the reward depends on person, action and position only, not on the other ranks (the item-position
        model of Li et al. 2018, "Offline Evaluation of Ranking Policies with Click Models"). With conditional
        probabilities: the value of the position if the target picks this rank alone and the serving policy
        all others; nothing is assumed about clicks. The sum of these over the positions is no policy's value.
    CASCADE: the product of the conditional ratios down to the slot. The value of the position under the
        target, if the reward does not depend on the ranks below (McInerney et al. 2020, "Counterfactual
        Evaluation of Slate Recommendations with Sequential Reward Interactions").
    SLATE: the product of the conditional ratios of the whole decision. The value of the position under the
        target, whatever the reward depends on. The widest intervals of the three.
    """

    RANK = "rank"
    CASCADE = "cascade"
    SLATE = "slate"


@dataclass(frozen=True, slots=True)
class Weights:
    """Importance weights; both float64 [slots].

    own: of what was logged in the slot. above: of the logged ranks above it, 1 where they take no part.
    """

    own: Floats
    above: Floats


def natural_weighting(probabilities: Probabilities) -> Weighting:
    """Return the weighting that estimates the target's value with the fewest ranks."""
    return Weighting.CASCADE if probabilities is Probabilities.CONDITIONAL else Weighting.RANK


def importance_weights(log: SlotLog, weighting: Weighting) -> Weights:
    """Return the weights of all slots.

    Raises:
        OffPolicyError: products are asked for, and the probabilities are marginal.
    """
    ratio = log.target_probability / log.logged_probability
    if weighting is Weighting.RANK:
        return Weights(ratio, np.ones_like(ratio))
    if log.probabilities is Probabilities.MARGINAL:
        raise OffPolicyError(f"weighting '{weighting}' needs conditional probabilities, not marginal ones")
    _, decision = np.unique(log.decision, return_inverse=True)
    ranks, rank = np.unique(log.position, return_inverse=True)
    # A rank that a decision does not have changes no product.
    products = np.ones((int(decision.max()) + 1, len(ranks) + 1))
    products[decision, rank + 1] = ratio
    products = products.cumprod(axis=1)
    own = products[decision, rank + 1 if weighting is Weighting.CASCADE else -1]
    return Weights(own, products[decision, rank])


def clipped(weights: Weights, ceiling: float | None) -> Weights:
    """Return weights of at most the ceiling; None: as they are.

    Raises:
        OffPolicyError: the ceiling is not above 0.
    """
    if ceiling is None:
        return weights
    if not ceiling > 0:
        raise OffPolicyError(f"weights are clipped at a number above 0, not at {ceiling:g}")
    return Weights(np.minimum(weights.own, ceiling), np.minimum(weights.above, ceiling))


def effective_size(weights: Floats) -> float:
    """Return Kish's effective sample size: how many equally weighted slots would tell as much."""
    squares = float(weights @ weights)
    return float(weights.sum()) ** 2 / squares if squares > 0 else 0.0
