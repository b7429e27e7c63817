import pytest
from small_world import AFFINITIES, FEATURES

from nextbest_models.features import FeatureSpec


@pytest.fixture(scope="session")
def spec() -> FeatureSpec:
    return FeatureSpec.from_declarations(AFFINITIES, FEATURES)
