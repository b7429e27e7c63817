"""A synthetic world whose truth is known: who would like what, and what any policy is worth there.

For proving estimators and for showing that a loop of deciding and learning learns. numpy only, seeded,
vectorised.
"""

from nextbest_models.world.answering import Round, answer
from nextbest_models.world.population import World, WorldShape, make_world
from nextbest_models.world.truth import (
    best_value,
    policy_value,
    position_values,
    regret,
    values_one_rank_at_a_time,
)

__all__ = [
    "Round",
    "World",
    "WorldShape",
    "answer",
    "best_value",
    "make_world",
    "policy_value",
    "position_values",
    "regret",
    "values_one_rank_at_a_time",
]
