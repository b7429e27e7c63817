"""The hour of a visit changes what is liked, as much as was ordered and per group."""

from dataclasses import replace

import numpy as np
import pytest

from nextbest_models.world import WorldShape, best_value, best_values, make_world, slate_values, visits_of
from nextbest_models.world.population import WorldError
from nextbest_models.world.truth import _best_of_all_sets

WORLD = make_world(5, WorldShape(customers=30, actions=7, groups=3, ranks=3, new_actions=0))


def log_odds(chance: np.ndarray) -> np.ndarray:
    return np.log(chance / (1 - chance))


def test_every_customer_comes_at_every_hour() -> None:
    visits = visits_of(WORLD, (8, 20), 0.5, 1)
    assert len(visits) == 60
    assert visits.customer[visits.at(20)].tolist() == list(range(30))
    assert np.array_equal(visits.world.customers[visits.at(8)], WORLD.customers)


def test_where_the_hour_does_not_matter_all_hours_are_as_the_world_is() -> None:
    visits = visits_of(WORLD, (8, 20), 0.0, 1)
    for hour in (8, 20):
        assert visits.world.propensity[visits.at(hour)] == pytest.approx(WORLD.propensity)


def test_the_hour_shifts_the_log_odds_of_a_group_alike_for_all_and_by_nothing_over_a_day() -> None:
    visits = visits_of(WORLD, range(24), 0.5, 1)
    shift = log_odds(visits.world.propensity) - log_odds(WORLD.propensity)[visits.customer]
    by_hour = shift.reshape(30, 24, 7)
    assert by_hour == pytest.approx(np.broadcast_to(by_hour[:1], by_hour.shape))
    for group in range(3):
        own = by_hour[0][:, WORLD.group == group]
        assert own == pytest.approx(np.broadcast_to(own[:, :1], own.shape))
    assert by_hour.mean(axis=1) == pytest.approx(0, abs=1e-12)
    assert by_hour[0].std(axis=0) == pytest.approx(0.5)
    assert len(np.unique(by_hour[0].round(6), axis=1).T) == 3  # each group has its own hour


@pytest.mark.parametrize("hours", [(), (8, 8), (24,), (-1,)])
def test_hours_that_are_none_are_refused(hours: tuple[int, ...]) -> None:
    with pytest.raises(WorldError):
        visits_of(WORLD, hours, 0.5, 1)


def test_without_crowding_the_best_slates_are_the_best_actions_in_order() -> None:
    assert best_values(WORLD) == pytest.approx(_best_of_all_sets(WORLD))
    crowded = replace(WORLD, crowding=0.2)
    assert best_values(crowded) == pytest.approx(_best_of_all_sets(crowded))
    assert best_value(crowded) < best_value(WORLD)


def test_slates_are_worth_what_their_ranks_and_neighbours_leave() -> None:
    world = replace(WORLD, crowding=0.5)
    first, same, other = 0, 3, 1  # actions 0 and 3 are of one group
    (values,) = slate_values(world, np.array([4]), np.array([[first, same, other]]))
    worth = world.propensity[4] * world.value
    assert values.tolist() == pytest.approx(
        [
            worth[first],
            world.examination[1] * worth[same] * 0.5,
            world.examination[2] * worth[other],
        ]
    )
