import pytest
from nextbest_models.features import FeatureSpec
from small_world import AFFINITIES, FEATURES


@pytest.fixture(scope="session")
def spec() -> FeatureSpec:
    return FeatureSpec.from_declarations(AFFINITIES, FEATURES)
