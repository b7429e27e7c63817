"""What a generation would show, and how likely, on every visit that there may be; and what that is worth."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from nextbest_models.offpolicy.arrays import Floats, Integers
from nextbest_models.world import World
from nextbest_rules.catalog import Exploration
from nextbest_rules.trials import CustomerState, PlacementAsked, Question
from nextbest_service.decisions.decision import Decision
from nextbest_service.decisions.exploration import Explorer, Outlook
from nextbest_service.decisions.generation import Generation
from nextbest_service.decisions.offline import deliberate_offline
from nextbest_service.simulation.catalog_files import HOUR, PLACEMENT, trait_names
from nextbest_service.simulation.rounds import Crowd

_STEP = 100


@dataclass(frozen=True, slots=True)
class Policy:
    """A generation's view of all visits, and how its placement explores (None: it does not).

    outlooks: one per visit, over the actions in the catalog's order. order: int64 [visits, actions], the
    actions by priority, the highest first.
    """

    outlooks: Sequence[Outlook]
    exploration: Exploration | None
    order: Integers

    def chances(self, visit: int, taken: Integers) -> Floats:
        """Return how likely each action is picked below those taken, float64 [actions].

        These are computed by the code that serves.
        """
        outlook = self.outlooks[visit]
        competing = self.order[visit]
        if len(taken):
            left = np.ones(len(competing), dtype=np.bool_)
            left[taken] = False
            competing = competing[left[competing]]
        chances = np.zeros(len(self.order[visit]))
        if self.exploration is None:
            chances[competing[0]] = 1.0
        else:
            chances[competing] = Explorer(self.exploration, outlook, b"").chances(competing)
        return chances


def policy_of(generation: Generation, crowd: Crowd, watch: Callable[[int, int], None]) -> Policy:
    """Return what a generation expects of every action on every visit, by deliberating on each.

    `watch` hears how many visits are done, and of how many.
    """
    (placement,) = (it for it in generation.catalog.placements.values() if it.id == PLACEMENT)
    names, visits = trait_names(crowd.world), crowd.visits
    questions = (
        Question(
            now_ms=0,
            customer=CustomerState(features=dict(zip(names, traits, strict=True))),
            placements=(PlacementAsked(placement),),
            context={HOUR: hour},
        )
        for traits, hour in zip(crowd.world.customers.tolist(), visits.hour.tolist(), strict=True)
    )
    outlooks = []
    for done, question in enumerate(questions, start=1):
        outlooks.append(_outlook(deliberate_offline(generation, question)))
        if not done % _STEP or done == len(visits):
            watch(done, len(visits))
    order = np.argsort([-it.priority for it in outlooks], axis=1, kind="stable")
    return Policy(outlooks, placement.exploration, order)


def _outlook(decision: Decision) -> Outlook:
    factors = decision.basis.factors
    if len(factors.rows) != len(decision.basis.generation.catalog.actions):
        raise AssertionError("nothing in a world may be screened out")
    return factors.outlook


def worth_of(policy: Policy, world: World, random: np.random.Generator) -> float:
    """Return the expected reward of a decision under a policy, over all visits of a world without crowding.

    What the first rank earns is exact. Below it, one draw per visit stands for what is above; what a rank
    earns depends little on that.
    """
    total, worth = 0.0, world.worth
    for visit in range(len(policy.outlooks)):
        taken = np.zeros(0, dtype=np.int64)
        for examination in world.examination.tolist():
            chances = policy.chances(visit, taken)
            total += examination * float(chances @ worth[visit])
            drawn = np.searchsorted(chances.cumsum(), random.random() * chances.sum(), side="right")
            taken = np.append(taken, min(int(drawn), len(chances) - 1))
    return total / len(policy.outlooks)
