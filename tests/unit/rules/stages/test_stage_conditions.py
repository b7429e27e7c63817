"""Eligibility, applicability, suitability, and the conditions that actions bring along."""

import pytest
from worlds import DAY, EVERYTHING, HOUR, NOW, OFFERS, World, customer, held, ids, reached, why

from nextbest_rules import RuleSet, Situation, Stage
from nextbest_rules.records import Contact, Event, Purchase, Ticket

TIERS = """
eligibility:
  - {id: old_enough, applies_to: {types: [OFFER]}, require: facts.age >= 18, reason: Too young.}
applicability:
  - {id: warm, applies_to: {types: [OFFER]}, require: context.heat > 10.0, reason: Cold., when_unknown: allow}
suitability:
  - {id: fits, applies_to: {types: [OFFER]}, require: '"money" in facts.interests', reason: Does not fit.}
"""
FINE = {"age": 30, "interests": ["money"]}


@pytest.fixture(scope="module")
def tiers(world: World) -> RuleSet:
    return world(policies=TIERS)


def test_the_tiers_stop_in_their_order(tiers: RuleSet) -> None:
    found = []
    for facts, heat in (({}, 3.0), (FINE | {"interests": []}, 3.0), (FINE | {"interests": []}, 30.0)):
        situation = customer(facts=facts, context={"heat": heat})
        assert held(tiers, situation) == OFFERS
        exclusion = why(tiers, situation, "loan")
        assert exclusion.eligible_at_ms is None
        found.append((exclusion.stage, exclusion.rule_id))
    assert found == [
        (Stage.ELIGIBILITY, "old_enough"),
        (Stage.APPLICABILITY, "warm"),
        (Stage.SUITABILITY, "fits"),
    ]
    assert held(tiers, customer(facts=FINE, context={"heat": 30.0})) == set()


@pytest.mark.parametrize(
    ("facts", "heat", "stopped"),
    [
        (FINE, None, False),
        (FINE, 10.0, True),
        (FINE | {"age": None}, 30.0, True),
        (FINE | {"age": 17}, 30.0, True),
        (FINE | {"age": 18}, 30.0, False),
        (FINE | {"interests": None}, 30.0, True),
    ],
)
def test_what_is_unknown_denies_or_allows_as_the_rule_says(
    tiers: RuleSet, facts: dict[str, object], heat: float | None, stopped: bool
) -> None:
    assert held(tiers, customer(facts=facts, context={"heat": heat})) == (OFFERS if stopped else set())


def test_a_value_that_is_missing_is_called_unknown(tiers: RuleSet) -> None:
    assert why(tiers, customer(), "loan").actual == "facts.age is unknown"
    assert why(tiers, customer(), "loan").required == "facts.age >= 18"


CAUSES = """
eligibility:
  - {id: broken, require: 10 / (facts.age - 5) > 1, reason: R.}
  - {id: no_mention, applies_to: {groups: [tips]}, require: "[1][int('1')] == 1", reason: R.}
"""


def test_what_cannot_be_computed_says_so(world: World) -> None:
    rules = world(policies=CAUSES)
    assert why(rules, customer(facts={"age": 5}), "loan").actual.startswith(
        "facts.age = 5; cannot be evaluated: "
    )
    assert why(rules, customer(facts={"age": 8}), "tip").actual.startswith("cannot be evaluated: ")
    assert why(rules, customer(facts={"age": 80}), "loan").actual == "facts.age = 80"


ATTRIBUTES = """
eligibility:
  - {id: old, require: "!has(action.min_age) || facts.age >= action.min_age", reason: R.}
  - {id: line, applies_to: {attributes: {line: [money, goods]}}, require: action.line in facts.interests,
     reason: R.}
  - {id: price, require: "!has(action.price) || action.price < 100.0 || facts.vip", reason: R.}
"""


