"""`nextbest rules` as a user runs it: what it says, how it ends, and what it writes."""

import json
import re
import shutil
from pathlib import Path
from xml.etree.ElementTree import parse

import pytest
from command_runs import Nextbest, as_a_process

CATALOGS = Path(__file__).parents[1] / "catalogs"
SUITE = """
suite: Wine
stories: [S1]
now: 2024-03-15T10:00:00Z
customers:
  anna: {facts: {age: 40, campaigns: [spring]}}
request: {placement: home}
tests:
  - name: adults may have wine
    customer: anna
    expect: {first: credit, includes: [spring-wine]}
  - name: the young may not
    stories: [S2]
    customer: {like: anna, facts: {age: 17, campaigns: [spring]}}
    expect: {excluded: {spring-wine: {rule: old_enough}, strong-wine: eligibility}}
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A corner shop with a suite of policy tests."""
    directory = Path(shutil.copytree(CATALOGS / "corner_shop", tmp_path / "shop"))
    (directory / "tests").mkdir()
    (directory / "tests" / "wine.yaml").write_text(SUITE)
    return directory


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


# --- check


def test_the_bank_is_sound(nextbest: Nextbest) -> None:
    checked = nextbest("rules", "check", "bank", "--strict")
    assert (checked.returncode, checked.stderr) == (0, "")
    assert checked.stdout.endswith("0 errors, 0 warnings\n")


def test_the_bank_is_covered_by_its_stories() -> None:
    tested = as_a_process("rules", "test", "bank", "--min-coverage", "95")
    assert (tested.returncode, tested.stderr) == (0, "")
    counts, stories, coverage, *uncovered = tested.stdout.splitlines()
    assert "all passed" in counts
    assert stories.split() == ["Stories", "told:", *(f"S{number}" for number in TOLD)]
    assert coverage.startswith("Rules covered: ")
    assert all(line.startswith("  ") for line in uncovered)


TOLD = [*range(1, 18), *range(19, 25), 27]
"""The stories that rules can carry."""


def test_warnings_only_matter_under_strict(nextbest: Nextbest) -> None:
    careless = CATALOGS / "careless"
    lenient, strict = nextbest("rules", "check", careless), nextbest("rules", "check", careless, "--strict")
    assert (lenient.returncode, strict.returncode) == (0, 1)
    assert lenient.stdout == strict.stdout
    *warnings, summary = lenient.stdout.splitlines()
    assert "conditions.yaml:3:12: warning: named condition 'senior' is used nowhere" in warnings
    assert summary == f"careless: 15 actions, 31 rules, 0 tests: 0 errors, {len(warnings)} warnings"


def test_errors_are_listed_and_end_with_2(nextbest: Nextbest) -> None:
    checked = nextbest("rules", "check", CATALOGS / "broken" / "errors_of_every_file")
    assert checked.returncode == 2
    *errors, summary = checked.stdout.splitlines()
    assert all(": error: " in line for line in errors)
    assert summary == f"{len(errors)} errors, 0 warnings"


def test_a_broken_suite_is_an_error_of_the_catalog(nextbest: Nextbest, shop: Path) -> None:
    edit(shop / "tests" / "wine.yaml", "includes: [spring-wine]", "includes: [spring-whine]")
    message = "tests/wine.yaml:11:40: error: unknown action 'spring-whine'; did you mean 'spring-wine'?"
    checked = nextbest("rules", "check", shop)
    assert checked.returncode == 2
    assert message in checked.stdout.splitlines()
    tested = nextbest("rules", "test", shop)
    assert tested.returncode == 2
    assert message.replace("error: ", "") in tested.stderr


def test_features_that_no_model_understands_are_errors(nextbest: Nextbest, shop: Path) -> None:
    edit(shop / "features.yaml", "aggregate: count", "aggregate: kount")
    checked = nextbest("rules", "check", shop, "--json")
    assert checked.returncode == 2
    [error] = json.loads(checked.stdout)["errors"]
    assert error["file"] == "features.yaml"
    assert "trips_91d" in error["message"]


def test_findings_are_there_for_machines(nextbest: Nextbest, shop: Path) -> None:
    found = json.loads(nextbest("rules", "check", shop, "--json").stdout)
    assert found["errors"] == []
    assert {
        "kind": "unused",
        "file": "facts.yaml",
        "line": 6,
        "column": 12,
        "message": "fact 'city' is used nowhere",
    } in found["warnings"]


# --- test

