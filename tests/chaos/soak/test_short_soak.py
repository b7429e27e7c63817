"""The soak itself, for a few seconds: what it does and looks up, and that Ctrl-C ends it with a report."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import psutil
from running_service import wait_until

MUST_HOLD = ("what was acknowledged", "decision log")
"""On a machine busy with other tests. Memory and waits need more time and quiet, and a reload may find the
store away."""


def test_a_soak_that_is_interrupted_reports_what_was_until_then(repository: Path, tmp_path: Path) -> None:
    options = (
        "--minutes",
        "9",
        "--fault-every",
        "3",
        "--reload-every",
        "2",
        "--out",
        str(tmp_path / "report"),
    )
    command = [sys.executable, "-m", "tests.chaos.soak", "--json", *options]
    told = tmp_path / "told.txt"
    with told.open("wb") as errors:
        soak = subprocess.Popen(command, cwd=repository, stdout=subprocess.PIPE, stderr=errors)
    try:
        wait_until(
            lambda: (
                soak.poll() is not None
                or ("broken reload" in told.read_text() and told.read_text().count("fault") >= 2)
            ),
            seconds=300.0,
        )
        started = psutil.Process(soak.pid).children(recursive=True)
        soak.send_signal(signal.SIGINT)
        output, _ = soak.communicate(timeout=120)
    finally:
        soak.kill()
    assert soak.returncode in (0, 1), told.read_text()
    report = json.loads(output)
    wrong = [it for it in report["checks"] if it["name"].startswith(MUST_HOLD) and not it["passed"]]
    assert not wrong, (wrong, report["violations"])
    assert {it["what"] for it in report["marks"]} == {"fault", "good reload", "broken reload"}
    assert {it.name for it in (tmp_path / "report").iterdir()} == {"soak.json", "soak.md", "soak.png"}
    assert not psutil.wait_procs(started, timeout=20)[1], "a process was left behind"
