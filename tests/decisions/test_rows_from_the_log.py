"""From the exported log alone every candidate's row comes out exactly as it was scored."""

import asyncio
import re
from collections.abc import Sequence
from pathlib import Path

import corner_shop
import numpy as np
import pyarrow.parquet as pq
import pytest
from deciding import DAY_MS, HandClock, ask, deciding
from test_log_export import export

from nextbest.v1 import decision_pb2, value_pb2
from nextbest_models.artifact import load
from nextbest_models.companions import Companions
from nextbest_models.evidence import Evidence, Experience, Graduation, Kind, Tally
from nextbest_models.ladder import Maturity
from nextbest_models.logged.decisions import LoggedDataError, LoggedDecisions
from nextbest_models.logged.export import NO_ACTION_SIDE, NOT_REBUILDABLE, OTHER_FEATURES, LogExport
from nextbest_models.logged.rows import Rescorer, rows_of
from nextbest_models.ranker import Ranker
from nextbest_service.store.connection import SyncClient
from nextbest_service.store.keys import LOG_ACTION_SIDES, Identity

WHO = [*corner_shop.CUSTOMERS, corner_shop.STRANGER]


@pytest.fixture(scope="module")
def ranker(tmp_path_factory: pytest.TempPathFactory) -> Ranker:
    """A model of the corner shop."""
    return load(corner_shop.train_model(tmp_path_factory.mktemp("models")), corner_shop.spec())


def decided(
    url: str, store: SyncClient, ranker: Ranker | None, days: int = 2
) -> Sequence[decision_pb2.DecideResponse]:
    """Decide for everybody, with several baskets, on some days in a row."""
    corner_shop.open_for_business(store)

    async def run() -> list[decision_pb2.DecideResponse]:
        clock, answers = HandClock(corner_shop.NOW_MS), []
        async with deciding(url, clock, corner_shop.DIRECTORY, ranker=ranker) as decider:
            for _ in range(days):
                for number, who in enumerate(WHO):
                    answers.append(await ask(decider, _question(who, 3.5 * number)))
                clock.time_ms += DAY_MS
        return answers

    return asyncio.run(run())


def _question(who: Identity, basket: float) -> decision_pb2.DecideRequest:
    context = value_pb2.Context(numbers={"basket_value": basket} if basket else {})
    return corner_shop.question("home", of=who, context=context)


def read(directory: Path, digest: str = "") -> list[LoggedDecisions]:
    """Return everything in an export, in small batches."""
    return [*LogExport(directory, digest).batches(size=3)]


def test_the_model_scores_the_rows_as_it_did_when_they_competed(
    ranker: Ranker, valkey_url: str, valkey: SyncClient, tmp_path: Path
) -> None:
    answers = decided(valkey_url, valkey, ranker)
    export(tmp_path, valkey)
    valkey.flushall()
    batches, rescorer = read(tmp_path), Rescorer(ranker)
    assert sorted(id_ for batch in batches for id_ in batch.ids.tolist()) == sorted(
        answer.decision_id for answer in answers
    )
    pairs, baskets = 0, set[float]()
    for batch in batches:
        assert {*batch.candidates.maturity.tolist()} <= {Maturity.MODEL}
        logged = batch.candidates.propensity
        assert np.array_equal(rescorer.propensities(batch).astype(np.float32), logged)
        every = rows_of(batch, np.arange(len(logged)))
        assert np.array_equal(ranker.propensities(every).astype(np.float32), logged)
        pairs += int((~np.isnan(every[:, batch.side.spec.columns.index("category_trips")])).sum())
        baskets |= {*every[:, batch.side.spec.columns.index("basket")].tolist()}
    assert pairs > 0  # counters had their say
    assert baskets == {3.5 * number for number in range(len(WHO))}


def test_slots_say_what_was_offered_with_the_factors_of_its_candidate(
    ranker: Ranker, valkey_url: str, valkey: SyncClient, tmp_path: Path
) -> None:
    answers = decided(valkey_url, valkey, ranker)
    export(tmp_path, valkey)
    expected = {
        (
            answer.decision_id,
            placement.placement_id,
            it.rank,
            it.action_id,
            it.channel,
            np.float32(it.propensity),
        )
        for answer in answers
        for placement in answer.placements
        for it in placement.propositions
    }
    found = {
        (
            str(batch.ids[slots.decision[slot]]),
            str(slots.placement[slot]),
            int(slots.rank[slot]),
            batch.side.actions[batch.candidates.rows[slots.candidate[slot]]],
            str(slots.channel[slot]),
            batch.candidates.propensity[slots.candidate[slot]],
        )
        for batch in read(tmp_path)
        for slots in [batch.slots]
        for slot in range(len(slots))
    }
    assert found == expected


def test_rows_of_some_candidates_are_those_among_all(
    ranker: Ranker, valkey_url: str, valkey: SyncClient, tmp_path: Path
) -> None:
    decided(valkey_url, valkey, ranker)
    export(tmp_path, valkey)
    for batch in read(tmp_path):
        every = rows_of(batch, np.arange(len(batch.candidates.rows)))
        some = np.arange(1, len(every), 3)
        assert np.array_equal(rows_of(batch, some), every[some], equal_nan=True)


