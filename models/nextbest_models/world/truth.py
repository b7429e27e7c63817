"""What policies are really worth in a world. Exact: sums over customers and slates, no simulation."""

import numpy as np

from nextbest_models.offpolicy.arrays import Flags, Floats, Integers
from nextbest_models.offpolicy.ranking_policies import RankingPolicy
from nextbest_models.offpolicy.slates import steps
from nextbest_models.world.answering import crowding_of
from nextbest_models.world.population import World


def position_values(world: World, policy: RankingPolicy, scores: Floats) -> Floats:
    """Return the expected reward at each rank if a policy fills all of them, float64 [ranks].

    Args:
        world: the truth.
        policy: fills the ranks.
        scores: float64 [customers, actions]; minus infinity: not a candidate.

    Raises:
        OffPolicyError: there are too many sets of actions, see `slates.steps`.
    """
    return values_one_rank_at_a_time(world, policy, policy, scores, scores)


def values_one_rank_at_a_time(
    world: World, above: RankingPolicy, at: RankingPolicy, scores_above: Floats, scores_at: Floats
) -> Floats:
    """Return the expected reward at each rank if one policy picks it and another what is above, [ranks].

    Raises:
        OffPolicyError: there are too many sets of actions, see `slates.steps`.
    """
    values = np.zeros(world.ranks)
    for step in steps(above, scores_above, world.ranks):
        reached = step.picked.sum(axis=1, keepdims=True)
        left = scores_at.copy()
        left[:, step.taken] = -np.inf
        picked = reached * at.probabilities(left)
        values[step.rank] += (picked * _gain(world, step.rank, step.taken)).sum(axis=1).mean()
    return values


def policy_value(world: World, policy: RankingPolicy, scores: Floats) -> float:
    """Return the expected reward of a decision, all ranks together."""
    return float(position_values(world, policy, scores).sum())


def best_values(world: World) -> Floats:
    """Return what the best slate earns at each customer, for whoever knows the truth, float64 [customers].

    Without crowding that is the best actions in order. With it, taking the best action first need not be
    best: dynamic programming over the sets of actions that stand above a rank (Held & Karp 1962) finds it.
    """
    if world.crowding == 1:
        best = np.sort(world.worth, axis=1)[:, ::-1][:, : world.ranks]
        return np.asarray(best @ world.examination)
    return _best_of_all_sets(world)


def best_value(world: World) -> float:
    """Return what the best slates earn per decision, for whoever knows the truth."""
    return float(best_values(world).mean())


def slate_values(world: World, customer: Integers, actions: Integers) -> Floats:
    """Return the expected reward of slates at each rank, float64 [decisions, ranks].

    Args:
        world: the truth.
        customer: int64 [decisions].
        actions: int64 [decisions, ranks], what is shown; may have fewer ranks than the world.
    """
    chance = world.propensity[customer[:, None], actions] * crowding_of(world, actions)
    expected: Floats = world.examination[: actions.shape[1]] * chance * world.value[actions]
    return expected


def _best_of_all_sets(world: World) -> Floats:
    actions = len(world.value)
    reached: dict[tuple[int, ...], Floats] = {(): np.zeros(len(world.customers))}
    for rank in range(world.ranks):
        below: dict[tuple[int, ...], Floats] = {}
        for members, earned in reached.items():
            taken = np.isin(np.arange(actions), members)
            gain = _gain(world, rank, taken)
            for action in np.flatnonzero(~taken).tolist():
                grown = tuple(sorted((*members, action)))
                total = earned + gain[:, action]
                below[grown] = np.maximum(below[grown], total) if grown in below else total
        reached = below
    return np.asarray(np.max(list(reached.values()), axis=0))


def regret(world: World, policy: RankingPolicy, scores: Floats) -> float:
    """Return what a policy earns less than the best slates, per decision."""
    return best_value(world) - policy_value(world, policy, scores)


def _gain(world: World, rank: int, taken: Flags) -> Floats:
    """Return the expected reward of each action at a rank below others, float64 [customers, actions]."""
    crowded = np.isin(world.group, world.group[taken])
    gain: Floats = world.examination[rank] * world.worth * np.where(crowded, world.crowding, 1.0)
    return gain
