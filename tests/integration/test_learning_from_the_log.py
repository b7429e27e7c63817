"""The whole loop: decisions and outcomes over gRPC, an export, a model learned from it, which then serves."""

import io
import json
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any, TypeAlias

import corner_shop
import grpc
import numpy as np
import pytest
from service_in_process import HandClock, service_in_process

from nextbest.v1 import decision_pb2, decision_pb2_grpc, outcome_pb2, outcome_pb2_grpc
from nextbest_models.affinity import AffinityCounters, AffinityKeys
from nextbest_models.artifact import read_manifest
from nextbest_models.definitions import DAY_MS
from nextbest_models.logged.export import LogExport
from nextbest_models.logged.material import material_of
from nextbest_models.progress import silent
from nextbest_models.recipe import LogRecipe, load_recipe
from nextbest_service.cli.app import main
from nextbest_service.composition import load_parts
from nextbest_service.customers.person import Member, Person
from nextbest_service.customers.portion import Portion
from nextbest_service.home import Home
from nextbest_service.store.connection import SyncClient, connect_for_bulk
from nextbest_service.store.embedded import embedded_valkey
from nextbest_service.store.keys import Identity
from nextbest_service.store.writer import write_persons

Rpc: TypeAlias = Callable[..., Any]
Business: TypeAlias = tuple[str, Path, Path]
DAYS, CUSTOMERS, SHOWN = 8, 90, 5
SILENT = 10
EXPOSURES = SHOWN * (CUSTOMERS - CUSTOMERS // SILENT) * (DAYS - 1)  # what was shown on the last day is open
TASTES = ("apples", "wine", "")
LIKED = {"spring-apples": "apples", "spring-wine": "wine"}
RECIPE = """
name = "corner"
title = "Will they click?"
[log]
window_days = 1.0
negatives_per_positive = 2.0
[graduation]
scope = "type"
exposures = 50
[calibration]
platt_from = 20
[lightgbm]
trees = 40
learning_rate = 0.1
num_leaves = 4
min_data_in_leaf = 40
"""


def shopper(number: int) -> Identity:
    """Return the name of a customer; their taste is `TASTES[number % 3]`."""
    return Identity("customer", f"c{number}")


def open_shop(store: SyncClient) -> None:
    """Write customers who each like one thing, or nothing, and bought it before."""
    prepared = corner_shop.prepared(store)
    keys = AffinityKeys(prepared.dictionary.keys)

    def persons() -> Iterator[Person]:
        for number in range(CUSTOMERS):
            taste = TASTES[number % 3]
            ids = keys.ids_for("category", [taste] if taste else [])
            counts = np.full(len(ids), 3 + number % 2, np.uint16)
            days = np.full(len(ids), corner_shop.NOW_MS // DAY_MS - 3, np.uint16)
            counters = AffinityCounters(keys.stored(ids), counts, days, counts)
            features = corner_shop.given(4.0, 50.0, 3.0, counters=counters)
            facts = {"campaigns": ["spring"], "age": 40}
            identity = shopper(number)
            ref = prepared.codec.ring.ref(identity)
            yield Person((Member(ref, identity, portion=Portion(facts, features=features)),))

    list(write_persons(store, prepared.codec, persons(), corner_shop.NOW_MS))


@contextmanager
def calling(
    url: str, home: Path, clock: HandClock
) -> Iterator[tuple[Callable[..., Any], Callable[..., Any]]]:
    """Serve with the model in use of a home, and yield what decides and what reports."""
    parts = load_parts(str(corner_shop.DIRECTORY), Home(home))
    with service_in_process(parts, url, clock) as address, grpc.insecure_channel(address) as channel:
        decide = decision_pb2_grpc.DecisionServiceStub(channel).Decide
        yield decide, outcome_pb2_grpc.OutcomeServiceStub(channel).ReportOutcomes


def do_business(url: str, home: Path) -> None:
    """Decide for everybody every day; they click what they like, and seldom something else."""
    clock, dice = HandClock(corner_shop.NOW_MS), random.Random(5)
    with calling(url, home, clock) as (decide, report):
        for day in range(DAYS):
            outcomes = []
            for number in range(CUSTOMERS):
                answer = decide(question(number), timeout=20)
                if number % SILENT == 0:
                    continue  # nobody tells what became of these
                for shown in answer.placements[0].propositions:
                    name = f"{day}-{number}-{shown.action_id}"
                    likes = LIKED.get(shown.action_id) == TASTES[number % 3]
                    types = ["DISPLAYED"] + ["CLICKED"] * (dice.random() < (0.7 if likes else 0.05))
                    outcomes += [outcome(shown.token, name, type_, clock.time_ms) for type_ in types]
            for start in range(0, len(outcomes), 1000):
                report(outcome_pb2.ReportOutcomesRequest(outcomes=outcomes[start : start + 1000]), timeout=20)
            clock.time_ms += DAY_MS


def question(number: int, **fields: object) -> decision_pb2.DecideRequest:
    """Return what is asked about a customer."""
    return corner_shop.question(corner_shop.asked(limit=SHOWN), of=shopper(number), **fields)


def outcome(token: str, name: str, type_: str, at_ms: int) -> outcome_pb2.Outcome:
    """Return an outcome of a proposition, a second after it was made."""
    return outcome_pb2.Outcome(
        id=f"{type_}-{name}",
        source="web",
        type=f"OUTCOME_TYPE_{type_}",
        token=token,
        time_unix_ms=at_ms + 1000,
    )


def run(*arguments: str | Path) -> None:
    """Run a command of nextbest in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["nextbest", *map(str, arguments)])
        try:
            main()
        except SystemExit as end:
            if end.code:
                raise


@pytest.fixture(scope="module")
def business(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Business]:
    """The URL of a store full of decisions, an empty home, and an export of the decisions."""
    root = tmp_path_factory.mktemp("loop")
    (root / "recipe.toml").write_text(RECIPE)
    with embedded_valkey(root / "valkey") as url:
        with connect_for_bulk(url) as store:
            open_shop(store)
        do_business(url, root / "home")
        run("log", "export", "--to", root / "export", "--redis-url", url)
        yield url, root / "home", root / "export"


@pytest.fixture(scope="module")
def figures(business: Business) -> dict[str, Any]:
    """What `nextbest train` tells of a model that it learned from the export."""
    return trained(business)


def trained(business: Business, *options: str) -> dict[str, Any]:
    """Train from the export and return the figures."""
    _, home, directory = business
    told = io.StringIO()
    with redirect_stdout(told):
        run(
            *("train", "--from-log", directory, "--recipe", home.parent / "recipe.toml"),
            *("--catalog", corner_shop.DIRECTORY, "--home", home, "--json", *options),
        )
    figures: dict[str, Any] = json.loads(told.getvalue())
    return figures


def propensity(decide: Rpc, number: int, action: str) -> float:
    """Return the propensity of an action for a customer."""
    answer = decide(question(number, candidate_action_ids=[action]), timeout=20)
    (shown,) = answer.placements[0].propositions
    return float(shown.propensity)


def test_what_customers_did_becomes_a_model_that_serves(business: Business, figures: dict[str, Any]) -> None:
    url, home, _ = business
    assert not figures["in_use"]
    assert Home(home).model_in_use("corner_shop") is None
    assert figures["exposures"] == EXPOSURES
    assert figures["auc"] > 0.7
    assert figures["negatives_share"] < 1
    assert figures["train_rows"] == pytest.approx(3 * figures["train_positives"], rel=0.1)
    Home(home).use_model("corner_shop", figures["model_version"])
    clock = HandClock(corner_shop.NOW_MS + DAYS * DAY_MS)
    with calling(url, home, clock) as (decide, _):
        answer = decide(question(0), timeout=20)
        assert answer.versions.model == figures["model_version"]
        apples = [propensity(decide, number, "spring-apples") for number in range(3)]
        wine = [propensity(decide, number, "spring-wine") for number in range(3)]
    # The truth is 0.7 and 0.05. Ids are random, and so is what is explored and drawn: few rows, wide margins.
    for liked, others in ((apples[0], apples[1:]), (wine[1], (wine[0], wine[2]))):
        assert 0.35 < liked < 0.95
        assert max(others) < min(0.3, liked / 2)


def test_the_artifact_tells_what_it_was_learned_from(figures: dict[str, Any]) -> None:
    directory = Path(figures["model_directory"])
    training = read_manifest(directory).training
    assert training["exposures"] == EXPOSURES
    open_ones, unseen = SHOWN * CUSTOMERS, SHOWN * CUSTOMERS // SILENT * (DAYS - 1)
    assert training["left_out_propositions"] == {
        "propositions whose outcomes may still come in": open_ones,
        "propositions of which nobody said that they were shown": unseen,
    }
    card = (directory / "card.md").read_text()
    assert "Learned from the decision log" in card
    assert "A success is CLICKED, ACCEPTED, CONVERTED within 1 days" in card
    assert f"Left out: {open_ones} propositions whose outcomes may still come in." in card
    experience = json.loads((directory / "experience.json").read_text())
    shown = sum(item["shown"] for item in experience["actions"].values())
    assert shown > 2 * figures["train_rows"]  # evidence counts what was not drawn to learn from, too


def test_rows_that_are_drawn_stand_for_all_before_the_test(business: Business) -> None:
    spec, recipe = corner_shop.spec(), load_recipe(business[1].parent / "recipe.toml", LogRecipe)
    material = material_of(recipe, spec, LogExport(business[2], spec.digest), silent)
    rows, evidence = material.rows, material.evidence
    assert rows.train.weights is not None
    assert rows.train.weights.sum() == pytest.approx(evidence.shown)
    positives = sum(tally.positive for tally in evidence.tallies.values())
    assert rows.train.weights[rows.train.positive].sum() == pytest.approx(positives)
    assert rows.validation.weights is rows.test.weights is None
    assert len(rows.test) + evidence.shown == EXPOSURES
    assert max(rows.fit.times_ms) < min(rows.validation.times_ms)
    assert max(rows.train.times_ms) < min(rows.test.times_ms)
    assert {*np.bincount(np.unique(rows.test.groups, return_inverse=True)[1])} == {SHOWN}


def test_who_knows_that_everything_was_shown_can_say_so(business: Business) -> None:
    told = trained(business, "--assume-shown", "--use")
    assert told["exposures"] == SHOWN * CUSTOMERS * (DAYS - 1)
    assert told["in_use"]
    used = Home(business[1]).model_in_use("corner_shop")
    assert used is not None
    assert used.name == told["model_version"]


def refusal(business: Business, capsys: pytest.CaptureFixture[str], recipe: Path, catalog: str | Path) -> str:
    """Return why nothing could be learned."""
    _, home, directory = business
    with pytest.raises(SystemExit) as ended:
        run(*("train", "--from-log", directory, "--recipe", recipe, "--home", home, "--catalog", catalog))
    assert ended.value.code == 2
    return capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('window_days = 1.0\npositives = ["CONVERTED"]', "was a success; these outcomes make one: CONVERTED"),
        ("window_days = 300", "can be learned from: 3,600 propositions whose outcomes may still come in"),
        ("validation_share = 0.5", "log.validation_share"),
        ("[periods]\ntrain_from = 2024-01-01", "periods: Extra inputs are not permitted"),
    ],
)
def test_what_cannot_be_learned_from_is_refused_with_the_reason(
    business: Business, capsys: pytest.CaptureFixture[str], tmp_path: Path, line: str, message: str
) -> None:
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(RECIPE.replace("window_days = 1.0", line))
    assert message in refusal(business, capsys, recipe, corner_shop.DIRECTORY)


def test_the_log_of_another_catalog_is_refused(
    business: Business, capsys: pytest.CaptureFixture[str]
) -> None:
    told = refusal(business, capsys, business[1].parent / "recipe.toml", "grocery")
    assert "can be learned from: 720 decisions because they are of another catalog" in told


def test_options_for_logs_need_a_log(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run("train", "--assume-shown")
    assert ended.value.code == 2
    assert "needs --from-log" in capsys.readouterr().err
