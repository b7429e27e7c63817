"""The estimators, each as a ratio of sums over the slots of one position."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from nextbest_models.offpolicy.arrays import Floats
from nextbest_models.offpolicy.slot_log import RewardModel
from nextbest_models.offpolicy.weights import Weights


class Estimator(StrEnum):
    """Ways to estimate the value of a policy from the log of another.

    IPS: inverse propensity scoring, mean of weight × reward (Horvitz & Thompson 1952). Unbiased with full
        support.
    SNIPS: the same divided by the mean weight (Swaminathan & Joachims 2015, "The Self-Normalized Estimator
        for Counterfactual Learning"). Little bias, less variance, does not change when rewards are shifted.
    DM: direct method, the reward model's word for it. Its interval knows the chance in who came, not the
        model's errors.
    DR: doubly robust, the model's word plus the weighted errors that it made on the logged actions (Dudík,
        Langford & Li 2011, "Doubly Robust Policy Evaluation and Learning"). Right if the probabilities or
        the model are.
    SWITCH_DR: DR that leaves out the corrections of weights above a threshold (Wang, Agarwal & Dudík 2017,
        "Optimal and Adaptive Off-policy Evaluation in Contextual Bandits"). Less variance, some of the
        model's bias.
    """

    IPS = "ips"
    SNIPS = "snips"
    DM = "dm"
    DR = "dr"
    SWITCH_DR = "switch_dr"


@dataclass(frozen=True, slots=True)
class Terms:
    """An estimate is the sum of the numerators by the sum of the denominators; both float64 [slots]."""

    numerator: Floats
    denominator: Floats


def inverse_propensity(weights: Weights, reward: Floats) -> Terms:
    """Return the terms of IPS."""
    return Terms(weights.own * reward, np.ones_like(reward))


def self_normalised(weights: Weights, reward: Floats) -> Terms:
    """Return the terms of SNIPS."""
    return Terms(weights.own * reward, weights.own)


def direct(weights: Weights, model: RewardModel) -> Terms:
    """Return the terms of the direct method.

    Conditional expectations are those below logged ranks, and are weighted by how likely the target puts
    those there. Below rank 1, the direct method is no stranger to weights then.
    """
    return Terms(weights.above * model.expected, np.ones_like(model.expected))


def doubly_robust(weights: Weights, reward: Floats, model: RewardModel) -> Terms:
    """Return the terms of DR.

    With products of ratios this is the estimator of Kiyohara et al. 2022, "Doubly Robust Off-Policy
    Evaluation for Ranking Policies under the Cascade Behavior Model".
    """
    correction = weights.own * (reward - model.predicted)
    return Terms(weights.above * model.expected + correction, np.ones_like(reward))


def switched(weights: Weights, reward: Floats, model: RewardModel, threshold: Floats) -> Terms:
    """Return the terms of switch-DR. `threshold` is float64 [slots]."""
    trusted = np.where(weights.own <= threshold, weights.own, 0.0)
    return doubly_robust(Weights(trusted, weights.above), reward, model)
