"""Whole slates of a ranking policy: drawing them, and the probabilities of what stands at which rank."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import comb

import numpy as np

from nextbest_models.offpolicy.arrays import Flags, Floats, Integers
from nextbest_models.offpolicy.ranking_policies import RankingPolicy
from nextbest_models.offpolicy.slot_log import OffPolicyError

NOBODY = -1
MOST_SETS = 20_000


@dataclass(frozen=True, slots=True)
class Slates:
    """What was picked. Both [decisions, ranks].

    actions: int64, `NOBODY` where no candidate was left.
    probabilities: float64, of the pick given the ranks above; 1 where nobody was left.
    """

    actions: Integers
    probabilities: Floats


@dataclass(frozen=True, slots=True)
class Step:
    """A rank being filled, the actions in `taken` (bool [actions]) standing above it in some order.

    picked: float64 [decisions, actions], the probability that they stand there *and* the action is picked.
    """

    rank: int
    taken: Flags
    picked: Floats


def draw_slates(policy: RankingPolicy, scores: Floats, ranks: int, random: np.random.Generator) -> Slates:
    """Fill the ranks of every decision, from the top. `scores` are those of `RankingPolicy`."""
    left = scores.copy()
    rows = np.arange(len(scores))
    actions = np.full((len(scores), ranks), NOBODY, dtype=np.int64)
    picked = np.ones((len(scores), ranks))
    for rank in range(ranks):
        probabilities = policy.probabilities(left)
        alive = probabilities.any(axis=1)
        action = _draw(probabilities, random)
        actions[alive, rank] = action[alive]
        picked[alive, rank] = probabilities[rows, action][alive]
        left[rows[alive], action[alive]] = -np.inf
    return Slates(actions, picked)


def conditional_probabilities(policy: RankingPolicy, scores: Floats, actions: Integers) -> Floats:
    """Return what a policy picks at each rank below logged ranks, float64 [decisions, ranks, actions].

    Args:
        policy: may be another than the one that was logged.
        scores: as in `RankingPolicy`.
        actions: int64 [decisions, ranks], as in `Slates`.
    """
    left = scores.copy()
    found = np.zeros((*actions.shape, scores.shape[1]))
    for rank in range(actions.shape[1]):
        found[:, rank] = policy.probabilities(left)
        alive = np.flatnonzero(actions[:, rank] != NOBODY)
        left[alive, actions[alive, rank]] = -np.inf
    return found


def steps(policy: RankingPolicy, scores: Floats, ranks: int) -> Iterator[Step]:
    """Walk all sets of actions that may stand above each rank: the exact distribution of a policy.

    Policies look at what is left, so the order above does not matter and sets are enough.

    Raises:
        OffPolicyError: there are more than `MOST_SETS` sets.
    """
    decisions, actions = scores.shape
    if (sets := sum(comb(actions, rank) for rank in range(ranks))) > MOST_SETS:
        raise OffPolicyError(f"{ranks} ranks of {actions} actions are {sets:,} sets: sample instead")
    reached: dict[tuple[int, ...], Floats] = {(): np.ones(decisions)}
    for rank in range(ranks):
        below: dict[tuple[int, ...], Floats] = {}
        for taken, probability in reached.items():
            members = np.array(taken, dtype=np.intp)
            left = scores.copy()
            left[:, members] = -np.inf
            flags = np.zeros(actions, dtype=np.bool_)
            flags[members] = True
            picked = probability[:, None] * policy.probabilities(left)
            yield Step(rank, flags, picked)
            for action in np.flatnonzero(picked.any(axis=0)).tolist():
                grown = tuple(sorted((*taken, action)))
                below[grown] = below.get(grown, 0.0) + picked[:, action]
        reached = below


def marginal_probabilities(policy: RankingPolicy, scores: Floats, ranks: int) -> Floats:
    """Return how likely each action stands at each rank, float64 [decisions, ranks, actions]. Exact.

    Raises:
        OffPolicyError: there are too many sets, see `steps`.
    """
    found = np.zeros((len(scores), ranks, scores.shape[1]))
    for step in steps(policy, scores, ranks):
        found[:, step.rank] += step.picked
    return found


def sampled_marginals(
    policy: RankingPolicy, scores: Floats, ranks: int, samples: int, random: np.random.Generator
) -> Floats:
    """Return `marginal_probabilities` as the mean over sampled ranks above, for any number of actions.

    Unbiased; an action that a policy can pick at all has a probability above 0 only if the sampled ranks
    above let it, so logged actions need enough samples.
    """
    found = np.zeros((len(scores), ranks, scores.shape[1]))
    for _ in range(samples):
        slates = draw_slates(policy, scores, ranks, random)
        found += conditional_probabilities(policy, scores, slates.actions)
    return found / samples


def _draw(probabilities: Floats, random: np.random.Generator) -> Integers:
    """Draw an action per row. A draw never meets a probability of 0, unless the row has nothing else."""
    bounds = probabilities.cumsum(axis=1)
    # The sum is 1 but for rounding, and a draw must stay below it: there is no step above.
    drawn = random.random(len(bounds)) * bounds[:, -1]
    drawn_step: Integers = (bounds > drawn[:, None]).argmax(axis=1)
    return drawn_step
