"""What a world answers when a policy decides in it."""

from dataclasses import dataclass

import numpy as np

from nextbest_models.offpolicy.arrays import Flags, Floats, Integers
from nextbest_models.offpolicy.ranking_policies import RankingPolicy
from nextbest_models.offpolicy.slates import draw_slates
from nextbest_models.world.population import World


@dataclass(frozen=True, slots=True)
class Round:
    """Some decisions with what came of them. All but `customer` are [decisions, ranks].

    customer: int64 [decisions], position in the world's customers.
    actions: int64, what was shown. probabilities: float64, of each pick given the ranks above.
    positive: bool, the outcome. rewards: float64, the action's value where it is positive, else 0.
    """

    customer: Integers
    actions: Integers
    probabilities: Floats
    positive: Flags
    rewards: Floats


def answer(
    world: World, policy: RankingPolicy, scores: Floats, customer: Integers, random: np.random.Generator
) -> Round:
    """Let a policy decide for some customers, and draw the outcomes.

    Args:
        world: the truth.
        policy: fills the ranks.
        scores: float64 [customers, actions] of the whole population; minus infinity: not a candidate. At
            least as many candidates as ranks each.
        customer: int64 [decisions], who comes. May hold somebody several times.
        random: where chance comes from.
    """
    slates = draw_slates(policy, scores[customer], world.ranks, random)
    chance = world.examination * world.propensity[customer[:, None], slates.actions]
    chance = chance * crowding_of(world, slates.actions)
    positive = random.random(chance.shape) < chance
    rewards = np.where(positive, world.value[slates.actions], 0.0)
    return Round(customer, slates.actions, slates.probabilities, positive, rewards)


def crowding_of(world: World, actions: Integers) -> Floats:
    """Return the factor that higher ranks of the same group leave of each propensity, [decisions, ranks]."""
    return np.where(_crowded(world.group[actions]), world.crowding, 1.0)


def _crowded(groups: Integers) -> Flags:
    """Return where a higher rank shows the same group, bool [decisions, ranks]."""
    same = groups[:, :, None] == groups[:, None, :]
    crowded: Flags = (same & np.tri(groups.shape[1], k=-1, dtype=np.bool_)).any(axis=2)
    return crowded
