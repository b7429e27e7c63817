from pathlib import Path

import pytest
import yaml

from nextbest_models.complete_journey import CompleteJourney, load_complete_journey
from nextbest_models.features import FeatureSpec

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def journey() -> CompleteJourney:
    return load_complete_journey()


@pytest.fixture(scope="session")
def grocery_spec() -> FeatureSpec:
    plain = yaml.safe_load((ROOT / "rules/catalogs/grocery/features.yaml").read_text())
    return FeatureSpec.from_declarations(plain["affinities"], plain["features"])
