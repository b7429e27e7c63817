"""Whatever happens to those who serve: callers who retry as documented see no error."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from faults_of_processes import CLOCK_FAULTS, SHIFT_FILE, WATCHDOG_SECONDS, WORKER_FAULTS
from running_service import service, spawn
from store_process import store_process
from verdicts import Verdict
from worlds_under_fire import Fault, World, tried

PATIENT = ("--store-timeout-ms", "2000")


@pytest.fixture(scope="module")
def crew(tmp_path_factory: pytest.TempPathFactory, under_fire: Path) -> Iterator[World]:
    """Two workers at one address."""
    directory = tmp_path_factory.mktemp("crew")
    usual = ["serve", "--home", str(directory / "home"), "--catalog", str(under_fire), "--log-format", "json"]
    usual += ["--port", "0", "--workers", "2", "--watchdog-seconds", str(WATCHDOG_SECONDS), *PATIENT]
    with (
        store_process(directory / "store") as store,
        spawn(directory / "home", [*usual, "--redis-url", store.url]) as running,
    ):
        running.address = running.wait_for("all_workers_ready")["address"]
        yield World(directory, running, store, store.url)
        assert running.stop() == 0
        assert "Traceback" not in running.log()


@pytest.fixture(scope="module")
def jumping(tmp_path_factory: pytest.TempPathFactory, under_fire: Path) -> Iterator[World]:
    """A service whose clock can be set."""
    directory = tmp_path_factory.mktemp("jumping")
    shift = directory / SHIFT_FILE
    shift.write_text("0")
    with pytest.MonkeyPatch.context() as patch, store_process(directory / "store") as store:
        spell = str(Path(__file__).parents[1] / "jumping_clock")
        patch.setenv(
            "PYTHONPATH", os.pathsep.join([spell, os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
        )
        patch.setenv("JUMPING_CLOCK_FILE", str(shift))
        with service(directory / "home", "--redis-url", store.url, *PATIENT, catalog=under_fire) as running:
            assert int(shift.with_suffix(".pid").read_text()) == running.process.pid
            patch.undo()
            yield World(directory, running, store, store.url)


@pytest.mark.parametrize("fault", WORKER_FAULTS, ids=lambda fault: fault.name)
def test_a_worker_that_breaks_takes_nothing_along(
    fault: Fault, crew: World, told: Callable[[Verdict], None]
) -> None:
    told(tried(fault, crew))


@pytest.mark.parametrize("fault", CLOCK_FAULTS, ids=lambda fault: fault.name)
def test_a_clock_that_jumps_takes_nothing_along(
    fault: Fault, jumping: World, told: Callable[[Verdict], None]
) -> None:
    told(tried(fault, jumping))
