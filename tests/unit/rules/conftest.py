"""The catalog of a small shop, and the means to vary it."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from shop_situations import live_ids

from nextbest_rules import Catalog, RuleSet, Situation, load_catalog

CATALOGS = Path(__file__).parents[2] / "catalogs"
CORNER_SHOP = CATALOGS / "corner_shop"


@pytest.fixture(scope="session")
def shop() -> Catalog:
    """Return the loaded corner shop."""
    return load_catalog(CORNER_SHOP)


@pytest.fixture(scope="session")
def rules(shop: Catalog) -> RuleSet:
    """Return the compiled rules of the corner shop."""
    return RuleSet.compile(shop)


@pytest.fixture
def shop_directory(tmp_path: Path) -> Path:
    """Return a copy of the corner shop's files that a test may change."""
    return Path(shutil.copytree(CORNER_SHOP, tmp_path / "shop"))


@pytest.fixture
def shop_with(shop_directory: Path) -> Callable[..., Catalog]:
    """Return a function that loads the corner shop with some of its files replaced by YAML text.

    `eligibility` is a policies file with these rules only, `offers` the file of that name; all others
    are named like their files.
    """

    def load(*, eligibility: str | None = None, offers: str | None = None, **files: str) -> Catalog:
        if eligibility is not None:
            files["policies"] = f"eligibility:\n{eligibility}"
        if offers is not None:
            files["actions/offers"] = offers
        for name, text in files.items():
            (shop_directory / f"{name}.yaml").write_text(text)
        return load_catalog(shop_directory)

    return load


@pytest.fixture
def live(rules: RuleSet) -> Callable[[Situation], set[str]]:
    """Return a function that gives the ids of the actions that survive the screening of the corner shop."""
    return lambda situation: live_ids(rules, situation)