def test_a_condition_is_asked_with_the_attributes_of_each_action(world: World) -> None:
    rules = world(policies=ATTRIBUTES)
    everything = {"age": 21, "interests": ["money", "goods"], "vip": True}
    assert ids(rules, customer(facts=everything)) == EVERYTHING
    assert held(rules, customer(facts=everything | {"age": 20})) == {"loan"}
    assert held(rules, customer(facts=everything | {"age": 17})) == {"loan", "card"}
    assert held(rules, customer(facts=everything | {"interests": ["money"]})) == {"fridge", "beans"}
    assert held(rules, customer(facts=everything | {"vip": False})) == {"fridge"}
    assert held(rules, customer(facts=everything | {"vip": None})) == {"fridge"}


def test_what_an_attribute_settles_is_explained_with_all_that_the_rule_reads(world: World) -> None:
    """For actions without a price nobody needs to know the city, and yet it is shown."""
    rule = "eligibility: [{id: r, require: has(action.price) && facts.city == 'Hue', reason: R.}]"
    rules = world(policies=rule)
    situation = customer(facts={"city": "Hue"})
    assert held(rules, situation) == {"card", "status", "tip"}
    assert why(rules, situation, "tip").actual == 'action.price is unknown; facts.city = "Hue"'
    tips_only = world(policies=rule.replace("require", "applies_to: {groups: [tips]}, require"))
    assert "facts.city" in why(tips_only, situation, "tip").actual


@pytest.mark.parametrize(
    ("condition", "meant"),
    [
        ("action.id == 'loan'", {"loan"}),
        ("action.type == 'SERVICE'", {"status"}),
        ("action.issue == 'education'", {"tip"}),
        ("action.group == 'shop'", {"fridge", "beans"}),
    ],
)
def test_an_action_is_known_by_its_own_fields(world: World, condition: str, meant: set[str]) -> None:
    rules = world(policies=f"eligibility: [{{id: r, require: {condition}, reason: R.}}]")
    assert held(rules, customer()) == EVERYTHING - meant
    assert why(rules, customer(), "card").actual.startswith("action.")


OWN = """
- id: mine
  type: OFFER
  issue: retention
  group: shop
  title: Mine
  value: 1
  eligibility: [facts.age > 3]
  applicability:
    - {id: page, require: context.page == "shop", when_unknown: allow, reason: Only in the shop.}
  suitability:
    - {require: conditions.grown_up}
- id: other
  type: OFFER
  issue: retention
  group: shop
  title: Other
  value: 1
"""
NAMED = """
conditions:
  - {name: grown_up, when: conditions.of_age && facts.vip}
  - {name: of_age, when: facts.age >= 18}
"""


def test_an_action_brings_its_own_conditions(world: World) -> None:
    rules = world(actions=OWN, conditions=NAMED)
    fine = customer(facts={"age": 18, "vip": True}, context={"page": "shop"})
    assert ids(rules, fine) == {"mine", "other"}
    stops = []
    for situation in (
        fine._replace(facts={"age": 3, "vip": True}),
        fine._replace(context={"page": "home"}),
        fine._replace(facts={"age": 17, "vip": True}),
        fine._replace(facts={"age": 18}),
    ):
        assert held(rules, situation) == {"mine"}
        found = why(rules, situation, "mine")
        stops.append((found.stage, found.rule_id, found.actual))
    assert stops == [
        (Stage.ELIGIBILITY, "mine.eligibility.1", "facts.age = 3"),
        (Stage.APPLICABILITY, "page", 'context.page = "home"'),
        (Stage.SUITABILITY, "mine.suitability.1", "facts.age = 17; facts.vip = true"),
        (Stage.SUITABILITY, "mine.suitability.1", "facts.age = 18; facts.vip is unknown"),
    ]
    assert ids(rules, fine._replace(context={})) == {"mine", "other"}
    required = why(rules, customer(facts={"age": 9, "vip": False}), "mine").required
    assert required == "conditions.grown_up (conditions.grown_up: conditions.of_age && facts.vip)"


def test_the_policies_of_a_tier_are_named_before_an_actions_own(world: World) -> None:
    rules = world(actions=OWN, conditions=NAMED, policies=TIERS)
    assert why(rules, customer(), "mine").rule_id == "old_enough"


MIXED = """
do_not_contact: [{id: alone, when: facts.vip, directions: [INBOUND], reason: R.}]
guards: [{id: guard, when: facts.vip, hold: {}, reason: R.}]
suitability: [{id: fits, require: facts.age > 90, reason: R.}]
suppression: {owned: [{id: owned, by: product, reason: R.}]}
"""


