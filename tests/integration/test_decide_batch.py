"""`nextbest decide-batch`: plans are what the service would answer, and what is committed holds."""

import asyncio
import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import grpc
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import redis
from click.testing import Result
from corner_shop import ANNA, BEN, CARL, DIRECTORY, NOW_MS, STRANGER
from deciding import LIMITED, ask, deciding, question
from deciding import HandClock as MovedClock
from service_in_process import HandClock, service_in_process
from typer.testing import CliRunner

from nextbest.v1 import decision_pb2, decision_pb2_grpc, identity_pb2, value_pb2
from nextbest_service.batch import run as batch_run
from nextbest_service.batch.answers import versions_of
from nextbest_service.batch.engine import Engine
from nextbest_service.batch.run import Counts
from nextbest_service.cli.app import app
from nextbest_service.cli.failures import describe
from nextbest_service.composition import load_parts
from nextbest_service.errors import StartupError
from nextbest_service.home import Home
from nextbest_service.store.connection import SyncClient
from nextbest_service.store.keys import Identity

EVERYBODY = (ANNA, BEN, CARL, STRANGER)
NAME = "identities.customer"
MOMENT = "2024-03-15T10:00:00Z"
Rows = Sequence[Mapping[str, Any]]
Decide = Callable[[decision_pb2.DecideRequest], decision_pb2.DecideResponse]


def batch(
    home: Path, url: str, rows: Rows, *options: str, catalog: Path = DIRECTORY, name: str = "out"
) -> Result:
    """Run a batch over some rows; the answers are in `<name>.parquet` of the home."""
    customers = home / "customers.parquet"
    pq.write_table(pa.Table.from_pylist([*rows]), customers)
    where = ("--home", str(home), "--catalog", str(catalog), "--redis-url", url)
    output = str(home / f"{name}.parquet")
    return CliRunner().invoke(app, ["decide-batch", str(customers), output, *where, *options])


def answers(home: Path, name: str = "out") -> list[dict[str, Any]]:
    """Return the answers of a batch."""
    return pq.read_table(home / f"{name}.parquet").to_pylist()


def failure(result: Result) -> tuple[int, str]:
    """Return the exit code and the words of a batch that could not be run."""
    assert isinstance(result.exception, Exception)
    told = describe(result.exception)
    assert told is not None, result.exception
    return told.exit_code, "\n".join(told.lines)


@pytest.fixture(scope="module")
def decide(
    shop_model: Path, shop_store: redis.Redis, shop_store_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Decide]:
    """Ask a service whose clock stands at the catalog's moment."""
    del shop_store  # it is filled
    loaded = load_parts(str(DIRECTORY), Home(tmp_path_factory.mktemp("nothing")), shop_model)
    with (
        service_in_process(loaded, shop_store_url, HandClock(NOW_MS)) as address,
        grpc.insecure_channel(address) as channel,
    ):
        stub = decision_pb2_grpc.DecisionServiceStub(channel)
        yield lambda request: stub.Decide(request, timeout=20)


def asked(who: Any, placement: str, **fields: Any) -> decision_pb2.DecideRequest:
    return decision_pb2.DecideRequest(
        identities=[identity_pb2.Identity(namespace=who.namespace, id=who.id)],
        placements=[decision_pb2.PlacementRequest(id=placement, limit=fields.pop("limit", 0))],
        include_content=True,
        dry_run=True,
        **fields,
    )


def same_proposition(told: Mapping[str, Any], expected: Any) -> bool:
    """Tell whether a proposition of a file is one of the service, to the last bit."""
    enum = type(expected).DESCRIPTOR.fields_by_name["maturity"].enum_type
    maturity = enum.values_by_number[expected.maturity].name.removeprefix("MATURITY_")
    expires = told["expires_at"]
    figures = ("rank", "selection_probability", "propensity", "context_weight", "value", "lever", "priority")
    return (
        all(told[name] == getattr(expected, name) for name in (*figures, "issue", "group", "channel"))
        and told["action"] == expected.action_id
        and (told["treatment"] or "") == expected.treatment_id
        and told["content"] == expected.content_json
        and (told["maturity"] or "UNSPECIFIED") == maturity
        and (round(expires.timestamp() * 1000) if expires else 0) == expected.expires_at_unix_ms
        and told["token"] is None
    )


