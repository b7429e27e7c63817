"""`nextbest demo` on the real data: the figures that the product promises, from an empty directory."""

import json
from pathlib import Path
from typing import Any

import pytest
from command_runs import as_a_process

KEYS = {
    "customers",
    "transactions",
    "actions",
    "train_rows",
    "auc",
    "ndcg_at_10",
    "recall_at_10",
    "calibration_error",
    "decisions",
    "decide_p50_ms",
    "decide_p99_ms",
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory in which the demo ran."""
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def figures(home: Path) -> dict[str, Any]:
    """What the demo printed."""
    demo = as_a_process("demo", "--json", timeout=900, NEXTBEST_HOME=str(home))
    assert demo.returncode == 0, demo.stderr
    printed: dict[str, Any] = json.loads(demo.stdout)  # one JSON object and nothing else
    return printed


def test_the_demo_reports_the_whole_data_set(figures: dict[str, Any]) -> None:
    assert figures.keys() >= KEYS
    assert (figures["customers"], figures["transactions"], figures["actions"]) == (2_469, 1_469_307, 1_197)
    assert (figures["train_rows"], figures["train_positives"]) == (529_152, 1_180)


def test_the_model_beats_both_the_naive_model_and_bought_before(figures: dict[str, Any]) -> None:
    assert figures["auc"] >= 0.935
    assert figures["ndcg_at_10"] >= 0.50
    assert figures["recall_at_10"] >= 0.70


def test_propensities_come_true_better_than_the_scores_they_were_made_of(
    figures: dict[str, Any],
) -> None:
    assert figures["calibration_error"] < figures["calibration_error_before"] <= 0.01
    assert figures["calibration"]["OFFER"]["method"] == "platt"
    assert figures["calibration"]["OFFER"]["error_after"] == pytest.approx(figures["calibration_error"])


def test_decisions_are_scored_exactly(figures: dict[str, Any]) -> None:
    assert figures["scorer"] == "exact"


def test_what_households_redeemed_later_was_among_their_first_ten(figures: dict[str, Any]) -> None:
    assert figures["decisions"] > 1_000
    assert figures["redeemed_in_top_10"] > 5 * figures["redeemed_in_top_10_by_chance"]


def test_a_household_that_redeems_sees_its_next_decision_change(figures: dict[str, Any]) -> None:
    redemption = figures["redemption"]
    before, after = redemption["ranks"][redemption["offer"]]
    assert (isinstance(before, int), after) == (True, None)
    assert [None in ranks for ranks in redemption["ranks"].values()].count(True) >= 2  # one left, one came
    features = redemption["features"]
    assert features["days_since_trip"][0] > features["days_since_trip"][1] == 0
    assert features["redemptions_decayed"][1] == pytest.approx(
        features["redemptions_decayed"][0] + 1, abs=0.01
    )
    assert features["trips_91d"][1] == features["trips_91d"][0] + 1


def test_a_typical_household_takes_less_than_a_kilobyte(figures: dict[str, Any]) -> None:
    assert 0 < figures["customer_bytes_median"] <= 1024


def test_a_decision_takes_milliseconds(figures: dict[str, Any]) -> None:
    assert 0 < figures["decide_p50_ms"] < 20
    assert figures["decide_p50_ms"] <= figures["decide_p99_ms"]


def test_the_demo_leaves_nothing_running(home: Path, figures: dict[str, Any]) -> None:
    assert figures
    assert not (home / "service.json").exists()
    assert not (home / "valkey" / "valkey.sock").exists()


def test_the_model_comes_with_its_card_and_plots(figures: dict[str, Any]) -> None:
    directory = Path(figures["model_directory"])
    names = {path.name for path in directory.iterdir()}
    assert {"model.txt", "manifest.json", "card.md"} <= names
    pictures = [path for path in directory.iterdir() if path.suffix == ".png"]
    assert len(pictures) >= 3
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in pictures)


def test_training_again_gives_the_same_model_whatever_the_threads(
    home: Path, figures: dict[str, Any]
) -> None:
    again = as_a_process("train", "--threads", "1", "--json", timeout=900, NEXTBEST_HOME=str(home))
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["model_version"] == figures["model_version"]