def test_the_stage_decides_what_is_named_and_not_the_kind_of_rule(world: World) -> None:
    """Ownership is applicability and comes before suitability; a wish not to be contacted is consent."""
    rules = world(policies=MIXED)
    owner = customer(facts={"age": 30, "vip": False}, purchases=(Purchase("beans"),))
    assert [why(rules, owner, it).rule_id for it in ("beans", "loan")] == ["owned", "fits"]
    assert why(rules, owner._replace(facts={"age": 30, "vip": True}), "beans").rule_id == "alone"
    own = world(actions=OWN, conditions=NAMED, policies=MIXED)
    assert why(own, owner._replace(facts={"age": 1, "vip": False}), "mine").rule_id == "mine.eligibility.1"


RECORDS = """
eligibility:
  - {id: calm, require: 'tickets.all(t, !t.open)', reason: R.}
  - {id: buyer, require: 'purchases.exists(p, p.product == "beans" && !has(p.ended_at))', reason: R.}
  - {id: seen, require: 'events.exists(e, e.type == "visit" && now - e.at < duration("24h"))', reason: R.}
  - {id: rested, require: 'count("loan", "", "DELIVERED", duration("72h")) < 2', reason: R.}
"""
TICKET = Ticket("T", opened_at_ms=0, closed_at_ms=NOW)
BOUGHT = Purchase("beans", at_ms=NOW - DAY)
VISIT = Event("visit", at_ms=NOW - HOUR)
SENT = Contact("loan", "DELIVERED", NOW - DAY)
ALL_WELL = {"tickets": (TICKET,), "purchases": (BOUGHT,), "events": (VISIT,), "contacts": (SENT,)}


@pytest.mark.parametrize(
    ("changed", "rule_id"),
    [
        ({}, None),
        ({"tickets": (TICKET, TICKET._replace(closed_at_ms=None))}, "calm"),
        ({"purchases": (BOUGHT._replace(ended_at_ms=NOW - 1),)}, "buyer"),
        ({"purchases": ()}, "buyer"),
        ({"events": (VISIT._replace(at_ms=NOW - DAY),)}, "seen"),
        ({"events": (VISIT._replace(at_ms=None),)}, "seen"),
        ({"contacts": (SENT, SENT)}, "rested"),
        ({"contacts": (SENT, SENT._replace(at_ms=NOW - 3 * DAY))}, None),
        ({"tickets": None}, "calm"),
        ({"purchases": None}, "buyer"),
        ({"events": None}, "seen"),
        ({"contacts": None}, "rested"),
    ],
)
def test_conditions_read_the_customers_records(
    world: World, changed: dict[str, object], rule_id: str | None
) -> None:
    rules = world(policies=RECORDS)
    situation = customer(**{**ALL_WELL, **changed})
    assert held(rules, situation) == (set() if rule_id is None else EVERYTHING)
    if rule_id is not None:
        found = why(rules, situation, "loan")
        assert found.rule_id == rule_id
        name, records = next(iter(changed.items()))
        shown = f"{name} cannot be read" if records is None else f"{name}: " if records else f"no {name}"
        assert shown in found.actual


REQUEST = """
eligibility:
  - id: asked
    require: channel == "email" && direction == "OUTBOUND" && brand == "" && goal == "sell" && customer.known
    reason: R.
"""


def test_conditions_read_the_request(world: World) -> None:
    rules = world(policies=REQUEST)
    asked = reached(goal="sell")
    assert ids(rules, asked) == EVERYTHING
    for changed in ({"channel": "sms"}, {"goal": ""}, {"known": False}):
        assert held(rules, asked._replace(**changed)) == EVERYTHING
    assert why(rules, customer(), "tip").actual == (
        'channel = "web"; direction = "INBOUND"; brand = ""; goal = ""; customer.known = true'
    )


def test_the_moment_is_shown(world: World) -> None:
    rules = world(
        policies="eligibility: [{id: r, require: now > timestamp('2026-03-09T10:00:00Z'), reason: R.}]"
    )
    assert why(rules, customer(), "tip").actual == "now = 2026-03-09T10:00:00Z"
    assert ids(rules, customer(now_ms=NOW + 1)) == EVERYTHING


