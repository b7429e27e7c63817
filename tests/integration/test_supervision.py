"""How a supervisor treats its workers. Here they are scripts, so that each can misbehave in its own way."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from running_service import Service, wait_until

SUPERVISOR = """
import sys
from pathlib import Path
from nextbest_service.cli.ending import run_told
from nextbest_service.logs import LogFormat, LogLevel, configure_logs
from nextbest_service.settings import Settings
from nextbest_service.workers import supervisor, worker

supervisor.FIRST_PAUSE_SECONDS, supervisor.LONGEST_PAUSE_SECONDS, worker.STOP_SECONDS = 0.001, 0.01, 0.5
settings = Settings(home=Path(sys.argv[1]), catalog="none", redis_url="redis://127.0.0.1:1", port=0,
                    workers=2, watchdog_seconds=1.0, drain_seconds=0)
configure_logs(LogFormat.JSON, LogLevel.INFO)
run_told(lambda: supervisor.supervise(settings, [sys.executable, "-c", sys.argv[2], sys.argv[1]]))
"""
BEGIN = """
import json, os, signal, sys, time
orders = json.load(sys.stdin)
pipe, number, home = orders["pipe"], orders["number"], sys.argv[1]
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
"""
SERVE = """
open(f"{home}/{number}.{os.getpid()}", "w").close()
os.write(pipe, b"r")
while True:
    os.write(pipe, b".")
    time.sleep(0.05)
"""


@contextmanager
def supervised(home: Path, worker: str) -> Iterator[Service]:
    """Run a supervisor whose workers are scripts."""
    log_file = home / "stderr.txt"
    with log_file.open("wb") as log:
        process = subprocess.Popen([sys.executable, "-c", SUPERVISOR, str(home), BEGIN + worker], stderr=log)
    try:
        yield Service(process, log_file)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def started(home: Path) -> dict[int, list[int]]:
    """Return the processes that began to serve, by the worker's number."""
    found: dict[int, list[int]] = {1: [], 2: []}
    for path in sorted(home.glob("[12].*"), key=lambda path: path.stat().st_mtime_ns):
        number, pid = path.name.split(".")
        found[int(number)].append(int(pid))
    return found


def test_workers_that_keep_dying_end_the_whole_with_a_clear_word(tmp_path: Path) -> None:
    with supervised(tmp_path, "sys.exit(7)") as running:
        assert running.process.wait(60) == 1
        told = running.log().splitlines()[-1]
        assert told == "workers keep dying: 8 in a row, the last with exit code 7; see the log above"
        pauses = [line["again_in_seconds"] for line in running.events("worker_died")]
        assert pauses[:3] == [0.0, 0.001, 0.002]
        assert max(pauses) == 0.01


def test_while_one_worker_serves_the_service_does_not_give_up(tmp_path: Path) -> None:
    with supervised(tmp_path, "if number == 2: sys.exit(7)\n" + SERVE) as running:
        running.wait_for("crash_loop")
        deaths = len(running.events("worker_died"))
        wait_until(lambda: len(running.events("worker_died")) > deaths + 3)
        assert len(started(tmp_path)[1]) == 1
        assert running.stop() == 0


@pytest.mark.parametrize("code", [2, 3])
def test_what_the_first_worker_finds_broken_ends_the_whole_at_once(tmp_path: Path, code: int) -> None:
    with supervised(tmp_path, f"sys.exit({code})") as running:
        assert running.process.wait(60) == code
        assert not running.events("worker_died")


def test_a_worker_may_take_its_time_to_start(tmp_path: Path) -> None:
    with supervised(tmp_path, "time.sleep(2.5)\n" + SERVE) as running:
        running.wait_for("all_workers_ready")
        assert not running.events("worker_killed")
        assert running.stop() == 0


def test_a_supervisor_that_was_held_up_itself_blames_nobody(tmp_path: Path) -> None:
    with supervised(tmp_path, SERVE) as running:
        running.wait_for("all_workers_ready")
        running.process.send_signal(signal.SIGSTOP)
        time.sleep(2.5)
        running.process.send_signal(signal.SIGCONT)
        time.sleep(1.5)
        assert not running.events("worker_killed")
        assert running.stop() == 0


def test_a_worker_that_falls_silent_is_killed_and_replaced(tmp_path: Path) -> None:
    silent = "once = home + '/once'\nif not os.path.exists(once):\n    open(once, 'w')\n"
    silent += (
        "    for said in (b'r', *[b'.'] * 20): os.write(pipe, said); time.sleep(0.1)\n    time.sleep(1000)\n"
    )
    with supervised(tmp_path, silent + SERVE) as running:
        running.wait_for("all_workers_ready")
        assert running.wait_for("worker_replaced")["worker"] == 1
        assert running.events("worker_killed")[0]["why"] == "no sign of life for 1 s"
        assert running.events("worker_died")[0]["exit_code"] == -signal.SIGKILL
        assert {number: len(pids) for number, pids in started(tmp_path).items()} == {1: 1, 2: 1}
        assert running.stop() == 0


def test_a_rolling_restart_that_fails_leaves_the_old_workers_alone(tmp_path: Path) -> None:
    worker = "if os.path.exists(home + '/broken'): sys.exit(2)\n" + SERVE
    with supervised(tmp_path, worker) as running:
        running.wait_for("all_workers_ready")
        before = started(tmp_path)
        (tmp_path / "broken").touch()
        running.process.send_signal(signal.SIGHUP)
        assert running.wait_for("rolling_restart_failed")["exit_code"] == 2
        time.sleep(0.5)
        assert started(tmp_path) == before
        for pids in before.values():
            os.kill(pids[0], 0)
        (tmp_path / "broken").unlink()
        running.process.send_signal(signal.SIGHUP)
        running.wait_for("rolling_restart_done")
        assert {number: len(pids) for number, pids in started(tmp_path).items()} == {1: 2, 2: 2}
        assert not running.events("worker_died")
        assert running.stop() == 0


def test_a_worker_that_does_not_stop_is_killed_in_the_end(tmp_path: Path) -> None:
    stubborn = "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + SERVE
    with supervised(tmp_path, stubborn) as running:
        running.wait_for("all_workers_ready")
        assert running.stop() == 0
        assert {line["why"] for line in running.events("worker_killed")} == {"it did not stop in time"}
    for pids in started(tmp_path).values():
        with pytest.raises(ProcessLookupError):
            os.kill(pids[0], 0)


def test_an_interrupted_start_leaves_no_worker_behind(tmp_path: Path) -> None:
    with supervised(
        tmp_path, "open(f'{home}/begun.{os.getpid()}', 'w').close()\ntime.sleep(1000)"
    ) as running:
        wait_until(lambda: bool([*tmp_path.glob("begun.*")]))
        assert running.stop(signal.SIGINT) == 0
    (begun,) = tmp_path.glob("begun.*")
    with pytest.raises(ProcessLookupError):
        os.kill(int(begun.suffix[1:]), 0)


def test_the_home_names_the_supervisor_while_it_serves(tmp_path: Path) -> None:
    with supervised(tmp_path, SERVE) as running:
        address = running.wait_for("all_workers_ready")["address"]
        announced = json.loads((tmp_path / "service.json").read_text())
        assert announced == {"address": address, "pid": running.process.pid}
        assert running.stop() == 0
        assert not (tmp_path / "service.json").exists()
