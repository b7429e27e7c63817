"""Policies that fill ranks one after the other, each by scores and what is left."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from nextbest_models.offpolicy.arrays import Floats
from nextbest_models.offpolicy.slot_log import OffPolicyError


class RankingPolicy(Protocol):
    """Picks the action of the next rank from those that are left."""

    def probabilities(self, scores: Floats) -> Floats:
        """Return how likely each action is picked next.

        Args:
            scores: float64 [decisions, actions]; minus infinity: not a candidate, or taken already.

        Returns:
            float64 [decisions, actions]; rows sum to 1, or to 0 where no candidate is left.
        """
        ...


@dataclass(frozen=True, slots=True)
class EpsilonGreedy:
    """The best by score; with probability `epsilon` any candidate, the best among them, at equal odds.

    Of equal scores the first is the best, as in arbitration. An epsilon of 0 is the greedy policy, of 1
    chance.

    Raises:
        OffPolicyError: epsilon is not from 0 to 1.
    """

    epsilon: float

    def __post_init__(self) -> None:
        if not 0 <= self.epsilon <= 1:
            raise OffPolicyError(f"epsilon lies from 0 to 1, not at {self.epsilon:g}")

    def probabilities(self, scores: Floats) -> Floats:
        """See `RankingPolicy`."""
        candidate = scores > -np.inf
        count = candidate.sum(axis=1, keepdims=True)
        spread = np.where(candidate, self.epsilon / np.maximum(count, 1), 0.0)
        alive = np.flatnonzero(count[:, 0])
        spread[alive, scores[alive].argmax(axis=1)] += 1 - self.epsilon
        return spread


@dataclass(frozen=True, slots=True)
class Softmax:
    """In proportion to exp(score / temperature), rank by rank: the model of Plackett and Luce.

    The same as sorting by score plus Gumbel noise, and so a smooth stand-in for Thompson sampling, whose
    noise is the posterior's.

    Raises:
        OffPolicyError: the temperature is not above 0.
    """

    temperature: float

    def __post_init__(self) -> None:
        if not self.temperature > 0:
            raise OffPolicyError(f"a temperature lies above 0, not at {self.temperature:g}")

    def probabilities(self, scores: Floats) -> Floats:
        """See `RankingPolicy`."""
        best = scores.max(axis=1, keepdims=True)
        odds = np.exp((scores - np.where(np.isfinite(best), best, 0.0)) / self.temperature)
        whole = odds.sum(axis=1, keepdims=True)
        probabilities: Floats = np.divide(odds, whole, out=np.zeros_like(odds), where=whole > 0)
        return probabilities


GREEDY = EpsilonGreedy(0.0)
UNIFORM = EpsilonGreedy(1.0)
