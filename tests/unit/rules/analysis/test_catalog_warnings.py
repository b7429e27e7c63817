"""Warnings about catalogs that load: all that the careless catalog holds, and nothing about sound ones."""

from collections.abc import Callable
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

CAP = "{{id: {id}, applies_to: {to}, per: {per}, outcomes: {of}, window: {window}, max: {max}, reason: No.}}"
NARROW = {
    "id": "narrow",
    "to": "{types: [OFFER]}",
    "per": "[channel]",
    "of": "[DISPLAYED]",
    "window": "1d",
    "max": "3",
}
WIDE = {"id": "wide", "to": "{}", "per": "[]", "of": "[DISPLAYED, CLICKED]", "window": "7d", "max": "3"}


@pytest.fixture
def caps(shop_directory: Path) -> Callable[..., list[str]]:
    """Return a function that warns about a shop with the wide cap and the narrow one, varied."""

    def warn(**changes: str) -> list[str]:
        rules = "".join(f"    - {CAP.format(**cap)}\n" for cap in (WIDE, {**NARROW, **changes}))
        (shop_directory / "policies.yaml").write_text(f"contact_policy:\n  caps:\n{rules}")
        found = warnings_about(shop_directory)
        return [warning.message for warning in found if warning.kind is WarningKind.IDLE_CAP]

    return warn


def test_a_cap_within_a_stricter_one_can_never_bind(caps: Callable[..., list[str]]) -> None:
    [message] = caps()
    assert message.startswith("cap 'narrow' can never bind: 'wide' stops the same actions first")


@pytest.mark.parametrize(
    "change",
    [{"max": "2"}, {"window": "8d"}, {"of": "[DISPLAYED, ACCEPTED]"}],
    ids=str,
)
def test_a_cap_that_stops_something_else_is_no_matter(
    caps: Callable[..., list[str]], change: dict[str, str]
) -> None:
    assert caps(**change) == []


def test_of_two_caps_that_count_apart_both_may_bind(caps: Callable[..., list[str]]) -> None:
    assert caps(per="[]", to="{}", window="30d", max="9", of="[DISPLAYED]") == []