AGED = """
facts:
  - {name: income, type: double, max_age: 30d}
  - {name: vip, type: bool, max_age: 30d, default: false}
  - {name: age, type: int}
"""
READS = """
eligibility:
  - {id: income, applies_to: {groups: [loans]}, require: facts.income > 100.0, reason: R.}
  - {id: vip, applies_to: {groups: [cards]}, require: facts.vip, reason: R.}
  - {id: age, applies_to: {groups: [tips]}, require: facts.age > 3, reason: R.}
"""
RICH = {"income": 500.0, "vip": True, "age": 30}


@pytest.mark.parametrize(
    ("as_of", "stopped"),
    [
        (NOW, set()),
        (NOW - 30 * DAY, set()),
        (NOW - 30 * DAY - 1, {"loan", "card"}),
        (None, {"loan", "card"}),
        ({"income": NOW, "vip": NOW}, set()),
        ({"income": NOW}, {"card"}),
        ({"vip": NOW, "income": 0}, {"loan"}),
    ],
)
def test_a_fact_that_is_too_old_gives_way_to_its_default(
    world: World, as_of: int | dict[str, int] | None, stopped: set[str]
) -> None:
    rules = world(facts=AGED, policies=READS)
    assert held(rules, customer(facts=RICH, facts_as_of=as_of)) == stopped
    if "loan" in stopped:
        assert why(rules, customer(facts=RICH, facts_as_of=as_of), "loan").actual == "facts.income is unknown"
    if "card" in stopped:
        assert why(rules, customer(facts=RICH, facts_as_of=as_of), "card").actual == "facts.vip = false"


AGED_FEATURES = """
affinities: []
features:
  - {name: visits, source: customer, definition: {a: b}, default: 9.0, max_age: 1d}
  - {name: spend, source: customer, definition: {a: b}, max_age: 1d}
  - {name: trips, source: customer, definition: {a: b}, max_age: 1d}
  - {name: other, source: customer, definition: {a: b}, default: 1.0}
"""
READS_FEATURES = """
eligibility:
  - {id: visits, applies_to: {groups: [loans]}, require: features.visits > 5.0, reason: R.}
  - {id: spend, applies_to: {groups: [cards]}, require: features.spend > 5.0, reason: R.}
  - {id: other, applies_to: {groups: [tips]}, require: features.other > 5.0, reason: R.}
"""


def test_features_grow_old_too_and_those_that_rules_read_are_reported(world: World) -> None:
    rules = world(features=AGED_FEATURES, policies=READS_FEATURES)
    fresh = customer(features={"visits": 7.0, "spend": 7.0, "other": 7.0}, features_as_of=NOW - DAY)
    assert held(rules, fresh) == set()
    assert rules.stale_features(fresh) == ()
    for as_of_ms in (NOW - DAY - 1, None):
        stale = fresh._replace(features_as_of=as_of_ms, features={**fresh.features, "visits": 1.0})
        assert held(rules, stale) == {"card"}
        assert why(rules, stale, "card").actual == "features.spend is unknown"
        assert rules.stale_features(stale) == ("spend", "visits")


