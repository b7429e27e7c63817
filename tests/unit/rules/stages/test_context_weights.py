"""Context weights: which have a say about whom, what they weigh, and that they never stop anything."""

import math

import pytest
from worlds import EVERYTHING, World, customer, ids

from nextbest_rules import RuleSet
from nextbest_rules.policies import MOST_WEIGHT
from nextbest_rules.rulebook import rule_ids

POLICIES = """
context_weights:
  - {id: fixed, applies_to: {types: [OFFER]}, when: 'context.page == "shop"', weight: 2, reason: R.}
  - {id: computed, applies_to: {actions: [tip]}, weight: context.heat / 10.0, reason: R.}
  - {id: both, applies_to: {groups: [shop]}, when: facts.vip, weight: "facts.age * 1", reason: R.}
"""


@pytest.fixture(scope="module")
def rules(world: World) -> RuleSet:
    return world(policies=POLICIES)


def weights(rules: RuleSet, live: int = -1, **parts: object) -> dict[str, float]:
    """Return what has a say, by rule."""
    view = rules.look(customer(**parts))
    return {it.rule_id: it.weight for it in rules.context_weights.weighings(live, view)}


def test_a_weight_has_a_say_while_its_condition_holds(rules: RuleSet) -> None:
    assert weights(rules, context={"page": "shop"}) == {"fixed": 2.0}
    assert weights(rules, context={"page": "help"}) == {}


def test_a_formula_weighs_by_what_is_known(rules: RuleSet) -> None:
    assert weights(rules, context={"heat": 25.0}) == {"computed": 2.5}
    assert weights(rules, facts={"vip": True, "age": 3}) == {"both": 3.0}
    assert all(type(weight) is float for weight in weights(rules, facts={"vip": True, "age": 3}).values())


def test_it_is_about_the_actions_that_it_selects(rules: RuleSet) -> None:
    view = rules.look(customer(context={"page": "shop", "heat": 1.0}, facts={"vip": True, "age": 2}))
    index = rules.catalog.index
    selected = {
        it.rule_id: {name for name, bit in index.items() if it.mask >> bit & 1}
        for it in rules.context_weights.weighings(-1, view)
    }
    assert selected == {
        "fixed": {"card", "loan", "fridge", "beans"},
        "computed": {"tip"},
        "both": {"fridge", "beans"},
    }


def test_what_no_live_action_needs_is_not_computed(rules: RuleSet) -> None:
    tip = 1 << rules.catalog.index["tip"]
    assert weights(rules, tip, context={"page": "shop", "heat": 20.0}) == {"computed": 2.0}
    assert weights(rules, 0, context={"page": "shop", "heat": 20.0}) == {}


@pytest.mark.parametrize(
    "heat", [None, 0.0, -1.0, math.nan, math.inf, -math.inf, "hot", 10 * MOST_WEIGHT * 1.01, True]
)
def test_a_formula_without_a_usable_weight_has_no_say(rules: RuleSet, heat: object) -> None:
    assert weights(rules, context={"heat": heat}) == {}


def test_the_largest_weight_has_a_say(rules: RuleSet) -> None:
    assert weights(rules, context={"heat": 10 * MOST_WEIGHT}) == {"computed": MOST_WEIGHT}


@pytest.mark.parametrize("parts", [{"facts": None}, {"facts": {}}, {"facts": {"vip": "yes", "age": 2}}])
def test_a_condition_that_cannot_be_told_has_no_say(rules: RuleSet, parts: dict[str, object]) -> None:
    assert weights(rules, **parts) == {}


def test_weights_stop_nothing_and_no_exclusion_names_them(rules: RuleSet) -> None:
    for facts in (None, {"vip": True, "age": 0}, {"vip": True, "age": 5}):
        assert ids(rules, customer(facts=facts)) == EVERYTHING
    assert not {"fixed", "computed", "both"} & rule_ids(rules.catalog)


def test_another_weight_is_another_version_of_the_rules(world: World, rules: RuleSet) -> None:
    assert world(policies=POLICIES.replace("weight: 2,", "weight: 3,")).version != rules.version