def test_what_was_decided_without_a_model_can_be_learned_from_as_well(
    valkey_url: str, valkey: SyncClient, tmp_path: Path
) -> None:
    decided(valkey_url, valkey, None)
    export(tmp_path, valkey)
    (batch, *_) = read(tmp_path, corner_shop.spec().digest)
    assert {*batch.candidates.maturity.tolist()} <= {Maturity.PRIOR, Maturity.POOLED}
    assert {*batch.model_versions.tolist()} == {""}
    assert rows_of(batch, batch.slots.candidate[:1]).shape == (1, len(corner_shop.spec().columns))


def test_what_each_propensity_rested_on_is_known(valkey_url: str, valkey: SyncClient, tmp_path: Path) -> None:
    tallies = {"spring-wine": Tally(Kind("OFFER", "cross_sell", "wine"), 500, 50)}
    experience = Experience(Evidence(tallies), Graduation(exposures=100))
    directory = corner_shop.train_model(tmp_path / "models", Companions(experience=experience))
    ranker = load(directory, corner_shop.spec())
    decided(valkey_url, valkey, ranker, days=1)
    export(tmp_path, valkey)
    found: dict[str, set[int]] = {}
    for batch in read(tmp_path):
        for row, maturity in zip(batch.candidates.rows, batch.candidates.maturity.tolist(), strict=True):
            found.setdefault(batch.side.actions[row], set()).add(maturity)
        known = batch.candidates.maturity == Maturity.MODEL
        rescored = Rescorer(ranker).propensities(batch).astype(np.float32)
        assert np.array_equal(rescored[known], batch.candidates.propensity[known])
    assert found["spring-wine"] == {Maturity.MODEL}
    assert found["strong-wine"] == {Maturity.POOLED}
    assert found["credit"] == {Maturity.PRIOR}


def test_decisions_with_other_features_are_left_out_and_counted(
    valkey_url: str, valkey: SyncClient, tmp_path: Path
) -> None:
    decided(valkey_url, valkey, None, days=1)
    export(tmp_path, valkey)
    found = LogExport(tmp_path, "another")
    assert [*found.batches()] == []
    assert found.left_out == {OTHER_FEATURES: len(WHO)}


def test_parts_of_an_earlier_version_are_left_out_and_counted(
    valkey_url: str, valkey: SyncClient, tmp_path: Path
) -> None:
    decided(valkey_url, valkey, None)
    export(tmp_path, valkey)
    older, *newer = sorted(tmp_path.glob("decisions/day=*/*.parquet"))
    table = pq.ParquetFile(older).read().drop_columns(["action_side", "counters"])
    pq.write_table(table, older)
    found = LogExport(tmp_path)
    assert sum(map(len, found.batches())) == sum(pq.read_metadata(part).num_rows for part in newer)
    assert found.left_out == {NOT_REBUILDABLE: table.num_rows}


def test_decisions_without_their_action_side_are_left_out_and_counted(
    valkey_url: str, valkey: SyncClient, tmp_path: Path
) -> None:
    decided(valkey_url, valkey, None, days=1)
    valkey.delete(LOG_ACTION_SIDES)  # type: ignore[arg-type]
    assert export(tmp_path, valkey).decisions == len(WHO)
    found = LogExport(tmp_path)
    assert [*found.batches()] == []
    assert found.left_out == {NO_ACTION_SIDE: len(WHO)}


def test_further_columns_come_along(valkey_url: str, valkey: SyncClient, tmp_path: Path) -> None:
    decided(valkey_url, valkey, None, days=1)
    export(tmp_path, valkey)
    for batch in LogExport(tmp_path).batches(more=("channel", "known")):
        assert batch.more["channel"].to_pylist() == ["web"] * len(batch)  # type: ignore[attr-defined]


def test_a_damaged_action_side_is_refused_by_name(
    valkey_url: str, valkey: SyncClient, tmp_path: Path
) -> None:
    decided(valkey_url, valkey, None, days=1)
    export(tmp_path, valkey)
    (path,) = (tmp_path / "action_sides").iterdir()
    content = path.read_bytes()
    for damaged in (content[:-200], b"", b"something else", content[:90] + b"\xff" * 40 + content[130:]):
        path.write_bytes(damaged)
        with pytest.raises(LoggedDataError, match=path.name):
            read(tmp_path)


def test_a_directory_without_decisions_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LoggedDataError, match="no exported decisions"):
        LogExport(tmp_path)
    part = tmp_path / "decisions" / "day=2024-03-15" / "part-1.parquet"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"PAR1 and no more")
    with pytest.raises(LoggedDataError, match=r"part-1.parquet is damaged"):
        read(tmp_path)


def test_an_action_side_is_stored_once_for_all_models_and_written_once(
    ranker: Ranker, valkey_url: str, valkey: SyncClient, tmp_path: Path
) -> None:
    decided(valkey_url, valkey, ranker, days=1)
    decided(valkey_url, valkey, None, days=1)
    assert valkey.hlen(LOG_ACTION_SIDES) == 1  # type: ignore[arg-type]
    export(tmp_path, valkey)
    (path,) = (tmp_path / "action_sides").iterdir()
    written = path.stat().st_mtime_ns
    decided(valkey_url, valkey, None, days=1)
    export(tmp_path, valkey)
    assert path.stat().st_mtime_ns == written


def test_the_example_of_the_guide_runs(
    valkey_url: str,
    valkey: SyncClient,
    tmp_path: Path,
    repository: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    decided(valkey_url, valkey, None)
    export(tmp_path / "exports", valkey)
    guide = (repository / "docs" / "guides" / "learning.md").read_text()
    (example,) = re.findall(r"```python\n(.*?)```", guide, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    exec(example, {})
    told = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert sum(map(int, told)) == 2 * len(WHO)
