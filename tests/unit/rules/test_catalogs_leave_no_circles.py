"""A catalog that is replaced goes by reference counts alone: nothing has to look for circles."""

import gc
import sys
from pathlib import Path

import pytest

from nextbest_rules import RuleSet, load_catalog

CATALOGS = Path(__file__).parents[3] / "rules" / "catalogs"


@pytest.mark.parametrize("name", ["bank", "grocery"])
def test_loading_and_dropping_a_catalog_leaves_nothing_to_collect(name: str) -> None:
    RuleSet.compile(load_catalog(CATALOGS / name))  # what is kept once and for all
    gc.collect()
    gc.disable()
    try:
        rules = RuleSet.compile(load_catalog(CATALOGS / name))
        assert sys.getrefcount(rules) == 2
        del rules
        assert gc.collect() == 0
    finally:
        gc.enable()
