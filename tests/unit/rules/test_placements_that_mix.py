"""How placements say that they explore or mix, and what they cannot say."""

import shutil
from pathlib import Path

import pytest

from nextbest_rules import CatalogError, load_catalog
from nextbest_rules.catalog import Diversity, Exploration, Placement
from nextbest_rules.terms import ExplorationMethod

LIMITED = Path(__file__).parents[2] / "catalogs" / "limited"


def home(directory: Path, declared: str) -> Placement:
    """Return the home page with something more declared."""
    copy = Path(shutil.copytree(LIMITED, directory / "catalog"))
    placements = copy / "placements.yaml"
    placements.write_text(placements.read_text().replace("max_limit: 10}", f"max_limit: 10, {declared}}}", 1))
    return load_catalog(copy).placements["home"]


def test_a_placement_that_says_nothing_neither_explores_nor_mixes() -> None:
    plain = load_catalog(LIMITED).placements["home"]
    assert plain.exploration is None
    assert plain.diversity == Diversity(None, None)


def test_epsilon_greedy_has_a_share_and_gives_up_five_percent_at_most_unless_declared(tmp_path: Path) -> None:
    declared = home(tmp_path, "explore: {method: epsilon_greedy, share: 0.1}")
    assert declared.exploration == Exploration(ExplorationMethod.EPSILON_GREEDY, 0.1, 0.05)


def test_thompson_may_have_a_share_as_a_floor(tmp_path: Path) -> None:
    declared = home(tmp_path, "explore: {method: thompson, share: 0.1}")
    assert declared.exploration == Exploration(ExplorationMethod.THOMPSON, 0.1, 0.05)


def test_thompson_needs_no_share(tmp_path: Path) -> None:
    declared = home(tmp_path, "explore: {method: thompson, regret: 0.2}, at_most: {issue: 2}")
    assert declared.exploration == Exploration(ExplorationMethod.THOMPSON, 0.0, 0.2)
    assert declared.diversity == Diversity(issue=2)


@pytest.mark.parametrize(
    ("declared", "complaint"),
    [
        ("explore: {method: epsilon_greedy}", "epsilon_greedy needs share"),
        ("explore: {method: thompson, share: 0}", "must be above 0"),
        ("explore: {method: softmax}", "epsilon_greedy"),
        ("explore: {method: epsilon_greedy, share: 0}", "must be above 0"),
        ("explore: {method: epsilon_greedy, share: 0.9}", "must be at most 0.5"),
        ("explore: {method: thompson, regret: 0}", "must be above 0"),
        ("explore: {method: thompson, regret: .nan}", ""),
        ("at_most: {}", "at_most needs issue, group or both"),
        ("at_most: {group: 0}", "must be at least 1"),
    ],
)
def test_what_means_nothing_is_refused_with_its_place(tmp_path: Path, declared: str, complaint: str) -> None:
    with pytest.raises(CatalogError) as caught:
        home(tmp_path, declared)
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.file == "placements.yaml"
    assert diagnostic.line == 2
    assert complaint in diagnostic.message