BECAUSE = (
    "spring-wine was left out by eligibility old_enough: Alcohol is for adults. "
    "(is: facts.age = 40; action.min_age = 18; needs: facts.age > action.min_age + 30)"
)


def test_what_passes_is_counted_and_named_on_demand(nextbest: Nextbest, shop: Path) -> None:
    tested = nextbest("rules", "test", shop, "--verbose")
    assert (tested.returncode, tested.stderr) == (0, "")
    lines = tested.stdout.splitlines()
    assert lines[:2] == ["ok    Wine: adults may have wine", "ok    Wine: the young may not"]
    assert lines[2].startswith("2 tests in 1 suite: all passed, in ")
    assert lines[3:6] == [
        "Stories told: S1 S2",
        "Rules covered: 20.0 % (1 of 5)",
        "  campaign_was_sent: no test saw it in force",
    ]


def test_a_failure_says_what_came_and_why(nextbest: Nextbest, shop: Path) -> None:
    edit(shop / "policies.yaml", "facts.age >= action.min_age", "facts.age > action.min_age + 30")
    tested = nextbest("rules", "test", shop)
    assert tested.returncode == 1
    assert tested.stdout.splitlines()[:6] == [
        "FAIL  Wine: adults may have wine",
        "      tests/wine.yaml:11:40  expect.includes",
        "        expected  spring-wine",
        "        came      credit, spring-apples, pie-recipe",
        f"        because   {BECAUSE}",
        "",
    ]
    assert "2 tests in 1 suite: 1 passed, 1 failed, in " in tested.stdout
    assert "Stories told: S2\n" in tested.stdout


def test_results_are_there_for_machines(nextbest: Nextbest, shop: Path, tmp_path: Path) -> None:
    edit(shop / "tests" / "wine.yaml", "first: credit", "first: app-bread")
    junit = tmp_path / "junit.xml"
    tested = nextbest("rules", "test", shop, "--json", "--junit", junit)
    assert tested.returncode == 1
    report = json.loads(tested.stdout)
    assert (report["tests"], report["failed"], report["stories"]) == (2, 1, ["S2"])
    assert report["coverage"]["percent"] == 20.0
    [failure] = report["failures"]
    assert failure["file"] == "tests/wine.yaml"
    assert (failure["line"], failure["column"]) == (11, 21)
    assert failure["expectation"] == "expect.first"
    assert failure["why"]
    assert parse(junit).getroot().get("failures") == "1"


def test_too_little_coverage_is_a_failure(nextbest: Nextbest, shop: Path) -> None:
    assert nextbest("rules", "test", shop, "--min-coverage", "20").returncode == 0
    assert nextbest("rules", "test", shop, "--min-coverage", "21").returncode == 1


def test_a_part_of_the_tests_can_be_chosen(nextbest: Nextbest, shop: Path) -> None:
    chosen = nextbest("rules", "test", shop, "--story", "S2", "--suite", "wi*")
    assert chosen.returncode == 0
    assert chosen.stdout.startswith("1 test in 1 suite: all passed")
    assert "no test saw it" not in chosen.stdout
    nothing = nextbest("rules", "test", shop, "--story", "S3")
    assert nothing.returncode == 2
    assert "no test in" in nothing.stderr


def test_the_example_of_the_guide_is_true(nextbest: Nextbest, repository: Path, tmp_path: Path) -> None:
    guide = (repository / "docs" / "guides" / "policy-tests.md").read_text()
    [example] = re.findall(r"```yaml suite\n(.*?)```", guide, re.DOTALL)
    bank = Path(shutil.copytree(repository / "rules" / "catalogs" / "bank", tmp_path / "bank"))
    shutil.rmtree(bank / "tests")
    (bank / "tests").mkdir()
    (bank / "tests" / "example.yaml").write_text(example)
    tested = nextbest("rules", "test", bank)
    assert (tested.returncode, tested.stdout.splitlines()[0][:30]) == (0, "2 tests in 1 suite: all passed")


# --- schema


def test_schemas_are_printed_or_written(nextbest: Nextbest, tmp_path: Path) -> None:
    printed = json.loads(nextbest("rules", "schema").stdout)
    assert {"catalog", "policies", "actions", "suite"} <= printed.keys()
    written = nextbest("rules", "schema", "--out", tmp_path / "schemas")
    assert written.returncode == 0
    assert json.loads((tmp_path / "schemas" / "suite.json").read_text()) == printed["suite"]
