"""Exploration: which action takes a place when something is to be learnt, and with which probability exactly.

All picks are drawn from probabilities that were computed before, so what is logged is what was done. The dice
are the decision's id: the same inputs give the same answer.
"""

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nextbest_rules.catalog import Exploration
from nextbest_rules.dice import fraction
from nextbest_rules.terms import ExplorationMethod

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]

_GRID = 65
_REACH = 10.0
"""Posteriors are looked at up to so many scales away from their means."""
_LOGISTIC_SCALE = np.sqrt(3.0) / np.pi
"""The scale of a logistic distribution whose standard deviation is 1."""
_LEAST_SPREAD = 1e-3
"""The least standard deviation, as a part of the best priority: nothing is known exactly."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is known of the candidates, one entry each.

    `strength` is how many observations each propensity rests on.
    """

    priority: Floats
    propensity: Floats
    strength: Floats

    @property
    def spread(self) -> Floats:
        """The standard deviation of the priorities: propensities as Beta posteriors, the rest as known."""
        chance = np.clip(self.propensity, 1e-12, 1.0)
        relative = np.sqrt((1.0 - chance) / (chance * (self.strength + 1.0)))
        return self.priority * relative


@dataclass(frozen=True, slots=True)
class Explorer:
    """Picks for one placement of one decision; `seed` names both."""

    declared: Exploration
    outlook: Outlook
    seed: bytes

    def pick(self, competing: Rows, rank: int) -> tuple[int, float]:
        """Return one of the competing candidates (best first, at least one), and how probable that was."""
        chances = self.chances(competing)
        place = _drawn(chances, self._dice(rank))
        return int(competing[place]), float(chances[place])

    def chances(self, competing: Rows) -> Floats:
        """Return the probability of each competing candidate (best first) to be picked."""
        priority = self.outlook.priority[competing]
        if len(competing) == 1 or not priority[0] > 0.0:
            return certain_first(len(competing))
        share = self.declared.share
        if self.declared.method is ExplorationMethod.EPSILON_GREEDY:
            chances = epsilon_greedy(len(competing), share)
        else:
            chances = thompson(priority, self.outlook.spread[competing])
            chances = (1.0 - share) * chances + share / len(competing)
        return within_regret(chances, priority, self.declared.regret)

    def _dice(self, rank: int) -> float:
        return fraction(hashlib.blake2b(self.seed + rank.to_bytes(4, "big"), digest_size=8).digest())


def epsilon_greedy(size: int, share: float) -> Floats:
    """Return probabilities over candidates, best first: with probability `share` any, otherwise the best."""
    chances = np.full(size, share / size)
    chances[0] += 1.0 - share
    return chances


def thompson(priority: Floats, spread: Floats) -> Floats:
    """Return, for each candidate, the probability that its true priority is the highest of all.

    The first candidate is the best, and its priority is above 0.

    That is what Thompson sampling (Thompson, Biometrika 1933) picks with. Posteriors are taken as independent
    and logistic, of which everything follows from one exponential; the integral over the highest value is a
    sum over a grid.
    """
    scale = np.maximum(spread / priority[0], _LEAST_SPREAD) * _LOGISTIC_SCALE
    mean = priority / priority[0]
    low, high = (mean - _REACH * scale).max(), (mean + _REACH * scale).max()
    grid = np.linspace(low, high, _GRID)
    hopeful = np.flatnonzero(mean + _REACH * scale >= low)
    odds_above = np.exp((mean[hopeful] - grid[:, None]) / scale[hopeful])
    # The density of the highest value, by whose it is: f_i times the product of all other F_j, which is
    # (1 - F_i) / scale_i times the product of all F_j.
    none_above = np.exp(-np.log1p(odds_above).sum(axis=1))
    chances = np.zeros(len(priority))
    chances[hopeful] = (none_above @ (odds_above / (1.0 + odds_above))) / scale[hopeful]
    total = chances.sum()
    return chances / total if total > 0.0 else certain_first(len(priority))


def within_regret(chances: Floats, priority: Floats, regret: float) -> Floats:
    """Return probabilities that give up at most a part `regret` of the best priority on average.

    Where the given ones would give up more, they are mixed with the best candidate (the first) alone.
    """
    lost = float(chances @ (priority[0] - priority))
    allowed = regret * float(priority[0])
    return (
        chances
        if lost <= allowed
        else certain_first(len(chances)) * (1.0 - allowed / lost) + chances * (allowed / lost)
    )


def _drawn(chances: Floats, dice: float) -> int:
    """Return the place that a number in [0, 1) falls on; never one without any probability."""
    edges = np.cumsum(chances)
    place = int(np.searchsorted(edges, dice * edges[-1], side="right"))
    return min(place, int(np.flatnonzero(chances)[-1]))


def certain_first(size: int) -> Floats:
    """Return probabilities over candidates, best first, where nothing is tried."""
    chances = np.zeros(size)
    chances[0] = 1.0
    return chances
