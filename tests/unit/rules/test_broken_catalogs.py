import shutil
import time
from itertools import pairwise
from pathlib import Path

import pytest

from nextbest_rules import CatalogError, load_catalog

CATALOGS = Path(__file__).parents[2] / "catalogs"
BROKEN = sorted((CATALOGS / "broken").iterdir())


def faults_of(directory: Path) -> list[str]:
    with pytest.raises(CatalogError) as raised:
        load_catalog(directory)
    return [str(diagnostic) for diagnostic in raised.value.diagnostics]


@pytest.mark.parametrize("broken", BROKEN, ids=[folder.name for folder in BROKEN])
def test_a_broken_catalog_reports_every_fault_at_its_place(broken: Path, shop_directory: Path) -> None:
    """Each folder overlays the corner shop with bad files and pins what the loader must say."""
    shutil.copytree(broken, shop_directory, dirs_exist_ok=True)
    (shop_directory / "expected.txt").unlink()
    assert faults_of(shop_directory) == (broken / "expected.txt").read_text().splitlines()


@pytest.mark.parametrize(
    "file", ["catalog.yaml", "features.yaml", "facts.yaml", "placements.yaml", "policies.yaml"]
)
def test_a_missing_file_is_the_only_fault_reported_for_it(file: str, shop_directory: Path) -> None:
    (shop_directory / file).unlink()
    assert faults_of(shop_directory) == [f"{file}:1:1: this file is missing"]


def test_a_missing_directory_is_reported(tmp_path: Path) -> None:
    assert faults_of(tmp_path / "none") == [f"{tmp_path / 'none'}:1:1: no such catalog directory"]


def test_a_file_that_is_not_utf8_is_reported_with_its_line(shop_directory: Path) -> None:
    (shop_directory / "actions" / "more.yaml").write_bytes(b"# fine\n# \xff\n")
    assert faults_of(shop_directory) == ["actions/more.yaml:2:1: not UTF-8 text"]


def test_a_control_character_is_reported_with_its_place(shop_directory: Path) -> None:
    (shop_directory / "facts.yaml").write_text("facts: []\ncontext: \x01\n")
    assert faults_of(shop_directory) == ["facts.yaml:2:10: this character is not allowed in YAML"]


def test_an_oversize_file_is_refused_unread(shop_directory: Path) -> None:
    with (shop_directory / "conditions.yaml").open("wb") as file:
        file.truncate(10 * 1024**3)  # 10 GiB that take no room on the disk
    started = time.perf_counter()
    assert faults_of(shop_directory) == ["conditions.yaml:1:1: larger than 4 MiB"]
    assert time.perf_counter() - started < 1.0


def test_named_conditions_that_double_each_time_are_refused_fast(shop_directory: Path) -> None:
    """Filled in, the last of these would have 2 to the power of 60 parts."""
    first, *others = [f"c{n}" for n in range(60)]
    lines = [f"  - {{name: {first}, when: facts.age > 1}}"]
    lines += [
        f"  - {{name: {b}, when: conditions.{a} == conditions.{a}}}" for a, b in pairwise([first, *others])
    ]
    (shop_directory / "conditions.yaml").write_text("\n".join(["conditions:", *lines]))
    started = time.perf_counter()
    faults = faults_of(shop_directory)
    assert time.perf_counter() - started < 1.0
    too_large = "too large once all that it names is filled in: at most 2,000 parts and 64 levels"
    assert faults == [f"conditions.yaml:11:22: {too_large}"]


def test_a_long_chain_of_named_conditions_is_refused_where_it_gets_too_deep(shop_directory: Path) -> None:
    lines = ["  - {name: c0, when: facts.age > 1}"]
    lines += [
        f'  - {{name: c{n}, when: "!(conditions.c{n - 1} == context.first_time)"}}' for n in range(1, 300)
    ]
    (shop_directory / "conditions.yaml").write_text("\n".join(["conditions:", *lines]))
    faults = faults_of(shop_directory)
    assert len(faults) == 1
    assert "at most 2,000 parts and 64 levels" in faults[0]


def test_an_alias_bomb_is_refused_fast(shop_directory: Path) -> None:
    lines = ["a0: &a0 [x, x]", *(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 60))]
    (shop_directory / "facts.yaml").write_text("\n".join(lines))
    started = time.perf_counter()
    faults = faults_of(shop_directory)
    assert time.perf_counter() - started < 1.0
    assert "facts.yaml:1:5: anchors are not allowed: &a0" in faults


def test_deep_nesting_is_refused_without_crashing_the_parser(shop_directory: Path) -> None:
    (shop_directory / "facts.yaml").write_text("[" * 200_000)
    assert faults_of(shop_directory) == ["facts.yaml:1:33: nested deeper than 32 levels"]


def test_the_limit_itself_may_be_reached(shop_directory: Path) -> None:
    """An action's content starts at level 3 of 32."""
    text = (shop_directory / "actions" / "tips.yaml").read_text()
    (shop_directory / "actions" / "tips.yaml").write_text(f"{text}  content: {{a: {'[' * 29}{']' * 29}}}\n")
    assert load_catalog(shop_directory).actions[-1].content is not None
