from collections.abc import Callable, Mapping
from typing import Any

import pytest
from shop_situations import ADULT, APRIL_1, HOUR, MARCH_1, MARCH_15, live_ids, mask_of

from nextbest_rules import ActionType, Catalog, RuleSet, Situation, Surface, UnknownPlacementError

Live = Callable[[Situation], set[str]]


def test_an_unhindered_customer_sees_all_that_is_valid(live: Live) -> None:
    assert live(ADULT) == {
        "spring-apples",
        "spring-wine",
        "strong-wine",
        "app-bread",
        "credit",
        "delivery",
        "tasting",
        "pie-recipe",
        "storage-tip",
    }


@pytest.mark.parametrize(
    ("now_ms", "valid"),
    [(MARCH_1 - 1, False), (MARCH_1, True), (APRIL_1 - 1, True), (APRIL_1, False)],
)
def test_validity_includes_its_first_and_excludes_its_last_instant(
    live: Live, now_ms: int, valid: bool
) -> None:
    assert ("spring-apples" in live(ADULT._replace(now_ms=now_ms))) is valid


def test_overlapping_windows_open_and_close_on_their_own(live: Live) -> None:
    assert "flash-cakes" not in live(ADULT._replace(now_ms=MARCH_15 + 3 * HOUR - 1))
    assert "flash-cakes" in live(ADULT._replace(now_ms=MARCH_15 + 3 * HOUR))
    assert "flash-cakes" in live(ADULT._replace(now_ms=MARCH_15 + 7 * HOUR - 1))
    assert "flash-cakes" not in live(ADULT._replace(now_ms=MARCH_15 + 7 * HOUR))


@pytest.mark.parametrize("now_ms", [-(2**63), 0, 2**63 - 1])
def test_actions_without_a_window_are_always_valid(live: Live, now_ms: int) -> None:
    assert {"credit", "delivery"} <= live(ADULT._replace(now_ms=now_ms))


def test_a_condition_is_asked_with_each_actions_own_attributes(live: Live) -> None:
    assert live(ADULT) - live(ADULT._replace(facts={**(ADULT.facts or {}), "age": 20})) == {"strong-wine"}
    assert live(ADULT) - live(ADULT._replace(facts={**(ADULT.facts or {}), "age": 17})) == {
        "strong-wine",
        "spring-wine",
        "tasting",
    }


def test_an_action_without_the_attribute_is_denied(live: Live) -> None:
    assert "mystery-wine" not in live(ADULT)


def test_what_cannot_be_evaluated_is_denied_or_allowed_as_the_rule_says(live: Live) -> None:
    stranger = Situation(now_ms=MARCH_15, features={"trips_91d": float("nan")})
    assert live(stranger) == {"app-bread", "credit", "delivery", "pie-recipe", "storage-tip"}


def test_when_unknown_allow_still_denies_what_is_false(live: Live) -> None:
    assert "pie-recipe" not in live(ADULT._replace(context={"page": "home"}))
    assert "delivery" not in live(ADULT._replace(features={"trips_91d": 2.0}))


def test_declared_defaults_stand_in_for_an_unknown_customer(live: Live) -> None:
    """`campaigns` defaults to [] and `trips_91d` to 0, so both rules answer rather than give up."""
    ids = live(Situation(now_ms=MARCH_15))
    assert not {"spring-apples", "delivery"} & ids


@pytest.mark.parametrize(
    "facts",
    [
        {"campaigns": "spring", "age": "40"},
        {"campaigns": ["spring", 3], "age": 40.0},
        {"campaigns": {"spring": True}, "age": True},
        {"campaigns": object(), "age": 2**70},
        {"campaigns": ["\ud800"], "age": None},
        {1: 2, "undeclared": "x"},
    ],
)
def test_values_of_a_wrong_type_count_as_unknown(live: Live, facts: Mapping[Any, object]) -> None:
    ids = live(ADULT._replace(facts=facts))
    assert not {"spring-apples", "spring-wine", "strong-wine", "tasting"} & ids
    assert "credit" in ids


def test_numpy_scalars_are_welcome_as_features(live: Live) -> None:
    numpy = pytest.importorskip("numpy")
    assert "delivery" in live(ADULT._replace(features={"trips_91d": numpy.float32(3.0)}))
    assert "delivery" not in live(ADULT._replace(features={"trips_91d": numpy.float32(1.0)}))


