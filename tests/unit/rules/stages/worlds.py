"""A small bank with a shop, made to be varied: tests replace one of its files and ask what may be said."""

from collections.abc import Callable

from nextbest_rules import Exclusion, RuleSet, Situation, Surface
from nextbest_rules.terms import Direction

NOW = 1_773_050_400_000  # Monday 2026-03-09T10:00:00Z
SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000

World = Callable[..., RuleSet]

FILES = {
    "catalog": """
name: world
title: A small bank with a shop
channels: [web, app, email, sms]
purposes: [marketing, service]
action_attributes:
  - {name: price, type: double}
  - {name: min_age, type: int}
  - {name: line, type: string}
  - {name: fresh, type: bool}
""",
    "features": """
affinities: []
features:
  - {name: visits, source: customer, definition: {aggregate: count, of: trips}, default: 0.0}
  - {name: spend, source: customer, definition: {aggregate: sum, of: trips, value: money}}
""",
    "events": """
streams:
  - {name: trips, events: [order.placed], values: {money: items.amount}}
""",
    "facts": """
facts:
  - {name: age, type: int}
  - {name: vip, type: bool}
  - {name: income, type: double}
  - {name: city, type: string}
  - {name: zone, type: string}
  - {name: interests, type: list<string>}
  - {name: since, type: timestamp}
  - {name: until, type: timestamp}
context:
  - {name: page, type: string}
  - {name: heat, type: double}
""",
    "placements": """
placements:
  - {id: home, title: Home page, channel: web, direction: INBOUND, default_limit: 3}
  - {id: letter, title: Letter, channel: email, direction: OUTBOUND, default_limit: 1}
""",
    "policies": "{}",
    "actions/all": """
- id: card
  type: OFFER
  issue: cross_sell
  group: cards
  title: Gold card
  value: 100
  tags: [contract, credit]
  sells: {products: [gold-card], categories: [cards]}
  attributes: {min_age: 18, line: money}
- id: loan
  type: OFFER
  issue: acquisition
  group: loans
  title: Loan
  value: 200
  tags: [credit]
  attributes: {min_age: 21, price: 0.0, line: money}
- id: fridge
  type: OFFER
  issue: cross_sell
  group: shop
  title: A fridge
  value: 50
  sells: {products: [fridge-300, fridge-500], categories: [fridges]}
  attributes: {price: 700.0, line: goods, fresh: true}
- id: beans
  type: OFFER
  issue: retention
  group: shop
  title: Beans for the espresso machine
  value: 5
  about: {products: [espresso], categories: [machines]}
  sells: {products: [beans]}
  attributes: {price: 9.5, line: goods, fresh: false}
- id: status
  type: SERVICE
  issue: experience
  group: support
  title: How far your ticket is
  value: 1
  tags: [essential]
- id: tip
  type: INFORMATION
  issue: education
  group: tips
  title: How to care for your machine
  value: 1
  about: {categories: [machines]}
""",
}
EVERYTHING = {"card", "loan", "fridge", "beans", "status", "tip"}
OFFERS = {"card", "loan", "fridge", "beans"}


def customer(**parts: object) -> Situation:
    """Return a known customer on the web at NOW, with some parts of the situation given."""
    base = Situation(now_ms=NOW, known=True, channel="web", direction=Direction.INBOUND)
    return base._replace(**parts)  # type: ignore[arg-type]


def reached(channel: str = "email", **parts: object) -> Situation:
    """Return a known customer whom we are about to write to."""
    return customer(channel=channel, direction=Direction.OUTBOUND, **parts)


def ids(rules: RuleSet, situation: Situation) -> set[str]:
    """Return what may be said."""
    mask = rules.screen(rules.look(situation)).live
    return {action.id for bit, action in enumerate(rules.catalog.actions) if mask >> bit & 1}


def held(rules: RuleSet, situation: Situation) -> set[str]:
    """Return what may not be said, and see that explaining agrees with screening."""
    stopped = {action.id for action in rules.catalog.actions} - ids(rules, situation)
    assert {exclusion.action_id for exclusion in rules.explain(rules.look(situation))} == stopped
    return stopped


def why(rules: RuleSet, situation: Situation, action_id: str, surface: Surface | None = None) -> Exclusion:
    """Return why one action may not be said."""
    exclusions = rules.explain(rules.look(situation), surface)
    return next(exclusion for exclusion in exclusions if exclusion.action_id == action_id)


def lifted_at(rules: RuleSet, situation: Situation, action_id: str) -> int | None:
    """Return when an exclusion will be lifted, as it says itself, having seen that it is true."""
    eligible_at = why(rules, situation, action_id).eligible_at_ms
    if eligible_at is not None:
        assert eligible_at > situation.reaches_ms
        at_last = situation._replace(now_ms=eligible_at, contact_at_ms=None)
        assert action_id not in ids(rules, at_last._replace(now_ms=eligible_at - 1))
        assert action_id in ids(rules, at_last)
    return eligible_at
