"""Every example of the guide is one that the models take."""

import re
from pathlib import Path

import pytest
import yaml

from nextbest_models.features import FeatureSpec
from nextbest_models.online import OnlineFeatures

GUIDE = (Path(__file__).parents[3] / "docs/guides/features.md").read_text()
BLOCKS = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)]


def test_the_guide_has_examples() -> None:
    assert len(BLOCKS) >= 9


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: str(block["features"][0]["name"]))
def test_an_example_makes_features(block: dict[str, list[dict[str, object]]]) -> None:
    spec = FeatureSpec.from_declarations(block.get("affinities", []), block["features"])
    online = OnlineFeatures(spec)
    assert len(online.values(online.empty, 0)) == len(spec.customer_names)


def test_the_examples_show_every_word_of_the_language() -> None:
    shown = {
        str(word) for block in BLOCKS for item in block["features"] for word in item["definition"].items()
    }
    for function in ("count", "sum", "recency", "first", "decayed_count", "decayed_sum", "distinct"):
        assert f"('aggregate', '{function}')" in shown
    words = {word for block in BLOCKS for item in block["features"] for word in item["definition"]}
    assert words >= {"ratio", "to", "weighted", "external", "window", "half_life", "value", "key"}
    assert words >= {
        "attribute",
        "codes",
        "context",
        "population",
        "affinity",
        "statistic",
        "combine",
        "relative",
    }
