"""Whoever asks, whenever: exactly what may not be said is explained, and the times it names are true."""

from functools import cache
from pathlib import Path

import pytest
from any_customer import any_customer
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import DAY, FILES, World

from nextbest_rules import Exclusion, RuleSet, Situation, Surface, load_catalog
from nextbest_rules.rulebook import rules_of

ROOT = Path(__file__).parents[4]
CATALOGS = {
    "corner_shop": ROOT / "tests" / "catalogs" / "corner_shop",
    "grocery": ROOT / "rules" / "catalogs" / "grocery",
    "bank": ROOT / "rules" / "catalogs" / "bank",
}


@cache
def shipped(name: str) -> RuleSet:
    return RuleSet.compile(load_catalog(CATALOGS[name]))


def surfaces(rules: RuleSet) -> list[Surface]:
    return [
        Surface(placement.id, channel, locale)
        for placement in rules.catalog.placements.values()
        for channel in placement.channels
        for locale in rules.catalog.locales or ("",)
    ]


def exclusions(rules: RuleSet, situation: Situation, surface: Surface | None) -> dict[str, Exclusion]:
    return {found.action_id: found for found in rules.explain(rules.look(situation), surface)}


def check(rules: RuleSet, situation: Situation, surface: Surface | None) -> None:
    """See that explaining agrees with screening, and that what an explanation promises comes true."""
    live = rules.screen(rules.look(situation)).live
    fitting = live if surface is None else live & rules.fit(surface).mask
    excluded = exclusions(rules, situation, surface)
    offered = {action.id for bit, action in enumerate(rules.catalog.actions) if fitting >> bit & 1}
    assert offered == rules.catalog.index.keys() - excluded.keys()
    promised = {found.eligible_at_ms for found in excluded.values()} - {None}
    for eligible_at in sorted(at for at in promised if at is not None)[:3]:
        assert eligible_at > min(situation.now_ms, situation.reaches_ms)
        then = situation._replace(now_ms=eligible_at, contact_at_ms=None)
        before = exclusions(rules, then._replace(now_ms=eligible_at - 1), surface)
        after = exclusions(rules, then, surface)
        for found in excluded.values():
            if found.eligible_at_ms == eligible_at:
                assert found.action_id in before
                again = after.get(found.action_id)
                assert again is None or (again.stage, again.rule_id) != (found.stage, found.rule_id)


SEEDS = st.integers(0, 2**32 - 1)
EXAMPLES = {"corner_shop": 200, "grocery": 25, "bank": 300}


@pytest.mark.parametrize("name", CATALOGS)
def test_what_is_not_offered_is_explained_and_nothing_else(name: str) -> None:
    rules = shipped(name)

    @settings(max_examples=EXAMPLES[name], deadline=None)
    @given(SEEDS, st.none() | st.sampled_from(surfaces(rules)))
    def agree(seed: int, surface: Surface | None) -> None:
        check(rules, any_customer(rules.catalog, seed), surface)

    agree()


EVERY_KIND = """
consent:
  - {id: consent, applies_to: {types: [OFFER]}, purpose: marketing, max_age: 90d, reason: R.}
do_not_contact:
  - {id: alone, when: facts.vip, reason: R., when_unknown: allow}
guards:
  - {id: ticket, over: tickets, when: ticket.severity == "high", hold: {types: [OFFER]}, scope: product,
     ended: ticket.closed_at, decay: 14d, reason: R.}
  - {id: bought, over: purchases, when: purchase.category == "machines", hold: {groups: [tips]},
     ended: purchase.ended_at, decay: 1d, reason: R.}
  - {id: state, when: facts.vip, hold: {groups: [loans]}, ended: facts.until, decay: 10d, reason: R.}
eligibility:
  - {id: old, applies_to: {groups: [cards]}, require: facts.age >= action.min_age, reason: R.}
suitability:
  - {id: rested, applies_to: {groups: [tips]}, require: 'count("tip", "", "") < 2', reason: R.}
suppression:
  owned: [{id: owned, applies_to: {groups: [cards, loans]}, by: product, reason: R.}]
  bought: [{id: just, applies_to: {groups: [shop]}, by: category, for: 30d, reason: R., when_unknown: allow}]
  declined: [{id: declined, by: issue, for: 60d, reason: R.}]
contact_policy:
  caps:
    - {id: week, per: [channel], window: 7d, max: 2, reason: R.}
    - {id: never, applies_to: {groups: [loans]}, channels: [sms], window: 1d, max: 0, reason: R.}
  quiet_hours:
    - {id: night, channels: [email, sms], from: "21:00", until: "08:00", time_zone: facts.zone, reason: R.}
    - {id: sunday, from: "00:00", until: "24:00", days: [sun], default_zone: Europe/Berlin, reason: R.}
"""
WINDOWS = "[{from: 2026-03-01, until: 2026-03-07}, {from: 2026-03-09T12:00:00Z}]"
DATED = FILES["actions/all"].replace(
    "  title: A fridge\n", f"  title: A fridge\n  valid: {WINDOWS}\n  volume_cap: 9\n"
)


@pytest.fixture(scope="module")
def every_kind(world: World) -> RuleSet:
    clock = FILES["catalog"] + "clock: 2026-03-09T10:00:00Z\n"
    return world(catalog=clock, actions=DATED, policies=EVERY_KIND)


@settings(max_examples=600, deadline=None)
@given(SEEDS, st.booleans())
def test_rules_of_every_kind_say_truly_when_they_are_lifted(
    every_kind: RuleSet, seed: int, at_home: bool
) -> None:
    situation = any_customer(every_kind.catalog, seed)
    check(every_kind, situation, Surface("home", "web", "") if at_home else None)


def test_moments_at_the_end_of_time_are_screened_too(every_kind: RuleSet) -> None:
    for now_ms in (0, -(10**13), 253_402_300_799_999 - 2 * DAY):
        for zone in ("Asia/Ho_Chi_Minh", "America/Lima"):
            situation = Situation(now_ms, channel="email", facts={"zone": zone})
            check(every_kind, situation, None)


def test_random_customers_run_into_every_rule(every_kind: RuleSet) -> None:
    """So that the agreement above says something about each of them."""
    met: set[str] = set()
    for seed in range(1_500):
        view = every_kind.look(any_customer(every_kind.catalog, seed))
        met |= {found.rule_id for found in every_kind.explain(view)}
    assert {rule.id for rule in rules_of(every_kind.catalog)} | {
        "not_yet_valid",
        "killed",
        "volume_cap",
    } <= met
