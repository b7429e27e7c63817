"""What is left of a customer whom nobody can read is left of every customer: no closed rule could stop it."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from random import Random

import pytest
from any_customer import any_customer
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import FILES, World, customer, ids

from nextbest_rules import Catalog, RuleSet, Situation, load_catalog
from nextbest_rules.assignment import HELD

ROOT = Path(__file__).parents[4]
CATALOGS = {
    "bank": ROOT / "rules" / "catalogs" / "bank",
    "corner_shop": ROOT / "tests" / "catalogs" / "corner_shop",
}
SEEDS = st.integers(0, 2**32 - 1)
EVERYTHING = {"card", "loan", "fridge", "beans", "status", "tip"}
CLOSED: Mapping[str, str] = {
    "consent": "consent: [{id: r, applies_to: {groups: [tips]}, directions: [INBOUND], "
    "purpose: marketing, reason: R.}]",
    "do not contact": "do_not_contact: [{id: r, applies_to: {groups: [tips]}, directions: [INBOUND], "
    "when: facts.vip, reason: R.}]",
    "guard over tickets": "guards: [{id: r, over: tickets, when: ticket.open, hold: {groups: [tips]}, "
    "reason: R.}]",
    "guard over nothing": "guards: [{id: r, when: facts.vip, hold: {groups: [tips]}, reason: R.}]",
    "fact": "eligibility: [{id: r, applies_to: {groups: [tips]}, require: facts.age > 17, reason: R.}]",
    "no fact": 'eligibility: [{id: r, applies_to: {groups: [tips]}, require: "!has(facts.age)", reason: R.}]',
    "feature with a default": "applicability: [{id: r, applies_to: {groups: [tips]}, "
    "require: features.visits < 1.0, reason: R.}]",
    "no feature": "applicability: [{id: r, applies_to: {groups: [tips]}, "
    'require: "!has(features.spend)", reason: R.}]',
    "stranger": "applicability: [{id: r, applies_to: {groups: [tips]}, "
    'require: "!customer.known", reason: R.}]',
    "no record": "applicability: [{id: r, applies_to: {groups: [tips]}, "
    'require: \'count("tip", "", "") < 1\', reason: R.}]',
    "owned": "suppression: {owned: [{id: r, applies_to: {groups: [shop]}, by: product, reason: R.}]}",
    "declined": "suppression: {declined: [{id: r, applies_to: {groups: [tips]}, by: action, for: 9d, "
    "reason: R.}]}",
    "cap": "contact_policy: {caps: [{id: r, applies_to: {groups: [tips]}, window: 7d, max: 9, reason: R.}]}",
    "quiet hours": "contact_policy: {quiet_hours: [{id: r, applies_to: {groups: [tips]}, "
    "directions: [INBOUND], from: '21:00', until: '08:00', time_zone: facts.zone, "
    "default_zone: Europe/Berlin, reason: R.}]}",
}
TRIED = """
holdouts:
  - {id: control, share: 0.1, applies_to: {groups: [shop]}, reason: R.}
experiments:
  - id: less
    arms: [{id: all, share: 0.5}, {id: none, share: 0.5, withhold: {groups: [cards]}}]
"""


@pytest.mark.parametrize("kind", sorted(CLOSED))
def test_a_closed_rule_stops_what_it_is_about(world: World, kind: str) -> None:
    rules = world(policies=CLOSED[kind])
    assert ids(rules, customer().unseen()) == EVERYTHING - (
        {"fridge", "beans"} if kind == "owned" else {"tip"}
    )


@pytest.mark.parametrize("kind", ["cap", "fact", "guard over tickets"])
def test_a_rule_that_lets_the_unknown_pass_does_so(world: World, kind: str) -> None:
    rules = world(policies=CLOSED[kind].replace("reason: R.", "reason: R., when_unknown: allow"))
    assert ids(rules, customer().unseen()) == EVERYTHING


def test_nothing_is_offered_that_a_holdout_or_an_arm_could_keep_back(world: World) -> None:
    rules = world(experiments=TRIED)
    assert ids(rules, customer()) == EVERYTHING
    assert ids(rules, customer().unseen()) == {"loan", "status", "tip"}


def test_volumes_that_nobody_can_read_are_used_up(world: World) -> None:
    capped = FILES["actions/all"].replace("  title: A fridge\n", "  title: A fridge\n  volume_cap: 9\n")
    assert ids(world(actions=capped), customer().unseen()) == EVERYTHING - {"fridge"}


def closed(directory: Path, name: str) -> RuleSet:
    """Return the rules of a catalog, all of them closed."""
    copied = Path(shutil.copytree(CATALOGS[name], directory / name))
    for file in copied.rglob("*.yaml"):
        file.write_text(file.read_text().replace("when_unknown: allow", "when_unknown: deny"))
    return RuleSet.compile(load_catalog(copied))


def with_arms(catalog: Catalog, situation: Situation, seed: int) -> Situation:
    random, tried = Random(seed), catalog.experimentation
    held = {it.id: HELD for it in tried.holdouts if random.random() < 0.5}
    arms = {it.id: random.choice(it.arms).id for it in tried.experiments if random.random() < 0.5}
    return situation._replace(arms={**held, **arms})


@pytest.mark.parametrize("name", sorted(CATALOGS))
def test_what_is_left_of_the_unseen_is_left_of_everybody(name: str, tmp_path: Path) -> None:
    rules = closed(tmp_path, name)
    left: set[str] = set()

    @settings(max_examples=300, deadline=None)
    @given(SEEDS)
    def holds(seed: int) -> None:
        situation = with_arms(rules.catalog, any_customer(rules.catalog, seed), seed)
        unseen = ids(rules, situation.unseen())
        assert unseen <= ids(rules, situation)
        left.update(unseen)

    holds()
    assert left
