"""`nextbest top` against a real service."""

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from threading import Event, Thread
from typing import Any

import pytest
from corner_shop import question
from running_service import Client, Service, wait_until


@pytest.fixture(scope="module")
def address(metered: Service) -> Iterator[str]:
    """Where its metrics are, while somebody asks and errs."""
    stopping = Event()

    def ask() -> None:
        client = Client(metered.address)
        while not stopping.wait(0.01):
            client.outcome(question(dry_run=True))
            client.outcome(question("attic"))
        client.close()

    asking = Thread(target=ask)
    asking.start()
    yield str(metered.wait_for("metrics_served")["address"])
    stopping.set()
    asking.join()


def top(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run the command."""
    command = [sys.executable, "-m", "nextbest_service", "top", *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)


def test_one_look_as_json_agrees_with_what_is_asked(address: str) -> None:
    run = top(address, "--once", "--json", "--interval", "1")
    assert run.returncode == 0, run.stderr
    found: dict[str, Any] = json.loads(run.stdout)
    (rpc,) = (it for it in found["rpcs"] if it["name"] == "DecisionService/Decide")
    assert rpc["rate"] > 1
    assert rpc["errors"].keys() == {"NOT_FOUND"}
    assert rpc["errors"]["NOT_FOUND"] == pytest.approx(rpc["rate"] / 2, rel=0.3)
    assert found["decisions"] == pytest.approx(rpc["rate"] / 2, rel=0.3)
    assert found["known_share"] == found["ranked_share"] == 1.0
    assert 0 < rpc["took"]["p50"] <= rpc["took"]["p95"] <= rpc["took"]["p99"] < 5
    assert [step["name"] for step in found["steps"]][:3] == ["read", "screen", "score"]
    assert found["left_out"].keys() >= {"eligibility"}
    assert found["served"][0]["catalog"] == "corner_shop"
    assert found["workers"][0]["resident_bytes"] > 10e6


def test_one_look_as_text_has_everything_on_it(address: str) -> None:
    run = top(address, "127.0.0.1:1", "--once", "--interval", "1")
    assert run.returncode == 0, run.stderr
    for word in ("corner_shop", "exact", "Decide", "NOT_FOUND", "screen", "eligibility", address, "away"):
        assert word in run.stdout


@pytest.mark.parametrize("arguments", [("--once",), ("--json",), ("--workers", "2"), ()])
def test_without_metrics_it_says_what_to_do(arguments: tuple[str, ...]) -> None:
    run = top("127.0.0.1:1", *arguments)
    assert run.returncode == 3
    assert "no metrics at 127.0.0.1:" in run.stderr
    assert "--metrics-port" in run.stderr
    assert "Traceback" not in run.stderr


def test_something_else_that_answers_is_told_apart(metered: Service) -> None:
    run = top(metered.address, "--once")
    assert run.returncode == 3
    assert "no metrics at" in run.stderr


def test_workers_of_several_addresses_are_refused() -> None:
    assert top("127.0.0.1:1", "127.0.0.1:2", "--workers", "2").returncode == 2


@pytest.mark.parametrize("ended_by", ["Ctrl-C", "q"])
def test_the_live_view_ends_cleanly_and_leaves_the_terminal_as_it_was(address: str, ended_by: str) -> None:
    ours, theirs = pty.openpty()
    before = subprocess.run(["stty", "-a"], stdin=theirs, check=True, capture_output=True).stdout
    command = [sys.executable, "-m", "nextbest_service", "top", address, "--interval", "0.3"]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "80", "LINES": "24"}
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment)
    shown = bytearray()

    def seen() -> bytearray:
        while select.select([ours], [], [], 0.0)[0]:
            shown.extend(os.read(ours, 65_536))
        return shown

    try:
        wait_until(lambda: seen().count(b"corner_shop") >= 3 or process.poll() is not None, 60)
        asked = time.monotonic()
        if ended_by == "q":
            os.write(ours, b"q")
        else:
            process.send_signal(signal.SIGINT)
        wait_until(lambda: seen() is None or process.poll() is not None, 20)
        assert process.returncode == 0, seen().decode()
        assert time.monotonic() - asked < 10
    finally:
        process.kill()
        process.wait()
    after = subprocess.run(["stty", "-a"], stdin=theirs, check=True, capture_output=True).stdout
    assert after == before
    assert seen().count(b"\x1b[?1049h") == shown.count(b"\x1b[?1049l") == 1  # into the other screen, and back
    assert b"Traceback" not in shown
    os.close(theirs)
    os.close(ours)
