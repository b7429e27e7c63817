"""A synthetic world whose truth is known: who would like what, and what any policy is worth there.

For proving estimators and for showing that a loop of deciding and learning learns. numpy only, seeded,
vectorised.
"""

from nextbest_models.world.answering import Round, answer
from nextbest_models.world.population import World, WorldShape, make_world
from nextbest_models.world.truth import (
    best_value,
    best_values,
    policy_value,
    position_values,
    regret,
    slate_values,
    values_one_rank_at_a_time,
)
from nextbest_models.world.visits import Visits, visits_of

__all__ = [
    "Round",
    "Visits",
    "World",
    "WorldShape",
    "answer",
    "best_value",
    "best_values",
    "make_world",
    "policy_value",
    "position_values",
    "regret",
    "slate_values",
    "values_one_rank_at_a_time",
    "visits_of",
]
