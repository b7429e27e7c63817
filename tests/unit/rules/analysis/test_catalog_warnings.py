"""Warnings about catalogs that load: all that the careless catalog holds, and nothing about sound ones."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from nextbest_rules import Catalog, load_catalog
from nextbest_rules.analysis import CatalogWarning, WarningKind, analyse, read_places

CATALOGS = Path(__file__).parents[3] / "catalogs"
CARELESS = CATALOGS / "careless"
NOW_MS = 1_772_445_600_000  # 2026-03-02T10:00:00Z


def warnings_about(directory: Path) -> tuple[CatalogWarning, ...]:
    return analyse(load_catalog(directory), read_places(directory), NOW_MS)


def test_every_carelessness_is_told_with_its_place() -> None:
    expected = (CARELESS / "expected.txt").read_text()
    assert "\n".join(f"{warning} [{warning.kind}]" for warning in warnings_about(CARELESS)) + "\n" == expected


def test_the_careless_catalog_has_one_of_every_kind() -> None:
    assert {warning.kind for warning in warnings_about(CARELESS)} == set(WarningKind)


def test_the_bank_has_nothing_to_warn_about(repository: Path) -> None:
    assert warnings_about(repository / "rules" / "catalogs" / "bank") == ()


def test_a_validity_that_has_yet_to_end_is_no_matter() -> None:
    catalog = load_catalog(CARELESS)
    earlier = analyse(catalog, read_places(CARELESS), NOW_MS - 30 * 86_400_000)
    assert not [
        warning for warning in earlier if "is over" in warning.message or "are over" in warning.message
    ]


def test_a_thing_without_a_place_is_told_all_the_same(shop: Catalog) -> None:
    found = analyse(shop, read_places(Path("nowhere")), NOW_MS)
    assert found
    assert {str(warning.location.file) for warning in found} == {"catalog.yaml"}


# --- caps: what makes one of two pointless, and what does not

WIDE = {
    "id": "wide",
    "applies_to": {"types": ["OFFER", "SERVICE"]},
    "outcomes": ["DISPLAYED", "CLICKED"],
    "window": "7d",
    "max": 3,
    "reason": "No.",
}
NARROW = {
    "id": "narrow",
    "applies_to": {"types": ["OFFER"]},
    "per": ["channel"],
    "outcomes": ["DISPLAYED"],
    "window": "1d",
    "max": 3,
    "reason": "No.",
}


@pytest.fixture
def idle(shop_directory: Path) -> Callable[..., list[str]]:
    """Return a function that names the idle caps of a shop with these two."""

    def warn(wide: Mapping[str, object], narrow: Mapping[str, object]) -> list[str]:
        policies = {"contact_policy": {"caps": [wide, narrow]}}
        (shop_directory / "policies.yaml").write_text(json.dumps(policies))
        found = warnings_about(shop_directory)
        return [warning.message for warning in found if warning.kind is WarningKind.IDLE_CAP]

    return warn


def test_a_cap_within_a_stricter_one_can_never_bind(idle: Callable[..., list[str]]) -> None:
    [message] = idle(WIDE, NARROW)
    assert message.startswith("cap 'narrow' can never bind: 'wide' stops the same actions first")


@pytest.mark.parametrize(
    "change",
    [
        {"max": 2},
        {"window": "8d"},
        {"outcomes": ["DISPLAYED", "ACCEPTED"]},
        {"applies_to": {"types": ["OFFER", "INFORMATION"]}, "counts": {"types": ["OFFER"]}},
        {"counts": {"types": ["INFORMATION"]}},
        {"counts": {"groups": ["wine"]}},
    ],
    ids=str,
)
def test_a_cap_that_stops_something_more_is_no_matter(
    idle: Callable[..., list[str]], change: dict[str, object]
) -> None:
    assert idle(WIDE, NARROW | change) == []


@pytest.mark.parametrize(
    "change",
    [
        {"per": ["action"]},
        {"channels": ["web"]},
        {"directions": ["INBOUND"]},
        {"when_unknown": "allow"},
        {"counts": {"types": ["OFFER"], "but_not": {"groups": ["wine"]}}},
    ],
    ids=str,
)
def test_a_cap_that_stops_less_makes_none_idle(
    idle: Callable[..., list[str]], change: dict[str, object]
) -> None:
    assert idle(WIDE | change, NARROW) == []


@pytest.mark.parametrize(
    ("change", "of_narrow"),
    [
        ({"channels": ["web", "app"]}, {"channels": ["web"]}),
        ({"directions": ["INBOUND"]}, {"directions": ["INBOUND"]}),
        ({"when_unknown": "allow"}, {"when_unknown": "allow"}),
        ({"per": ["channel"]}, {"per": ["channel", "action"]}),
    ],
    ids=str,
)
def test_a_cap_within_one_of_the_same_kind_is_idle(
    idle: Callable[..., list[str]], change: dict[str, object], of_narrow: dict[str, object]
) -> None:
    assert len(idle(WIDE | change, NARROW | of_narrow)) == 1


def test_of_two_equal_caps_one_is_idle(idle: Callable[..., list[str]]) -> None:
    assert len(idle(WIDE, WIDE | {"id": "twin"})) == 1


def test_caps_of_which_each_is_stricter_somewhere_may_both_bind(idle: Callable[..., list[str]]) -> None:
    assert idle(WIDE, NARROW | {"window": "30d", "max": 9}) == []


# --- volume caps and quiet hours


@pytest.fixture
def told(shop_directory: Path) -> Callable[..., list[str]]:
    """Return a function that gives the warnings of one kind about a shop with this contact policy."""

    def warn(kind: WarningKind, **policy: object) -> list[str]:
        (shop_directory / "policies.yaml").write_text(json.dumps({"contact_policy": policy}))
        offers = shop_directory / "actions" / "offers.yaml"
        lines = offers.read_text().replace(
            "\n  issue: acquisition", "\n  volume_cap: 4\n  issue: acquisition"
        )
        offers.write_text(lines)
        return [warning.message for warning in warnings_about(shop_directory) if warning.kind is kind]

    return warn


@pytest.mark.parametrize(
    ("change", "idle"),
    [
        ({}, True),
        ({"max": 3}, False),
        ({"per": ["action"]}, True),
        ({"applies_to": {"actions": ["credit", "app-bread"]}, "per": ["action"]}, False),
        ({"outcomes": ["CLICKED"]}, False),
        ({"counts": {"types": ["OFFER"]}}, False),
    ],
    ids=str,
)
def test_a_cap_that_the_whole_population_reaches_first_is_idle(
    told: Callable[..., list[str]], change: dict[str, object], idle: bool
) -> None:
    cap = {"id": "few", "applies_to": {"actions": ["credit"]}, "window": "1d", "max": 4, "reason": "No."}
    assert bool(told(WarningKind.IDLE_CAP, caps=[cap | change])) is idle


NIGHT = {"id": "night", "from": "20:00", "until": "08:00", "default_zone": "Europe/Zurich", "reason": "No."}
DAY = NIGHT | {"id": "day", "from": "08:00", "until": "20:00"}


@pytest.mark.parametrize(
    ("rules", "endless"),
    [
        ([NIGHT], False),
        ([NIGHT, DAY], True),
        ([NIGHT | {"from": "00:00", "until": "24:00"}], True),
        ([NIGHT | {"from": "00:00", "until": "23:59"}], False),
        ([NIGHT, DAY | {"days": ["mon", "tue"]}], False),
        ([NIGHT, DAY | {"from": "08:01"}], False),
        ([NIGHT, DAY | {"default_zone": "Asia/Ho_Chi_Minh"}], False),
        ([NIGHT, DAY | {"channels": ["email"]}], False),
        ([NIGHT, DAY | {"applies_to": {"types": ["OFFER"]}}], False),
    ],
)
def test_quiet_hours_without_end_are_told(
    told: Callable[..., list[str]], rules: list[dict[str, object]], endless: bool
) -> None:
    assert bool(told(WarningKind.ALWAYS_QUIET, quiet_hours=rules)) is endless
