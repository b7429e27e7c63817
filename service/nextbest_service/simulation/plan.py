"""How large a simulation is, and the world that it takes place in."""

from dataclasses import dataclass

from nextbest_models.world import WorldShape, make_world, visits_of
from nextbest_service.simulation.rounds import Crowd

HOURS = (8, 13, 20)
RHYTHM = 0.5
"""How much the hour matters, as `visits_of` counts it: about as much as what people like."""
GROUPS, ISSUES = 6, 3


@dataclass(frozen=True, slots=True)
class Plan:
    """How large a simulation is. `decisions` are per round, `ranks` per decision.

    `explore` is the share of picks that is left to chance, whatever is known.

    The same plan gives the same world, visits and dice; so the figures of two runs are the same.

    Raises:
        WorldError: there are fewer actions than ranks.
    """

    customers: int = 1_000
    actions: int = 20
    ranks: int = 2
    rounds: int = 6
    decisions: int = 3_000
    explore: float = 0.1
    seed: int = 1
    threads: int = 2

    def crowd(self) -> Crowd:
        """Return who lives in this world, and when they come."""
        shape = WorldShape(
            customers=self.customers,
            actions=self.actions,
            groups=min(GROUPS, self.actions),
            issues=min(ISSUES, self.actions),
            ranks=self.ranks,
            new_actions=0,
        )
        return Crowd(visits_of(make_world(self.seed, shape), HOURS, RHYTHM, self.seed), HOURS)
