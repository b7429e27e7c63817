import shutil
import time
from collections.abc import Callable
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from nextbest_rules import ActionType, Catalog, Direction, RuleSet, load_catalog
from nextbest_rules.catalog import Window

CATALOGS = Path(__file__).parents[2] / "catalogs"


def test_an_action_keeps_all_that_was_written(shop: Catalog) -> None:
    apples = shop.actions[shop.index["spring-apples"]]
    assert (apples.type, apples.issue, apples.group, apples.title) == (
        ActionType.OFFER,
        "retention",
        "fruit",
        "Apples 20 % off",
    )
    assert (apples.value, apples.lever, apples.starting_propensity, apples.channels) == (1.0, 1.0, None, None)
    assert apples.attributes == {"campaign": "spring", "discount": 0.2, "fresh": True}
    assert apples.affinity == {"category": (("apples", 1.0), ("fruit", 1.0))}
    assert apples.content == {"headline": "Crisp!", "images": ["a.png", "b.png"]}


def test_optional_parts_of_an_action_are_read(shop: Catalog) -> None:
    assert shop.actions[shop.index["app-bread"]].channels == {"app"}
    assert shop.actions[shop.index["app-bread"]].lever == 1.5
    assert shop.actions[shop.index["credit"]].starting_propensity == 0.01
    assert shop.actions[shop.index["spring-wine"]].affinity == {
        "category": (("wine", 0.75), ("drinks", 0.25))
    }
    assert shop.actions[shop.index["spring-wine"]].value == 3.0


def test_actions_are_indexed_in_the_order_of_files_and_entries(shop: Catalog) -> None:
    assert [shop.index[action.id] for action in shop.actions] == list(range(12))
    assert [shop.actions[bit].id for bit in (0, 8, 11)] == ["spring-apples", "delivery", "storage-tip"]


def test_a_dates_until_is_the_end_of_that_day(shop: Catalog) -> None:
    apples = shop.actions[shop.index["spring-apples"]]
    # 2024-03-01T00:00:00Z to 2024-04-01T00:00:00Z
    assert apples.valid == (Window(1_709_251_200_000, 1_711_929_600_000),)


def test_a_date_time_counts_in_its_own_zone(shop: Catalog) -> None:
    cakes = shop.actions[shop.index["flash-cakes"]]
    # 2024-03-15T13:00:00Z to 17:00:00Z
    assert cakes.valid == (Window(1_710_507_600_000, 1_710_522_000_000),)


def test_placements_and_declarations_are_read(shop: Catalog) -> None:
    letter = shop.placements["letter"]
    assert (letter.channels, letter.direction, letter.accepts) == (("email",), Direction.OUTBOUND, {"OFFER"})
    assert (letter.default_limit, letter.max_limit) == (2, 50)
    assert shop.placements["home"].accepts == set(ActionType)
    assert [feature.name for feature in shop.features] == [
        "trips_91d",
        "spend_91d",
        "offer_discount",
        "days_since_trip",
        "basket",
        "category_trips",
    ]
    assert shop.features[0].definition == {"aggregate": "count", "of": "trips", "window": "91d"}
    assert [feature.default for feature in shop.features] == [0.0, None, None, 60.0, 0.0, None]
    assert [affinity.family for affinity in shop.affinities] == ["category"]
    assert shop.clock_ms == 1_710_496_800_000
    assert shop.channels == ("web", "app", "email")


def test_a_catalog_cannot_be_changed(shop: Catalog) -> None:
    with pytest.raises(FrozenInstanceError):
        shop.name = "other"  # type: ignore[misc]
    with pytest.raises(TypeError):
        shop.actions[0].attributes["campaign"] = "autumn"  # type: ignore[index]
    with pytest.raises(TypeError):
        shop.index["new"] = 12  # type: ignore[index]


def test_the_version_ignores_line_endings_and_nothing_else(shop: Catalog, shop_directory: Path) -> None:
    policies = shop_directory / "policies.yaml"
    text = policies.read_text()
    policies.write_bytes(text.replace("\n", "\r\n").encode())
    assert load_catalog(shop_directory).version == shop.version
    policies.write_text(text.replace("< 100", "< 101"))
    assert load_catalog(shop_directory).version != shop.version


def test_the_version_knows_which_file_an_action_is_in(shop: Catalog, shop_directory: Path) -> None:
    shutil.move(shop_directory / "actions" / "tips.yaml", shop_directory / "actions" / "z.yaml")
    assert load_catalog(shop_directory).version != shop.version


def test_conditions_are_found_in_files_with_windows_line_endings(shop_directory: Path) -> None:
    policies = shop_directory / "policies.yaml"
    policies.write_bytes(policies.read_text().replace("\n", "\r\n").encode())
    assert len(load_catalog(shop_directory).policies.conditions) == 5


def test_the_ruleset_version_changes_with_rules_but_not_with_titles(shop_directory: Path) -> None:
    first = RuleSet.compile(load_catalog(shop_directory)).version
    offers = shop_directory / "actions" / "offers.yaml"
    offers.write_text(offers.read_text().replace("Apples 20 % off", "Apples"))
    assert RuleSet.compile(load_catalog(shop_directory)).version == first
    offers.write_text(offers.read_text().replace("until: 2024-03-31", "until: 2024-03-30"))
    second = RuleSet.compile(load_catalog(shop_directory)).version
    assert second != first
    policies = shop_directory / "policies.yaml"
    policies.write_text(policies.read_text().replace("when_unknown: allow", "when_unknown: deny"))
    assert RuleSet.compile(load_catalog(shop_directory)).version not in (first, second)


def test_words_that_yaml_1_1_takes_for_booleans_stay_text(shop_with: Callable[..., Catalog]) -> None:
    offers = "".join(
        f"- {{id: a{n}, type: OFFER, issue: i, group: {word}, title: t, value: 1}}\n"
        for n, word in enumerate(["NO", "on", "yes", "off", "007", "1_000", "0x1F", "12:30:45", "2024-01-01"])
    )
    catalog = shop_with(offers=offers, eligibility="  []\n")
    assert [action.group for action in catalog.actions[:9]] == [
        "NO",
        "on",
        "yes",
        "off",
        "007",
        "1_000",
        "0x1F",
        "12:30:45",
        "2024-01-01",
    ]


def test_1200_actions_load_quickly(shop_with: Callable[..., Catalog]) -> None:
    offers = "".join(
        f"""- id: c{n % 27}-{n}
  type: OFFER
  issue: retention
  group: YOGURT
  title: "Coupon: YOGURT ({n} products)"
  value: 1.0
  valid: {{from: 2017-10-30, until: 2017-12-24}}
  attributes: {{campaign: "{n % 27}", min_age: 34, discount: 0.5}}
  affinity:
    category: [YOGURT, MILK, CHEESE, A B, C D, E F, s{n}]
"""
        for n in range(1_197)
    )
    started = time.process_time()
    catalog = shop_with(offers=offers, eligibility="  []\n")
    assert time.process_time() - started < 3.0
    assert len(catalog.actions) == 1_201