@pytest.mark.parametrize(
    ("placement", "page", "options"),
    [("home", None, {}), ("home", "recipes", {"limit": 2}), ("letter", None, {"limit": 1})],
)
def test_a_plan_is_to_the_last_bit_what_the_service_answers(
    decide: Decide,
    shop_model: Path,
    shop_store_url: str,
    tmp_path: Path,
    placement: str,
    page: str | None,
    options: dict[str, int],
) -> None:
    rows = [{"namespace": who.namespace, "id": who.id, "context.page": page} for who in EVERYBODY]
    limit = ("--limit", str(options.get("limit", 0)))
    result = batch(
        tmp_path, shop_store_url, rows, "-p", placement, "--at", MOMENT, "--model", str(shop_model), *limit
    )
    assert result.exit_code == 0, result.output
    context = value_pb2.Context(strings={"page": page} if page else {})
    offered = 0
    for who, told in zip(EVERYBODY, answers(tmp_path), strict=True):
        expected = decide(asked(who, placement, context=context, **options))
        assert (told["namespace"], told["id"], told["placement"]) == (*who, placement)
        assert told["decided_at"].timestamp() * 1000 == expected.decided_at_unix_ms == NOW_MS
        assert told["model_version"] == expected.versions.model != ""
        assert told["customer_known"] == expected.customer_known
        assert told["stale_features"] == [*expected.stale_features]
        assert told["degraded"] == [it.reason for it in expected.degraded] == []
        propositions = expected.placements[0].propositions
        assert len(told["propositions"]) == len(propositions)
        assert all(map(same_proposition, told["propositions"], propositions))
        offered += len(propositions)
    assert offered > 3


def test_customers_are_in_the_arms_that_the_service_has_for_them(
    valkey: SyncClient, valkey_url: str, tmp_path: Path
) -> None:
    del valkey
    catalog = Path(shutil.copytree(LIMITED, tmp_path / "catalog"))
    halves = "experiments: [{id: halves, arms: [{id: a, share: 0.4}, {id: b, share: 0.4}]}]"
    (catalog / "experiments.yaml").write_text(halves)
    people = [Identity("customer", str(number)) for number in range(80)]
    rows = [{"namespace": who.namespace, "id": who.id} for who in people]
    assert batch(tmp_path, valkey_url, rows, "-p", "home", catalog=catalog).exit_code == 0

    async def served() -> list[dict[str, str]]:
        async with deciding(valkey_url, MovedClock(), catalog) as decider:
            found = [await ask(decider, question(of=who, dry_run=True)) for who in people]
        return [{arm.experiment_id: arm.arm for arm in response.arms} for response in found]

    arms = [dict(told["arms"]) for told in answers(tmp_path)]
    assert arms == asyncio.run(served())
    assert {*map(str, arms)} == {"{}", "{'halves': 'a'}", "{'halves': 'b'}"}


def test_stops_count_what_the_service_explains(
    decide: Decide, shop_model: Path, shop_store_url: str, tmp_path: Path
) -> None:
    rows = [{NAME: who.id} for who in EVERYBODY]
    batch(tmp_path, shop_store_url, rows, "-p", "home", "--explain", "--model", str(shop_model))
    for who, told in zip(EVERYBODY, answers(tmp_path), strict=True):
        level = decision_pb2.EXPLAIN_LEVEL_EXCLUSIONS
        expected = Counter(it.rule_id for it in decide(asked(who, "home", explain_level=level)).exclusions)
        counted = Counter[str]()
        for stop in told["stops"]:
            counted[stop["rule"]] += stop["actions"]
        assert counted == expected


def test_what_is_said_of_all_rows_gives_way_to_what_a_row_says(
    shop_store: redis.Redis, shop_store_url: str, tmp_path: Path
) -> None:
    del shop_store
    (tmp_path / "ids.txt").write_text("".join(f"{it}\n" for it in _offered(tmp_path, shop_store_url)[:2]))
    rows = [{NAME: "anna", "context.page": page} for page in (None, "recipes", "elsewhere")]
    options = ("--context", "page=recipes", "-p", "home", "--limit", "10")
    batch(tmp_path, shop_store_url, rows, *options)
    general, own, other = ([it["action"] for it in row["propositions"]] for row in answers(tmp_path))
    assert general == own != other
    batch(tmp_path, shop_store_url, rows, *options, "--candidates", str(tmp_path / "ids.txt"))
    assert {it["action"] for it in answers(tmp_path)[0]["propositions"]} == {
        *(tmp_path / "ids.txt").read_text().split()
    }


def _offered(home: Path, url: str) -> list[str]:
    batch(home, url, [{NAME: "anna"}], "-p", "home", "--limit", "10", "--context", "page=recipes")
    return [it["action"] for it in answers(home)[0]["propositions"]]


def test_a_plan_changes_nothing_in_the_store(
    shop_store: redis.Redis, shop_store_url: str, tmp_path: Path
) -> None:
    batch(tmp_path, shop_store_url, [{NAME: "anna"}], "-p", "home")  # registers what the catalog needs
    before = {key: shop_store.dump(key) for key in shop_store.keys("*")}
    batch(tmp_path, shop_store_url, [{NAME: who.id} for who in EVERYBODY], "-p", "home")
    assert {key: shop_store.dump(key) for key in shop_store.keys("*")} == before


