"""A world becomes a catalog that the loader takes, and a recipe that training takes."""

from pathlib import Path

import pytest

from nextbest_models.recipe import LogRecipe, load_recipe
from nextbest_models.world import WorldShape, make_world
from nextbest_rules import Catalog, load_catalog
from nextbest_rules.terms import ExplorationMethod
from nextbest_service.decisions.generation import action_profiles, feature_spec
from nextbest_service.simulation.catalog_files import PLACEMENT, action_ids, render_catalog
from nextbest_service.simulation.learning import render_recipe

WORLD = make_world(1, WorldShape(customers=10, actions=11, groups=4, ranks=3))


def loaded(directory: Path, explore: float | None = 0.2) -> Catalog:
    for name, text in render_catalog(WORLD, explore).items():
        (directory / name).parent.mkdir(exist_ok=True)
        (directory / name).write_text(text)
    return load_catalog(directory)


def test_the_catalog_has_every_action_in_the_order_of_the_world(tmp_path: Path) -> None:
    catalog = loaded(tmp_path)
    assert [it.id for it in catalog.actions] == action_ids(WORLD)
    assert [it.value for it in catalog.actions] == WORLD.value.tolist()
    assert {it.type.value for it in catalog.actions} == {"OFFER", "SERVICE", "INFORMATION"}
    assert len({it.group for it in catalog.actions}) == 4


def test_nothing_tells_beforehand_how_good_an_action_is(tmp_path: Path) -> None:
    catalog = loaded(tmp_path)
    assert {it.starting_propensity for it in catalog.actions} == {None}


def test_the_model_sees_what_the_truth_is_made_of(tmp_path: Path) -> None:
    catalog = loaded(tmp_path)
    spec = feature_spec(catalog)
    assert len(spec.customer_names) == WORLD.customers.shape[1]
    assert "hour" in spec.columns
    for number, profile in enumerate(action_profiles(catalog)):
        assert profile.attributes["number"] == number
        assert profile.attributes["property_1"] == pytest.approx(WORLD.features[number, 0])


def test_it_explores_with_a_floor_or_not_at_all(tmp_path: Path) -> None:
    exploration = loaded(tmp_path).placements[PLACEMENT].exploration
    assert exploration is not None
    assert exploration.method is ExplorationMethod.THOMPSON
    assert exploration.share == 0.2
    assert loaded(tmp_path, None).placements[PLACEMENT].exploration is None


@pytest.mark.parametrize("rounds", [1, 2, 30])
def test_the_recipe_holds_the_last_half_of_the_last_round_back(tmp_path: Path, rounds: int) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text(render_recipe(rounds))
    recipe = load_recipe(path, LogRecipe)
    assert recipe.log.test_share * rounds == pytest.approx(0.49, abs=0.002)
    assert recipe.log.positives == ("CLICKED",)