def test_features_may_each_have_an_age_of_their_own(world: World) -> None:
    """What no age is told of was computed just now."""
    rules = world(features=AGED_FEATURES, policies=READS_FEATURES)
    features = {"visits": 7.0, "spend": 7.0, "other": 7.0}
    stale = customer(features=features, features_as_of={"spend": NOW - DAY - 1, "other": 0})
    assert held(rules, stale) == {"card"}
    assert rules.stale_features(stale) == ("spend",)
    assert rules.stale_features(customer(features=features, features_as_of={"spend": NOW - DAY})) == ()
    assert rules.stale_features(customer(features=features, features_as_of={})) == ()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("age", 2**63),
        ("age", True),
        ("age", 40.0),
        ("city", "\ud800"),
        ("city", 3),
        ("vip", 1),
        ("income", float("nan")),
        ("income", 2**60),
        ("since", "yesterday"),
        ("interests", ["money", 3]),
        ("interests", "money"),
    ],
)
def test_values_that_are_not_as_declared_are_unknown(world: World, name: str, value: object) -> None:
    use = {
        "age": "facts.age > 3",
        "city": "!facts.city.matches('x')",
        "vip": "facts.vip",
        "income": "facts.income > 0.0 || facts.income <= 0.0",
        "since": "facts.since < now || facts.since >= now",
        "interests": "'money' in facts.interests",
    }
    rules = world(policies=f'eligibility: [{{id: r, require: "{use[name]}", reason: R.}}]')
    situation = customer(facts={name: value})
    assert held(rules, situation) == EVERYTHING
    assert why(rules, situation, "tip").actual.startswith(f"facts.{name} is unknown")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("age", 2**63 - 1),
        ("age", -(2**63)),
        ("city", "Huế 🏯"),
        ("vip", False),
        ("income", 7),
        ("income", float("-inf")),
        ("since", "2026-01-01T00:00:00+07:00"),
        ("interests", ("a", "b")),
        ("interests", []),
    ],
)
def test_values_at_the_edge_of_their_type_are_known(world: World, name: str, value: object) -> None:
    rules = world(policies=f"eligibility: [{{id: r, require: facts.{name} == facts.{name}, reason: R.}}]")
    assert ids(rules, customer(facts={name: value})) == EVERYTHING


def test_unreadable_facts_have_no_presence_either(world: World) -> None:
    rules = world(policies="eligibility: [{id: r, require: '!has(facts.age) || facts.age > 3', reason: R.}]")
    assert ids(rules, customer(facts={})) == EVERYTHING
    unreadable: Situation = customer(facts=None)
    assert held(rules, unreadable) == EVERYTHING
    assert why(rules, unreadable, "tip").actual == "facts.age is unknown"


@pytest.mark.parametrize("value", ["a lot", 2**70, True])
def test_a_value_that_is_not_as_declared_has_no_presence_either(world: World, value: object) -> None:
    """`!has(facts.age)` must not be true of somebody whose age is there and cannot be understood."""
    rules = world(policies="eligibility: [{id: r, require: '!has(facts.age) || facts.age > 3', reason: R.}]")
    assert held(rules, customer(facts={"age": value})) == EVERYTHING


def test_a_fact_that_is_too_old_has_no_presence_either(world: World) -> None:
    policies = "eligibility: [{id: r, require: '!has(facts.income) || facts.income > 3.0', reason: R.}]"
    rules = world(facts=AGED, policies=policies)
    assert ids(rules, customer(facts={"income": 9.0}, facts_as_of=NOW)) == EVERYTHING
    assert held(rules, customer(facts={"income": 9.0}, facts_as_of=NOW - 30 * DAY - 1)) == EVERYTHING
    assert held(rules, customer(facts={"income": 9.0})) == EVERYTHING
    assert ids(rules, customer(facts={})) == EVERYTHING


def test_a_feature_that_is_missing_is_not_there_and_has_no_default_either(world: World) -> None:
    """NaN is how a vector says so; only a feature that the vector does not have falls back to its default."""
    known = "eligibility: [{id: r, require: features.visits >= 0.0, reason: R.}]"
    absent = "eligibility: [{id: r, require: '!has(features.visits) || features.visits > 3.0', reason: R.}]"
    missing = customer(features={"visits": float("nan")})
    assert held(world(policies=known), missing) == EVERYTHING
    assert ids(world(policies=known), customer()) == EVERYTHING
    assert ids(world(policies=absent), missing) == EVERYTHING
    assert held(world(policies=absent), customer()) == EVERYTHING


@pytest.mark.parametrize(("name", "value"), [("age", 3), ("vip", False), ("city", "x"), ("income", 1.0)])
def test_what_is_there_is_present(world: World, name: str, value: object) -> None:
    rules = world(policies=f"eligibility: [{{id: r, require: has(facts.{name}), reason: R.}}]")
    assert ids(rules, customer(facts={name: value})) == EVERYTHING
    assert held(rules, customer(facts={name: None})) == EVERYTHING
    assert held(rules, customer(facts={})) == EVERYTHING
