"""`nextbest simulate-world` on a small world: it learns, and it would notice if it did not."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.dataset as ds
import pytest
from command_runs import Nextbest, as_a_process

from nextbest_models.offpolicy.arrays import Flags, Integers
from nextbest_models.progress import silent
from nextbest_models.world import World
from nextbest_service.decisions.exploration import Explorer
from nextbest_service.simulation import rounds
from nextbest_service.simulation.loop import simulate
from nextbest_service.simulation.plan import Plan
from nextbest_service.simulation.reports import shortfalls

SMALL = {
    "customers": 200,
    "actions": 8,
    "rounds": 3,
    "decisions": 600,
    "explore": 0.2,  # with so few decisions, forecasts need more chance in them
    "seed": 1,
    "threads": 1,
}
MOST_REGRET = 0.65


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory that a simulation has left, with what it printed."""
    directory = tmp_path_factory.mktemp("simulated")
    options = [text for name, value in SMALL.items() for text in (f"--{name}", str(value))]
    done = as_a_process(
        "simulate-world",
        *options,
        *("--keep", str(directory / "kept"), "--plot", str(directory / "plot.svg")),
        *("--check", str(MOST_REGRET), "--json"),
        COLUMNS="120",
    )
    assert done.returncode == 0, done.stderr
    (directory / "figures.json").write_text(done.stdout)
    return directory


@pytest.fixture(scope="module")
def learned(kept: Path) -> list[Mapping[str, Any]]:
    """What was printed of each round."""
    found: list[Mapping[str, Any]] = json.loads((kept / "figures.json").read_text())["exploring"]
    return found


def test_the_regret_falls_from_that_of_knowing_nothing(learned: list[Mapping[str, Any]]) -> None:
    regrets = [it["regret"] for it in learned]
    chance = 1 - learned[0]["by_chance"] / learned[0]["best"]
    assert regrets[0] == pytest.approx(chance, abs=0.1)
    assert regrets[-1] < MOST_REGRET * regrets[0]


def test_actions_come_up_the_ladder_to_the_model(learned: list[Mapping[str, Any]]) -> None:
    assert learned[0]["maturity"]["MODEL"] == 0
    assert learned[0]["model"] is None
    assert learned[-1]["maturity"]["MODEL"] > 0.9
    assert learned[-1]["model"]["rows"] > learned[1]["model"]["rows"]
    assert learned[-1]["model"]["auc"] > 0.6


def test_the_log_foretells_what_the_next_model_earns(learned: list[Mapping[str, Any]]) -> None:
    forecasts = [it["forecast"] for it in learned[1:]]
    assert all(it["dr"]["covers"] for it in forecasts)
    assert all(it["probability_error"] < 1e-6 for it in forecasts)
    assert learned[0]["forecast"] is None


def test_what_is_kept_is_what_happened(
    nextbest: Nextbest, kept: Path, learned: list[Mapping[str, Any]]
) -> None:
    place = kept / "kept" / "exploring"
    outcomes = ds.dataset(place / "log" / "outcomes").to_table(columns=["type", "amount"]).to_pylist()
    clicks = [it["amount"] for it in outcomes if it["type"] == "CLICKED"]
    assert len(clicks) == sum(it["clicks"] for it in learned)
    assert min(clicks) > 0
    where = ("--home", place / "home", "--catalog", place / "catalog")
    listed = nextbest("models", "list", *where, "--json", COLUMNS="120")
    assert listed.returncode == 0, listed.stderr
    for it in learned[1:]:
        assert it["model"]["version"] in listed.stdout
    assert (kept / "plot.svg").read_text().startswith("<?xml")


def test_a_check_that_is_not_met_has_an_exit_code_of_its_own(nextbest: Nextbest) -> None:
    small = ("--customers", "20", "--decisions", "100", "--rounds", "1")
    done = nextbest("simulate-world", *small, "--check", "0.5", COLUMNS="120")
    assert done.returncode == 5, done.stderr
    assert "the regret fell from" in done.stderr
    assert "regret" in done.stdout


def test_wrong_wishes_are_refused_before_anything_starts(nextbest: Nextbest, tmp_path: Path) -> None:
    (tmp_path / "something").touch()
    for wish in (["--keep", str(tmp_path)], ["--plot", "picture.gif"], ["--actions", "2", "--ranks", "3"]):
        done = nextbest("simulate-world", *wish, COLUMNS="120")
        assert done.returncode == 2
        assert wish[0] in done.stderr


def small(**changes: float) -> Plan:
    return Plan(**{**SMALL, **changes})  # type: ignore[arg-type]


def test_the_same_plan_gives_the_same_figures(tmp_path: Path) -> None:
    plan = small(customers=60, rounds=2, decisions=250)
    one, other = (
        [it.figures() for it in simulate(plan, tmp_path / name, silent)] for name in ("one", "other")
    )
    assert one == other
    assert one[1]["model"] is not None


def test_a_world_in_which_outcomes_mean_nothing_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def indifferent(
        world: World, visits: Integers, actions: Integers, random: np.random.Generator
    ) -> tuple[Flags, Flags]:
        del world, visits
        looked = np.ones(actions.shape, dtype=np.bool_)
        return looked, random.random(actions.shape) < 0.25

    monkeypatch.setattr(rounds, "_reactions", indifferent)
    assert any(
        "the regret fell" in it for it in shortfalls([*simulate(small(), tmp_path, silent)], MOST_REGRET)
    )


def test_probabilities_that_are_logged_wrong_are_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = Explorer.pick

    def wrong(explorer: Explorer, competing: np.ndarray, rank: int) -> tuple[int, float]:
        picked, probability = right(explorer, competing, rank)
        return picked, 0.7 * probability

    monkeypatch.setattr(Explorer, "pick", wrong)
    lived = [*simulate(small(customers=60, rounds=2, decisions=250), tmp_path, silent)]
    assert any("probabilities in the log" in it for it in shortfalls(lived, 1.0))