RULE = (
    "  - {{id: {id}, require: {require}, reason: Because., when_unknown: {mode}, "
    "applies_to: {{types: [{kind}]}}}}\n"
)


def test_each_of_two_rules_with_one_condition_gets_its_way(shop_with: Callable[..., Catalog]) -> None:
    """The rules differ in what they do when the answer is unknown."""
    eligibility = RULE.format(id="a", require="facts.age > 3", mode="deny", kind="OFFER") + RULE.format(
        id="b", require="facts.age > 3", mode="allow", kind="SERVICE"
    )
    rules = RuleSet.compile(shop_with(eligibility=eligibility))
    assert live_ids(rules, ADULT) >= {"credit", "delivery"}
    assert live_ids(rules, ADULT._replace(facts={})) == {"delivery", "tasting", "pie-recipe", "storage-tip"}
    assert live_ids(rules, ADULT._replace(facts={"age": 2})) == {"pie-recipe", "storage-tip"}


def test_a_catalog_without_rules_offers_all_that_is_valid(shop_with: Callable[..., Catalog]) -> None:
    rules = RuleSet.compile(shop_with(eligibility="  []\n"))
    assert len(live_ids(rules, Situation(now_ms=MARCH_15))) == 10


@pytest.mark.parametrize(
    ("selector", "denied"),
    [
        ("{issues: [education, acquisition]}", {"credit", "pie-recipe", "storage-tip"}),
        ("{groups: [wine], types: [OFFER]}", {"spring-wine", "autumn-wine", "strong-wine", "mystery-wine"}),
        ("{attributes: {min_age: [21], campaign: [spring]}}", set()),
        ("{attributes: {fresh: [true]}}", {"spring-apples"}),
        ("{attributes: {discount: [0.2, 1]}}", {"spring-apples"}),
    ],
)
def test_a_selector_needs_every_part_to_match(
    shop_with: Callable[..., Catalog], selector: str, denied: set[str]
) -> None:
    rule = f"  - {{id: never, require: 'false', reason: Because., applies_to: {selector}}}\n"
    rules = RuleSet.compile(shop_with(eligibility=rule))
    everything = (1 << len(rules.catalog.actions)) - 1
    stopped = {
        exclusion.action_id for exclusion in rules.explain(rules.look(ADULT)) if exclusion.rule_id == "never"
    }
    expired = {"autumn-wine", "flash-cakes"}
    assert stopped == denied - expired
    assert rules.screen(rules.look(ADULT)).live == everything & ~mask_of(rules, *denied, *expired)


def test_a_placement_accepts_by_type_and_channel(rules: RuleSet) -> None:
    mask = rules.fit(Surface("card", "app", "")).mask
    ids = {action.id for bit, action in enumerate(rules.catalog.actions) if mask >> bit & 1}
    assert ids == {action.id for action in rules.catalog.actions} - {"pie-recipe", "storage-tip"}
    assert not rules.fit(Surface("home", "web", "")).mask & mask_of(rules, "app-bread")


def test_each_type_has_its_actions(rules: RuleSet) -> None:
    assert rules.type_mask(ActionType.SERVICE) == mask_of(rules, "delivery", "tasting")
    assert rules.type_mask(ActionType.INFORMATION) == mask_of(rules, "pie-recipe", "storage-tip")


def test_an_unknown_placement_is_an_error_of_its_own(rules: RuleSet) -> None:
    with pytest.raises(UnknownPlacementError):
        rules.fit(Surface("nowhere", "web", ""))


def test_the_time_and_channel_of_the_request_are_visible(shop_with: Callable[..., Catalog]) -> None:
    require = "now >= timestamp('2024-03-15T10:00:00.001Z') || channel == 'app'"
    rule = RULE.format(id="late", require=f'"{require}"', mode="deny", kind="OFFER")
    rules = RuleSet.compile(shop_with(eligibility=rule))
    assert "credit" not in live_ids(rules, ADULT)
    assert "credit" in live_ids(rules, ADULT._replace(now_ms=MARCH_15 + 1))
    assert "credit" in live_ids(rules, ADULT._replace(channel="app"))