def test_rows_that_cannot_be_asked_are_rejected_and_the_others_decided(
    shop_store: redis.Redis, shop_store_url: str, tmp_path: Path
) -> None:
    del shop_store
    rows = [
        {"namespace": "customer", "id": "anna", "brand": None, "channel": None},
        {"namespace": "customer", "id": None, "brand": None, "channel": None},
        {"namespace": "9", "id": "x", "brand": None, "channel": None},
        {"namespace": "customer", "id": "ben", "brand": "nobodys", "channel": None},
        {"namespace": "customer", "id": "ben", "brand": None, "channel": "email"},
        {"namespace": "customer", "id": "ben", "brand": None, "channel": "web"},
    ]
    result = batch(tmp_path, shop_store_url, rows, "-p", "home", "--json")
    assert result.exit_code == 4
    figures = json.loads(result.stdout)
    assert (figures["rows"], figures["decided"], figures["rejected"]) == (6, 2, 4)
    assert [row["row"] for row in answers(tmp_path)] == [1, 6]
    rejects = [json.loads(line) for line in Path(figures["rejects"]).read_text().splitlines()]
    assert [(it["line"], it["fields"][0]["field"]) for it in rejects] == [
        (2, "id"),
        (3, "namespace"),
        (4, "brand"),
        (5, "channel"),
    ]
    assert rejects[2]["reason"] == "UNKNOWN_REFERENCE"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("-p", "nowhere"), "placement: the catalog declares no such placement"),
        (("-p", "home", "--limit", "99"), "limit: 0 to 10"),
        (("-p", "home", "--exclude", "nothing"), "exclude"),
        (("-p", "home", "--context", "wind=9"), "context.wind: the catalog declares no such context"),
        (("-p", "home", "--commit", "--at", MOMENT), "--at plans for another moment"),
        (("-p", "home", "--name", "n" * 41), "--name"),
        (("-p", "home", "--dask", "tcp://127.0.0.1:1"), "--redis-url"),
    ],
)
def test_a_campaign_that_cannot_be_asked_ends_before_it_begins(
    tmp_path: Path, shop_store_url: str, options: Sequence[str], words: str
) -> None:
    if "--dask" in options:
        pq.write_table(pa.table({NAME: ["anna"]}), tmp_path / "customers.parquet")
        files = [str(tmp_path / "customers.parquet"), str(tmp_path / "out.parquet")]
        where = ["--home", str(tmp_path), "--catalog", str(DIRECTORY)]
        result = CliRunner().invoke(app, ["decide-batch", *files, *where, *options])
    else:
        result = batch(tmp_path, shop_store_url, [{NAME: "anna"}], *options)
    code, told = failure(result)
    assert (code, words in told) == (2, True), told
    assert not (tmp_path / "out.parquet").exists()


def test_a_column_that_is_no_field_is_named(tmp_path: Path, shop_store_url: str) -> None:
    code, told = failure(batch(tmp_path, shop_store_url, [{NAME: "anna", "chanel": "web"}], "-p", "home"))
    assert (code, "chanel: no such field" in told) == (2, True)


@pytest.fixture
def in_parts_of_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_run, "PART_ROWS", 2)


def break_off_at(monkeypatch: pytest.MonkeyPatch, part: int) -> None:
    """Let a batch end with this part, after it has been decided."""
    decide = Engine.decide

    async def breaking(engine: Engine, asked: Any) -> Any:
        decided = await decide(engine, asked)
        if asked.number == part:
            raise StartupError("the plug was pulled")
        return decided

    monkeypatch.setattr(Engine, "decide", breaking)


