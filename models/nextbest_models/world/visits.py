"""Visits: who comes, and at which hour, which changes what they like."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from nextbest_models.offpolicy.arrays import Floats, Integers
from nextbest_models.world.population import World, WorldError

HOURS_OF_A_DAY = 24


@dataclass(frozen=True, slots=True)
class Visits:
    """All visits that there may be, equally likely: every customer at each of some hours.

    world: the truth with one row per visit in place of one per customer.
    customer, hour: int64 [visits], position in the customers of the first world, and hour of the day.
    """

    world: World
    customer: Integers
    hour: Integers

    def __len__(self) -> int:
        """How many there are."""
        return len(self.customer)

    def at(self, hour: int) -> Integers:
        """Return the visits at an hour: their positions, one per customer and in their order."""
        return np.flatnonzero(self.hour == hour)


def visits_of(world: World, hours: Sequence[int], effect: float, seed: int) -> Visits:
    """Let everybody come at some hours: each group of actions has an hour at which it is liked best.

    Args:
        world: who comes, and what they like on average over the day.
        hours: of the day, all different.
        effect: standard deviation of the hour's effect on the log-odds, over a whole day; 0: all hours alike.
        seed: where the best hours come from.

    Raises:
        WorldError: there are no hours, one comes twice, or one is none of a day.
    """
    if not hours or len({*hours}) < len(hours) or not all(0 <= hour < HOURS_OF_A_DAY for hour in hours):
        raise WorldError("visits need different hours from 0 to 23")
    best = np.random.default_rng(seed).uniform(0, HOURS_OF_A_DAY, int(world.group.max()) + 1)
    turns = (np.asarray(hours)[:, None] - best) / HOURS_OF_A_DAY
    rhythm: Floats = effect * np.sqrt(2) * np.cos(2 * np.pi * turns)[:, world.group]
    odds = np.log(world.propensity) - np.log1p(-world.propensity)
    every = (odds[:, None, :] + rhythm).reshape(-1, len(world.value))
    customers = np.arange(len(world.customers), dtype=np.int64)
    customer = np.repeat(customers, len(hours))
    return Visits(
        world=replace(world, customers=world.customers[customer], propensity=1 / (1 + np.exp(-every))),
        customer=customer,
        hour=np.tile(np.asarray(hours, dtype=np.int64), len(customers)),
    )
