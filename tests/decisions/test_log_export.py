"""Exported files hold each record once, whatever was killed when, and nothing of those who were erased."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
import redis
from deciding import ANNA, DAY_MS, NOW_MS, HandClock, ask, deciding, question
from test_decision_log import outcome_of

from nextbest_service.cli.app import main
from nextbest_service.decision_log.decisions import DecisionRecord
from nextbest_service.decision_log.entries import Entry, Kind, append
from nextbest_service.decision_log.export import exporter as exporter_module
from nextbest_service.decision_log.export.exporter import Exporter, Report
from nextbest_service.decision_log.export.parts import Parts
from nextbest_service.decision_log.export.position import Position
from nextbest_service.decision_log.outcomes import LoggedOutcome
from nextbest_service.decision_log.plain import customer_name
from nextbest_service.decision_log.source import LogSource
from nextbest_service.decisions.decider import Decider
from nextbest_service.errors import StartupError
from nextbest_service.store.keys import DECISION_LOG, Identity, Ref

FOREVER = 10**9


def with_decider(url: str, work: Callable[[Decider, HandClock], Awaitable[None]], **options: int) -> None:
    """Run some work with a decider, and write everything that waits."""

    async def run() -> None:
        clock = HandClock()
        async with deciding(url, clock, **options) as decider:  # type: ignore[arg-type]
            await work(decider, clock)

    asyncio.run(run())


async def decide_for(decider: Decider, customers: Iterable[str]) -> None:
    """Decide once for each customer, something that needs no reservation."""
    for customer in customers:
        request = question(of=Identity("customer", customer), candidate_action_ids=["note"])
        await ask(decider, request)


def export(directory: Path, store: redis.Redis, step: int = 7) -> Report:
    """Bring an export up to date, and return what was done."""
    total = Report()
    for report in Exporter(directory, LogSource(store), step).run():
        total = total.plus(report)
    return total


def rows(directory: Path, table: str) -> list[dict[str, object]]:
    """Return all rows of an exported table."""
    found: list[dict[str, object]] = ds.dataset(directory / table, partitioning="hive").to_table().to_pylist()
    return found


def logged_ids(store: redis.Redis, kind: Kind) -> list[str]:
    """Return the ids of all entries of a kind."""
    return [entry.id.hex() for entry in LogSource(store).newest(FOREVER) if entry.kind is kind]


def test_a_row_has_everything_that_was_recorded(valkey_url: str, valkey: redis.Redis, tmp_path: Path) -> None:
    outcomes: list[LoggedOutcome] = []

    async def work(decider: Decider, clock: HandClock) -> None:
        del clock
        answer = await ask(decider, question("home", "kiosk"))
        outcomes.append(outcome_of(answer, decider.people.naming.who([ANNA]).refs[0]))
        await decider.log.record_outcomes(outcomes)

    with_decider(valkey_url, work)
    assert export(tmp_path, valkey) == Report(decisions=1, outcomes=1)
    (decision,) = rows(tmp_path, "decisions")
    (outcome,) = rows(tmp_path, "outcomes")
    assert str(decision["day"]) == "2024-03-15"
    assert decision["decision_id"] == outcome["decision_id"]
    assert decision["customer"] == outcome["customer"]
    assert [candidate["action"] for candidate in decision["candidates"]] == ["best", "second", "note"]  # type: ignore[attr-defined]
    first = decision["propositions"][0]  # type: ignore[index]
    assert (first["placement"], first["rank"], first["action"]) == ("home", 1, "best")
    assert first["propensity"] == pytest.approx(0.9)
    assert dict(decision["features"]) == {"orders": 0.0}  # type: ignore[call-overload]
    assert json.loads(str(decision["facts"])) == {}
    assert decision["volumes"] == [("rare", 0)]
    assert outcome["type"] == "DISPLAYED"
    assert json.loads(str(outcome["properties"])) == {"seconds": 3.5}


def test_running_again_adds_only_what_is_new(valkey_url: str, valkey: redis.Redis, tmp_path: Path) -> None:
    async def two_days(decider: Decider, clock: HandClock) -> None:
        await decide_for(decider, map(str, range(20)))
        clock.time_ms += DAY_MS
        await decide_for(decider, map(str, range(10)))

    with_decider(valkey_url, two_days)
    assert export(tmp_path, valkey).decisions == 30
    assert export(tmp_path, valkey) == Report()
    with_decider(valkey_url, two_days)
    assert export(tmp_path, valkey).decisions == 30
    assert sorted(row["decision_id"] for row in rows(tmp_path, "decisions")) == sorted(  # type: ignore[type-var]
        logged_ids(valkey, Kind.DECISION)
    )
    days = {path.name for path in (tmp_path / "decisions").iterdir()}
    assert days == {"day=2024-03-15", "day=2024-03-16"}


def test_what_was_recorded_twice_is_exported_once(
    valkey_url: str, valkey: redis.Redis, tmp_path: Path
) -> None:
    async def work(decider: Decider, clock: HandClock) -> None:
        del clock
        await decide_for(decider, map(str, range(10)))

    with_decider(valkey_url, work)
    entries = LogSource(valkey).newest(FOREVER)
    for entry in entries:  # replies were lost, and the writer wrote again
        valkey.execute_command(*append(entry, FOREVER))
    assert export(tmp_path, valkey, step=3).decisions == 10
    for entry in entries[:5]:
        valkey.execute_command(*append(entry, FOREVER))
    assert export(tmp_path, valkey).decisions == 0


@pytest.mark.parametrize("crash_at", range(1, 12))
def test_a_step_that_was_cut_short_anywhere_is_done_once(
    valkey_url: str,
    valkey: redis.Redis,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    crash_at: int,
) -> None:
    async def work(decider: Decider, clock: HandClock) -> None:
        for _ in range(3):
            await decide_for(decider, map(str, range(7)))
            clock.time_ms += DAY_MS // 2

    with_decider(valkey_url, work)
    left = [crash_at]

    def crashing(method: Callable[..., object]) -> Callable[..., object]:
        def run(*args: object) -> object:
            left[0] -= 1
            if left[0] == 0:
                raise KeyboardInterrupt
            return method(*args)

        return run

    with monkeypatch.context() as patch:
        patch.setattr(Parts, "add", crashing(Parts.add))
        patch.setattr(Position, "write", crashing(Position.write))
        patch.setattr(exporter_module, "STEP", 4)
        try:
            export(tmp_path, valkey, step=4)
        except KeyboardInterrupt:
            assert left[0] == 0
    export(tmp_path, valkey, step=5)
    ids = [row["decision_id"] for row in rows(tmp_path, "decisions")]
    assert sorted(ids) == sorted(logged_ids(valkey, Kind.DECISION))  # type: ignore[type-var]
    assert len(ids) == 21
    assert not (tmp_path / "gaps").exists()


def test_a_killed_exporter_leaves_nothing_out_and_nothing_twice(
    valkey_url: str, valkey: redis.Redis, tmp_path: Path
) -> None:
    async def work(decider: Decider, clock: HandClock) -> None:
        del clock
        await decide_for(decider, map(str, range(100)))

    with_decider(valkey_url, work)
    program = (
        "import sys; from pathlib import Path; import redis;"
        "from nextbest_service.decision_log.export.exporter import Exporter;"
        "from nextbest_service.decision_log.source import LogSource;"
        "source = LogSource(redis.Redis.from_url(sys.argv[1]));"
        "[print(it, flush=True) for it in Exporter(Path(sys.argv[2]), source, 1).run()]"
    )
    for _ in range(2):
        process = subprocess.Popen(
            [sys.executable, "-c", program, valkey_url, str(tmp_path)], stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        for _ in range(10):
            process.stdout.readline()
        time.sleep(0.003)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
    export(tmp_path, valkey)
    ids = [row["decision_id"] for row in rows(tmp_path, "decisions")]
    assert sorted(ids) == sorted(logged_ids(valkey, Kind.DECISION))  # type: ignore[type-var]
    assert not [*tmp_path.rglob(".draft-*")]


def test_entries_that_made_room_unexported_are_a_gap(
    valkey_url: str, valkey: redis.Redis, tmp_path: Path
) -> None:
    async def work(decider: Decider, clock: HandClock) -> None:
        del clock
        await decide_for(decider, map(str, range(40)))

    with_decider(valkey_url, work)
    assert export(tmp_path, valkey).lost == 0
    with_decider(valkey_url, work)
    valkey.xtrim(DECISION_LOG, maxlen=25, approximate=False)
    report = export(tmp_path, valkey)
    assert (report.decisions, report.lost, report.gaps) == (25, 15, 1)
    (gap,) = rows(tmp_path, "gaps")
    assert gap["lost"] == 15
    with_decider(valkey_url, work)
    assert export(tmp_path, valkey).lost == 0


def test_a_log_that_was_emptied_is_told(valkey_url: str, valkey: redis.Redis, tmp_path: Path) -> None:
    async def work(decider: Decider, clock: HandClock) -> None:
        del clock
        await decide_for(decider, map(str, range(10)))

    with_decider(valkey_url, work)
    export(tmp_path, valkey)
    valkey.flushall()
    with_decider(valkey_url, work)
    report = export(tmp_path, valkey)
    assert (report.decisions, report.gaps) == (10, 1)
    assert len(rows(tmp_path, "decisions")) == 20


def test_who_was_erased_leaves_the_files(valkey_url: str, valkey: redis.Redis, tmp_path: Path) -> None:
    refs: list[Ref] = []
    late: list[DecisionRecord] = []

    async def before(decider: Decider, clock: HandClock) -> None:
        refs.extend(decider.people.naming.who([ANNA]).refs)
        for _ in range(3):
            await decide_for(decider, ["anna", "ben", "carl"])
            clock.time_ms += DAY_MS
        answer = await ask(decider, question())
        await decider.log.record_outcomes([outcome_of(answer, refs[0])])

    async def erase(decider: Decider, clock: HandClock) -> None:
        await decide_for(decider, ["anna", "ben"])  # recorded, not exported yet
        offer = decider.log.offer
        decider.log.offer = late.append  # type: ignore[method-assign]
        await decide_for(decider, ["anna"])
        decider.log.offer = offer  # type: ignore[method-assign]
        await decider.log.flush()
        assert await decider.log.erase(refs, NOW_MS + 5 * DAY_MS) == 6
        decider.log.offer(late[0])  # another process was still about to write
        clock.time_ms += 6 * DAY_MS
        await decide_for(decider, ["anna"])  # and she comes again, as somebody new

    with_decider(valkey_url, before)
    assert export(tmp_path, valkey).decisions == 10
    with_decider(valkey_url, erase)
    report = export(tmp_path, valkey)
    assert (report.decisions, report.erased, report.lost) == (2, 5, 0)
    kept = rows(tmp_path, "decisions")
    assert len(kept) == 8
    of_anna = [row for row in kept if row["customer"] == customer_name(refs[0])]
    assert len(of_anna) == 1
    assert str(of_anna[0]["day"]) == "2024-03-21"
    assert not [*(tmp_path / "outcomes").rglob("*.parquet")]
    old = [*(tmp_path / "decisions").glob("day=2024-03-1*/*.parquet")]
    assert old
    for part in old:
        assert customer_name(refs[0]).encode() not in part.read_bytes()
        assert refs[0] not in part.read_bytes()


def test_two_exports_do_not_meet_in_one_directory(
    valkey_url: str, valkey: redis.Redis, tmp_path: Path
) -> None:
    async def work(decider: Decider, clock: HandClock) -> None:
        del clock
        await decide_for(decider, map(str, range(20)))

    with_decider(valkey_url, work)
    running = Exporter(tmp_path, LogSource(valkey), 5).run()
    next(running)
    with pytest.raises(StartupError, match="another export"):
        export(tmp_path, valkey)
    list(running)
    assert export(tmp_path, valkey) == Report()


def test_a_damaged_position_is_told_and_may_be_removed(
    valkey_url: str, valkey: redis.Redis, tmp_path: Path
) -> None:
    async def work(decider: Decider, clock: HandClock) -> None:
        del clock
        await decide_for(decider, map(str, range(10)))

    with_decider(valkey_url, work)
    export(tmp_path, valkey)
    (tmp_path / "position.json").write_text("{")
    with pytest.raises(StartupError, match="damaged"):
        export(tmp_path, valkey)
    (tmp_path / "position.json").unlink()
    assert export(tmp_path, valkey).decisions == 0


def test_an_unreadable_entry_is_counted(valkey_url: str, valkey: redis.Redis, tmp_path: Path) -> None:
    async def work(decider: Decider, clock: HandClock) -> None:
        del clock
        await decide_for(decider, map(str, range(3)))

    with_decider(valkey_url, work)
    valkey.execute_command(*append(Entry(Kind.DECISION, b"\0" * 16, b"\0" * 12, b"\0" * 30), FOREVER))
    valkey.xadd(DECISION_LOG, {"k": "a new kind"})
    report = export(tmp_path, valkey)
    assert (report.decisions, report.unreadable, report.lost) == (3, 1, 0)
    assert pq.ParquetDataset(tmp_path / "decisions").read().num_rows == 3


def test_the_command_line_exports_and_shows(
    valkey_url: str,
    valkey: redis.Redis,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    del valkey

    async def work(decider: Decider, clock: HandClock) -> None:
        del clock
        answer = await ask(decider, question())
        await decider.log.flush()
        ref = decider.people.naming.who([ANNA]).refs[0]
        await decider.log.record_outcomes([outcome_of(answer, ref)])
        await decider.log.flush()
        await decider.log.erase([decider.people.naming.who([Identity("customer", "nobody")]).refs[0]], NOW_MS)

    with_decider(valkey_url, work)

    def run(*words: str) -> str:
        monkeypatch.setattr(sys, "argv", ["nextbest", "log", *words, "--redis-url", valkey_url])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code in (0, None)
        return capsys.readouterr().out

    assert json.loads(run("export", "--to", str(tmp_path), "--json"))["decisions"] == 1
    assert "0 decisions and 0 outcomes" in run("export", "--to", str(tmp_path))
    decision, outcome, erasure = map(json.loads, run("tail", "--json").splitlines())
    assert decision["kind"] == "decision"
    assert decision["placements"][0]["offered"][0]["action"] == "best"
    assert (outcome["kind"], outcome["type"]) == ("outcome", "DISPLAYED")
    assert erasure["kind"] == "erasure"
    shown = run("tail", "-n", "2")
    assert "DISPLAYED" in shown
    assert "home: best" not in shown
