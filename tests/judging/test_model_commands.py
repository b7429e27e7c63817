"""`nextbest models` and `nextbest evaluate` as somebody types them."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from judged_shop import Shop

from nextbest_service.cli.app import main
from nextbest_service.home import Home

GATE_NOT_MET, BROKEN_INPUT = 5, 2


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed."""
        return json.loads(self.out)


Run = Callable[..., Ended]


@pytest.fixture
def home(shop: Shop, tmp_path: Path) -> Home:
    """A home with both models, none in use."""
    shutil.copytree(shop.home.root, tmp_path / "home")
    return Home(tmp_path / "home")


@pytest.fixture
def run(shop: Shop, home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Return a function that runs a command on the shop."""

    def command(*arguments: str) -> Ended:
        where = ("--home", str(home.root), "--catalog", str(shop.directory))
        monkeypatch.setattr("sys.argv", ["nextbest", *arguments, *where])
        monkeypatch.setenv("COLUMNS", "160")
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        return Ended(int(ended.value.code or 0), captured.out, captured.err)

    return command


def in_use(home: Home) -> dict[str, str]:
    return {name: path.name for name, path in home.models_in_use("world").items()}


def test_models_are_listed_with_what_they_are_in_use_as(shop: Shop, home: Home, run: Run) -> None:
    home.use_model("world", shop.wrong.name)
    home.use_model("world", "gone", "challenger")
    listed = {model["version"]: model for model in run("models", "list", "--json").json}
    assert {version: model["in_use"] for version, model in listed.items()} == {
        shop.good.name: [],
        shop.wrong.name: ["champion"],
        "gone": ["challenger"],
    }
    assert listed[shop.good.name]["trees"] == 60
    assert listed[shop.good.name]["fits"] is True
    assert "there is no model in" in listed["gone"]["problem"]
    shown = run("models", "list").out
    assert all(text in shown for text in (shop.good.name, "champion", "2024-03-02"))


def test_an_empty_home_says_how_to_get_a_model(home: Home, run: Run) -> None:
    shutil.rmtree(home.models("world"))
    assert "Run `nextbest train`" in run("models", "list").out
    assert run("models", "list", "--json").json == []


def test_promoting_and_rolling_back_change_what_is_in_use(shop: Shop, home: Home, run: Run) -> None:
    assert "within seconds" in run("models", "promote", shop.wrong.name).out
    promoted = run("models", "promote", shop.good.name[:6], "--json")
    assert promoted.json["version"] == shop.good.name
    assert promoted.json["promoted"] is True
    assert in_use(home) == {"champion": shop.good.name}
    run("models", "promote", shop.good.name, "--as", "challenger")
    assert in_use(home) == {"champion": shop.good.name, "challenger": shop.good.name}
    assert run("models", "rollback", "--json").json == {"name": "champion", "version": shop.wrong.name}
    nothing = run("models", "rollback")
    assert nothing.code == BROKEN_INPUT
    assert "nothing was in use as 'champion' before" in nothing.err
    assert "as challenger any more" in run("models", "retire", "challenger").out
    assert in_use(home) == {"champion": shop.wrong.name}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("promote", "ffff"), "there is no model version ffff"),
        (("promote", "no/../where"), "there is no model version"),
        (("rollback",), "no model was ever in use as 'champion'"),
        (("rollback", "--as", "challenger"), "no model was ever in use as 'challenger'"),
        (("retire", "challenger"), "no model is in use as 'challenger'"),
    ],
)
def test_what_cannot_be_done_is_told(home: Home, run: Run, arguments: tuple[str, ...], message: str) -> None:
    ended = run("models", *arguments)
    assert ended.code == BROKEN_INPUT
    assert message in ended.err
    assert in_use(home) == {}


def test_a_name_that_is_none_is_refused(shop: Shop, home: Home, run: Run) -> None:
    ended = run("models", "promote", shop.good.name, "--as", "The Best")
    assert ended.code == BROKEN_INPUT
    assert "lower-case" in ended.err
    assert in_use(home) == {}


def test_a_damaged_model_is_not_promoted_nor_rolled_back_to(shop: Shop, home: Home, run: Run) -> None:
    run("models", "promote", shop.good.name)
    run("models", "promote", shop.wrong.name)
    text = home.models("world") / shop.good.name / "model.txt"
    text.write_text(text.read_text().replace("leaf_value=", "leaf_value=9", 1))
    for arguments in (("promote", shop.good.name), ("rollback",)):
        ended = run("models", *arguments)
        assert ended.code == BROKEN_INPUT
        assert "damaged or edited" in ended.err
    assert in_use(home) == {"champion": shop.wrong.name}


def test_a_model_in_a_directory_of_another_version_is_not_promoted(shop: Shop, home: Home, run: Run) -> None:
    shutil.copytree(home.models("world") / shop.good.name, home.models("world") / "0123456789ab")
    ended = run("models", "promote", "0123456789ab")
    assert ended.code == BROKEN_INPUT
    assert f"holds model {shop.good.name}" in ended.err


def test_gates_of_promotion_look_at_the_log_and_are_remembered(shop: Shop, home: Home, run: Run) -> None:
    run("models", "promote", shop.wrong.name)
    gated = ("--log", str(shop.log), "--min-auc", "0.6", "--min-dr-lift", "0")
    better = run("models", "promote", shop.good.name, *gated, "--json")
    assert (better.code, better.json["gates_met"]) == (0, True)
    assert in_use(home) == {"champion": shop.good.name}
    remembered = home.model_history("world").changes[-1].gates
    assert set(remembered) == {"auc", "dr_lift_low"}
    worse = run("models", "promote", shop.wrong.name, *gated)
    assert worse.code == GATE_NOT_MET
    assert "NOT MET" in worse.out
    assert "was not put into use" in worse.out
    assert in_use(home) == {"champion": shop.good.name}


def test_without_a_log_the_gate_of_auc_looks_at_the_training(shop: Shop, home: Home, run: Run) -> None:
    unknown = run("models", "promote", shop.good.name, "--min-auc", "0.5")
    assert unknown.code == GATE_NOT_MET
    assert "gate auc: not known" in unknown.out
    assert in_use(home) == {}
    lift = run("models", "promote", shop.good.name, "--min-dr-lift", "0")
    assert lift.code == BROKEN_INPUT
    assert "needs --log" in lift.err
    gateless = run("models", "promote", shop.good.name, "--log", str(shop.log))
    assert "needs a gate" in gateless.err


def test_evaluate_compares_the_newest_unused_model_with_the_champion(
    shop: Shop, home: Home, run: Run, tmp_path: Path
) -> None:
    home.use_model("world", shop.wrong.name)
    report = tmp_path / "report"
    ended = run("evaluate", "--log", str(shop.log), "--report", str(report), "--min-dr-lift", "0", "--json")
    told = ended.json
    assert ended.code == 0
    assert (told["candidate"], told["serving"]) == (shop.good.name, shop.wrong.name)
    assert told["lifts"]["candidate"]["dr"]["low"] > 0
    assert told["models"]["candidate"]["auc"] > told["models"]["serving model"]["auc"]
    assert {path.name for path in report.iterdir()} == {
        "report.md",
        "calibration.png",
        "values.png",
        "lifts.png",
    }
    text = (report / "report.md").read_text()
    assert f"# Model {shop.good.name} against serving model {shop.wrong.name}" in text
    assert "| dr_lift_low |" in text


def test_evaluate_ends_with_its_own_code_when_a_gate_is_not_met(shop: Shop, run: Run) -> None:
    ended = run(
        "evaluate",
        shop.wrong.name,
        "--against",
        shop.good.name,
        "--log",
        str(shop.log),
        "--min-auc",
        "0.6",
        "--most",
        "150",
    )
    assert ended.code == GATE_NOT_MET
    assert "gate auc" in ended.out
    assert "NOT MET" in ended.out
    assert "Value per decision" in ended.out
    assert f"lift over serving model {shop.good.name}" in ended.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--reward", "fame"), "expected one of value, outcome, amount"),
        (("--weighting", "none"), "expected one of rank, cascade, slate"),
        (("--placement", "attic"), "the catalog has no such placement"),
        (("--since", "yesterday"), "expected a date or date-time"),
        (("--against", "nobody"), "there is no model version nobody"),
    ],
)
def test_wrong_options_of_evaluate_are_told(
    shop: Shop, run: Run, arguments: tuple[str, ...], message: str
) -> None:
    ended = run("evaluate", "--log", str(shop.log), *arguments)
    assert ended.code == BROKEN_INPUT
    assert message in " ".join(ended.err.replace("│", " ").split())


def test_a_directory_without_decisions_is_an_error(run: Run, tmp_path: Path) -> None:
    ended = run("evaluate", "--log", str(tmp_path))
    assert ended.code == BROKEN_INPUT
    assert "there are no exported decisions" in ended.err


def test_when_every_model_is_in_use_evaluate_asks_for_one(shop: Shop, home: Home, run: Run) -> None:
    home.use_model("world", shop.good.name)
    home.use_model("world", shop.wrong.name, "challenger")
    ended = run("evaluate", "--log", str(shop.log))
    assert ended.code == BROKEN_INPUT
    assert "name one, or train one" in ended.err


def test_the_log_does_not_drift_from_itself(shop: Shop, home: Home, run: Run, tmp_path: Path) -> None:
    home.use_model("world", shop.good.name)
    same = run(
        "models", "drift", "--log", str(shop.log), "--reference", str(shop.log), "--fail-above", "0", "--json"
    )
    assert same.code == 0
    assert same.json["score"]["index"] == 0
    assert [item["name"] for item in same.json["scores_by_type"]] == ["score of OFFER"]
    assert {item["index"] for item in same.json["features"]} == {0}
    assert same.json["model"] == shop.good.name
    since = ("--reference", "..2024-03-15T14:10", "--report", str(tmp_path))
    halves = run("models", "drift", "--log", str(shop.log), *since)
    assert halves.code == 0
    assert "502 rows against 498 of the reference" in halves.out
    assert {path.name for path in tmp_path.iterdir()} >= {"drift.html", "drift.png"}


def test_what_another_model_offers_is_drift_and_fails_above_a_limit(
    shop: Shop, home: Home, run: Run, tmp_path: Path
) -> None:
    """Of the decisions only those are kept that offered some of the actions."""
    import pyarrow.compute as pc  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    home.use_model("world", shop.good.name)
    changed = Path(shutil.copytree(shop.log, tmp_path / "changed"))
    for part in changed.glob("decisions/*/*.parquet"):
        table = pq.ParquetFile(part).read()
        first = pc.list_element(table["propositions"], 0)
        kept = table.filter(pc.equal(pc.struct_field(first, "action"), "a1"))
        pq.write_table(kept, part)
    ended = run(
        "models", "drift", "--log", str(changed), "--reference", str(shop.log), "--fail-above", "0.25"
    )
    assert ended.code == GATE_NOT_MET
    assert "strong" in ended.out
    assert "above 0.25: " in ended.err
    assert "x0" in ended.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--reference", "yesterday"), "expected FROM..UNTIL or a directory"),
        (("--reference", "2024-03-15..soon"), "expected a date or date-time"),
        (("--reference", "..2024-03-16", "--current", "today"), "expected FROM..UNTIL"),
        (("--reference", "..2023-01-01"), "nothing was offered in the reference period"),
    ],
)
def test_wrong_periods_are_told(
    shop: Shop, home: Home, run: Run, arguments: tuple[str, ...], message: str
) -> None:
    home.use_model("world", shop.good.name)
    ended = run("models", "drift", "--log", str(shop.log), *arguments)
    assert ended.code == BROKEN_INPUT
    assert message in " ".join(ended.err.replace("│", " ").split())
