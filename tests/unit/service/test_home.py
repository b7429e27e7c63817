"""The home on disk: what is written there is whole or not there, and stale entries are not believed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from nextbest_service.home import Home, RunningService, process_is_alive, write_atomically


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "not-there-yet")


@pytest.fixture
def dead_process() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_an_announced_service_is_found_until_it_is_withdrawn(home: Home) -> None:
    service = RunningService("127.0.0.1:5", os.getpid())
    assert home.running_service() is None
    home.announce_service(service)
    assert home.running_service() == service
    home.withdraw_service()
    assert home.running_service() is None
    home.withdraw_service()


def test_the_service_of_a_dead_process_is_not_believed(home: Home, dead_process: int) -> None:
    home.announce_service(RunningService("127.0.0.1:5", dead_process))
    assert home.running_service() is None


def test_a_process_does_not_withdraw_the_service_of_another(home: Home) -> None:
    other = RunningService("127.0.0.1:5", os.getppid())
    home.announce_service(other)
    home.withdraw_service()
    assert home.running_service() == other


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", "7", '{"address": "x"}', '{"address": "x", "pid": "y"}']
)
def test_a_damaged_announcement_is_none(home: Home, text: str) -> None:
    write_atomically(home.root / "service.json", text)
    assert home.running_service() is None


def test_a_file_is_replaced_in_one_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever reads when the new text is written but not yet in place sees the old one."""
    file = tmp_path / "deep" / "file"
    write_atomically(file, "old")
    seen = []
    replace = Path.replace

    def look_then_replace(draft: Path, target: Path) -> Path:
        seen.append((target.read_text(), draft.read_text(), draft.parent))
        return replace(draft, target)

    monkeypatch.setattr(Path, "replace", look_then_replace)
    write_atomically(file, "new")
    assert seen == [("old", "new", file.parent)]
    assert file.read_text() == "new"
    assert list(file.parent.iterdir()) == [file]


def test_a_process_of_somebody_else_is_alive(dead_process: int) -> None:
    assert process_is_alive(1)
    assert process_is_alive(os.getpid())
    assert not process_is_alive(dead_process)