@pytest.mark.usefixtures("in_parts_of_two")
def test_an_interrupted_plan_goes_on_with_what_is_missing(
    shop_store: redis.Redis, shop_store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del shop_store
    rows = [{NAME: who.id} for who in (*EVERYBODY, ANNA)] + [{NAME: ""}, {NAME: "ben"}]
    command = ("-p", "home", "--json")
    assert batch(tmp_path, shop_store_url, rows, *command, name="whole").exit_code == 4
    with monkeypatch.context() as patch:
        break_off_at(patch, 3)
        code, told = failure(batch(tmp_path, shop_store_url, rows, *command))
        assert (code, told) == (3, "the plug was pulled")
    assert not (tmp_path / "out.parquet").exists()
    other = batch(tmp_path, shop_store_url, rows, "-p", "card", "--resume")
    assert failure(other)[0] == 3
    rest = batch(tmp_path, shop_store_url, rows, *command, "--resume")
    figures = json.loads(rest.stdout)
    assert (figures["resumed"], figures["rows"], figures["rejected"]) == (6, 7, 1)
    assert answers(tmp_path) == answers(tmp_path, "whole")
    assert Path(figures["rejects"]).read_text().count("\n") == 1
    assert not (tmp_path / "out.parquet.parts").exists()


def of_limited(count: int) -> Rows:
    return [{"customer": f"c{number}"} for number in range(count)]


def committed(home: Path, url: str, rows: Rows, *options: str, name: str = "out") -> list[list[str]]:
    """Return what is offered in each row once a batch is committed."""
    result = batch(home, url, rows, "--commit", *options, catalog=LIMITED, name=name)
    assert result.exit_code == 0, (result.output, result.exception)
    return [[it["action"] for it in row["propositions"]] for row in answers(home, name)]


def test_what_is_committed_counts_against_caps_and_volumes(
    valkey: SyncClient, valkey_url: str, tmp_path: Path
) -> None:
    del valkey
    offered = committed(tmp_path, valkey_url, of_limited(8), "-p", "letter")
    assert Counter(name for row in offered for name in row) == {"rare": 5, "best": 3}
    often = committed(tmp_path, valkey_url, [{"customer": "anna"}] * 8, "-p", "home")
    assert Counter(name for row in often for name in row) == {"best": 3, "second": 3, "note": 2}


def test_a_committed_batch_that_runs_again_gives_the_same_answers(
    valkey: SyncClient, valkey_url: str, tmp_path: Path
) -> None:
    first = committed(tmp_path, valkey_url, of_limited(8), "-p", "letter")
    told, logged = answers(tmp_path), valkey.xlen("nb:{log}")
    assert committed(tmp_path, valkey_url, of_limited(8), "-p", "letter", name="again") == first
    assert answers(tmp_path, "again") == told
    assert all(it["token"] for row in told for it in row["propositions"])
    assert valkey.xlen("nb:{log}") >= logged >= 8


@pytest.mark.usefixtures("in_parts_of_two")
def test_a_committed_batch_that_was_broken_off_reserves_nothing_twice(
    valkey: SyncClient, valkey_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del valkey
    rows = [{"customer": "anna"}, {"customer": "anna"}] * 3
    with monkeypatch.context() as patch:
        break_off_at(patch, 1)  # its two rows are reserved, and nobody knows
        assert failure(batch(tmp_path, valkey_url, rows, "--commit", "-p", "home", catalog=LIMITED))[0] == 3
    offered = committed(tmp_path, valkey_url, rows, "-p", "home", "--resume")
    assert Counter(name for row in offered for name in row) == {"best": 3, "second": 3}


def test_only_what_is_committed_explores(valkey: SyncClient, valkey_url: str, tmp_path: Path) -> None:
    del valkey
    catalog = Path(shutil.copytree(LIMITED, tmp_path / "exploring"))
    placements = catalog / "placements.yaml"
    explores = "explore: {method: epsilon_greedy, share: 0.5, regret: 1.0}, default_limit"
    placements.write_text(placements.read_text().replace("default_limit", explores, 1))
    for options, some in ((("-p", "home"), False), (("-p", "home", "--commit"), True)):
        assert batch(tmp_path, valkey_url, of_limited(30), *options, catalog=catalog).exit_code == 0
        picks = [it["selection"] for row in answers(tmp_path) for it in row["propositions"]]
        assert (len(picks), "EXPLORED" in picks) == (30, some)


def test_a_name_is_for_one_batch_only(valkey: SyncClient, valkey_url: str, tmp_path: Path) -> None:
    del valkey
    committed(tmp_path, valkey_url, of_limited(2), "-p", "letter", "--name", "spring")
    result = batch(
        tmp_path,
        valkey_url,
        of_limited(2)[::-1],
        "--commit",
        "-p",
        "letter",
        "--name",
        "spring",
        catalog=LIMITED,
    )
    assert result.exit_code == 4
    rejects = (tmp_path / "out.parquet.rejects.jsonl").read_text().splitlines()
    assert {json.loads(line)["reason"] for line in rejects} == {"REUSED_REQUEST_ID"}


def test_parts_of_different_models_do_not_go_together(
    shop_store: redis.Redis, shop_store_url: str, shop_model: Path, tmp_path: Path
) -> None:
    del shop_store
    batch(tmp_path, shop_store_url, [{NAME: "anna"}], "-p", "home", name="static")
    batch(tmp_path, shop_store_url, [{NAME: "anna"}], "-p", "home", "--model", str(shop_model))
    without, ranked = (pq.read_table(tmp_path / f"{name}.parquet") for name in ("static", "out"))
    assert (versions_of(without.schema).model, versions_of(ranked.schema).model) == ("", shop_model.name)
    counts = Counts()
    counts.add(without, 0)
    with pytest.raises(StartupError, match="workers have different ones"):
        counts.add(ranked, 0)


def test_the_command_explains_itself() -> None:
    result = CliRunner().invoke(app, ["decide-batch", "--help"])
    assert result.exit_code == 0
    assert "--commit" in result.stdout
