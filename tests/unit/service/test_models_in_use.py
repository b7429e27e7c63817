"""Models in use: by name, one step forward or back at a time, and never half written."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from nextbest_rules import assignment
from nextbest_rules.assignment import CHAMPION
from nextbest_service import models_in_use
from nextbest_service.home import Home
from nextbest_service.models_in_use import ModelUseError, Why, check_name


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "not-there-yet")


def versions(home: Home) -> dict[str, str]:
    return {name: path.name for name, path in home.models_in_use("grocery").items()}


def test_a_model_is_in_use_once_it_was_put_into_use(home: Home) -> None:
    assert home.model_in_use("grocery") is None
    assert home.models_in_use("grocery") == {}
    home.use_model("grocery", "abc")
    assert home.model_in_use("grocery") == home.root / "models" / "grocery" / "abc"
    assert home.model_in_use("grocery", "challenger") is None
    assert home.model_in_use("other") is None


def test_names_do_not_touch_each_other(home: Home) -> None:
    home.use_model("grocery", "abc")
    home.use_model("grocery", "def", "challenger")
    home.use_model("grocery", "ghi", "challenger")
    home.roll_back_model("grocery", "challenger")
    assert versions(home) == {CHAMPION: "abc", "challenger": "def"}


def test_rolling_back_walks_back_version_by_version(home: Home) -> None:
    for version in ("a", "b", "c"):
        home.use_model("grocery", version)
    home.roll_back_model("grocery")
    assert versions(home) == {CHAMPION: "b"}
    home.roll_back_model("grocery")
    assert versions(home) == {CHAMPION: "a"}
    with pytest.raises(ModelUseError, match="nothing was in use as 'champion' before"):
        home.roll_back_model("grocery")
    assert versions(home) == {CHAMPION: "a"}


def test_what_is_promoted_after_a_rollback_rolls_back_to_where_it_came_from(home: Home) -> None:
    for version in ("a", "b"):
        home.use_model("grocery", version)
    home.roll_back_model("grocery")
    home.use_model("grocery", "c")
    home.roll_back_model("grocery")
    assert versions(home) == {CHAMPION: "a"}


def test_a_version_that_is_in_use_already_is_no_step(home: Home) -> None:
    for version in ("a", "b", "b"):
        home.use_model("grocery", version)
    home.roll_back_model("grocery")
    assert versions(home) == {CHAMPION: "a"}


def test_a_retired_name_has_no_model_and_can_be_rolled_back(home: Home) -> None:
    home.use_model("grocery", "a", "challenger")
    home.retire_model("grocery", "challenger")
    assert versions(home) == {}
    with pytest.raises(ModelUseError, match="no model is in use as 'challenger'"):
        home.retire_model("grocery", "challenger")
    home.roll_back_model("grocery", "challenger")
    assert versions(home) == {"challenger": "a"}


def test_a_name_that_never_had_a_model_cannot_be_rolled_back(home: Home) -> None:
    with pytest.raises(ModelUseError, match="no model was ever in use as 'challenger'"):
        home.roll_back_model("grocery", "challenger")


@pytest.mark.parametrize("name", ["", "Champion", "a b", "../x", "9a", "a" * 64])
def test_names_are_lower_case_identifiers(home: Home, name: str) -> None:
    with pytest.raises(ModelUseError, match="lower-case"):
        home.use_model("grocery", "abc", name)
    assert versions(home) == {}


def test_the_history_tells_when_what_and_why(home: Home) -> None:
    home.use_model("grocery", "a", why=Why.TRAINED)
    home.use_model("grocery", "b", gates={"auc": 0.91})
    home.roll_back_model("grocery")
    home.retire_model("grocery", CHAMPION)
    lines = (home.models("grocery") / "in-use.jsonl").read_text().splitlines()
    found = [(it["name"], it["version"], it["why"], it["gates"]) for it in map(json.loads, lines)]
    assert found == [
        (CHAMPION, "a", "trained", {}),
        (CHAMPION, "b", "promoted", {"auc": 0.91}),
        (CHAMPION, "a", "rolled_back", {}),
        (CHAMPION, None, "retired", {}),
    ]
    assert [item.line().strip() for item in home.model_history("grocery").changes] == lines


GOOD = (
    '{"at": "2026-01-01T00:00:00+00:00", "name": "champion", "version": "a", "why": "trained", "gates": {}}'
)


@pytest.mark.parametrize(
    "line",
    ["", "{", "[]", "null", "{}", GOOD.replace('"a"', "7"), GOOD.replace('"a"', '"../a"'),
     GOOD.replace("trained", "guessed"), GOOD.replace("2026", "then"), GOOD.replace("champion", "C")],
)  # fmt: skip
def test_a_damaged_history_is_an_error_with_its_line(home: Home, line: str) -> None:
    file = home.models("grocery") / "in-use.jsonl"
    file.parent.mkdir(parents=True)
    file.write_text(f"{GOOD}\n{line}\n{GOOD}\n")
    with pytest.raises(ModelUseError, match=r"in-use\.jsonl, line 2"):
        home.models_in_use("grocery")
    with pytest.raises(ModelUseError, match="line 2"):
        home.use_model("grocery", "b")


def test_changes_at_the_same_time_all_count(home: Home) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: home.use_model("grocery", f"v{n}", f"name_{n}"), range(40)))
    assert versions(home) == {f"name_{n}": f"v{n}" for n in range(40)}


def test_the_name_of_ranking_without_a_model_is_taken() -> None:
    with pytest.raises(ModelUseError, match="without a model"):
        check_name("static")


def test_the_names_that_stand_in_two_places_are_the_same() -> None:
    assert (models_in_use.CHAMPION, models_in_use.STATIC) == (assignment.CHAMPION, assignment.STATIC)
