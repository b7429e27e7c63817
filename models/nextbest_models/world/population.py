"""The people and actions of a synthetic world, and what is true of them."""

from dataclasses import dataclass

import numpy as np

from nextbest_models.offpolicy.arrays import Flags, Floats, Integers


class WorldError(ValueError):
    """A world cannot be made of such numbers."""


@dataclass(frozen=True, slots=True)
class WorldShape:
    """How large a world is, and what it is like.

    customers, customer_features, actions, action_features, groups, issues, ranks: counts, all above 0.
    new_actions: how many actions (the last ones) nobody has been shown yet.
    base_log_odds: log-odds of a propensity with all effects at 0.
    effect: standard deviation of each kind of effect on the log-odds; 0 makes everybody alike.
    attention: examination of rank k is k ** -attention; 0: all ranks are looked at.
    crowding: factor on the propensity of an action below another of its group; 1: ranks do not disturb each
        other.

    Raises:
        WorldError: a count or a factor is out of range.
    """

    customers: int = 400
    customer_features: int = 5
    actions: int = 10
    action_features: int = 3
    groups: int = 4
    issues: int = 2
    ranks: int = 3
    new_actions: int = 2
    base_log_odds: float = -1.5
    effect: float = 0.6
    attention: float = 0.7
    crowding: float = 1.0

    def __post_init__(self) -> None:
        counts = (self.customers, self.customer_features, self.actions, self.action_features)
        if min(*counts, self.groups, self.issues, self.ranks) < 1:
            raise WorldError("a world needs at least one of everything")
        if not 0 <= self.new_actions < self.actions or self.ranks > self.actions:
            raise WorldError("a world needs an action that is not new, and as many actions as ranks")
        if not 0 <= self.crowding <= 1 or self.attention < 0 or self.effect < 0:
            raise WorldError("crowding lies from 0 to 1, attention and effect at 0 or above")


@dataclass(frozen=True, slots=True)
class World:
    """A population of customers, all equally likely to come, and the actions that can be shown to them.

    customers: float64 [customers, customer features]. features: float64 [actions, action features].
    group, issue: int64 [actions]. new: bool [actions], never shown before the first round.
    propensity: float64 [customers, actions], the true P(positive | looked at), without crowding.
    value: float64 [actions], what a positive outcome is worth.
    examination: float64 [ranks], P(looked at), which depends on the rank only.
    crowding: see `WorldShape`.
    """

    customers: Floats
    features: Floats
    group: Integers
    issue: Integers
    new: Flags
    propensity: Floats
    value: Floats
    examination: Floats
    crowding: float

    @property
    def worth(self) -> Floats:
        """float64 [customers, actions]: the expected reward of what is looked at and not crowded."""
        return self.propensity * self.value

    @property
    def ranks(self) -> int:
        """How many slots a decision fills."""
        return len(self.examination)


def make_world(seed: int, shape: WorldShape | None = None) -> World:
    """Make a world. Equal arguments give equal worlds.

    The log-odds of a propensity are a sum of effects: of the issue, the group and the action itself; of
    what the group means to the customer (customer features × group); of customer and action features
    together; and of two customer features at once, per group, which no additive model sees.
    """
    shape = shape or WorldShape()
    random = np.random.default_rng(seed)
    customers = random.standard_normal((shape.customers, shape.customer_features))
    features = random.standard_normal((shape.actions, shape.action_features))
    group = np.arange(shape.actions, dtype=np.int64) % shape.groups
    issue = group % shape.issues
    log_odds = shape.base_log_odds + shape.effect * _effects(shape, random, customers, features, group, issue)
    return World(
        customers=customers,
        features=features,
        group=group,
        issue=issue,
        new=np.arange(shape.actions) >= shape.actions - shape.new_actions,
        propensity=1 / (1 + np.exp(-log_odds)),
        value=np.round(random.lognormal(0.0, 0.4, shape.actions), 2) + 0.1,
        examination=np.arange(1.0, shape.ranks + 1) ** -shape.attention,
        crowding=shape.crowding,
    )


def _effects(
    shape: WorldShape,
    random: np.random.Generator,
    customers: Floats,
    features: Floats,
    group: Integers,
    issue: Integers,
) -> Floats:
    """Return the sum of all effects, float64 [customers, actions]; each kind has variance 1, or 0.25."""
    ours, theirs = shape.customer_features, shape.action_features
    of_action = random.standard_normal(shape.issues)[issue] + random.standard_normal(shape.groups)[group]
    of_action += 0.5 * random.standard_normal(shape.actions)
    taste = customers @ random.standard_normal((ours, shape.groups)) / np.sqrt(ours)
    pairs = customers @ random.standard_normal((ours, theirs)) @ features.T / np.sqrt(ours * theirs)
    both = customers[:, :1] * customers[:, -1:] * random.standard_normal(shape.groups)[group]
    total: Floats = of_action + taste[:, group] + pairs + both
    return total
