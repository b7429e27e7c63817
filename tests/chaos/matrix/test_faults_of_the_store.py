"""Whatever happens to the store: decisions are answered, and nothing that was acknowledged is lost."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from faults_of_the_store import LINE_FAULTS, PATIENT_FAULTS, STORE_FAULTS, TIMEOUT_MS
from lossy_proxy import lossy_proxy
from running_service import service
from store_process import store_process
from verdicts import Verdict
from worlds_under_fire import Fault, World, tried

PATIENT_TIMEOUT_MS = 2_000


@pytest.fixture(scope="module")
def direct(tmp_path_factory: pytest.TempPathFactory, under_fire: Path) -> Iterator[World]:
    """A service and its store."""
    directory = tmp_path_factory.mktemp("direct")
    options = ("--store-timeout-ms", str(TIMEOUT_MS))
    with (
        store_process(directory / "store") as store,
        service(directory / "home", "--redis-url", store.url, *options, catalog=under_fire) as running,
    ):
        yield World(directory, running, store, store.url)
        assert "Traceback" not in running.log()


@contextmanager
def proxied(directory: Path, timeout_ms: int, catalog: Path) -> Iterator[World]:
    """Run a service whose way to its store can be disturbed."""
    options = ("--store-timeout-ms", str(timeout_ms))
    with (
        store_process(directory / "store") as store,
        lossy_proxy(store.url) as proxy,
        service(directory / "home", "--redis-url", proxy.url, *options, catalog=catalog) as running,
    ):
        yield World(directory, running, store, store.url, proxy)
        assert "Traceback" not in running.log()


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory, under_fire: Path) -> Iterator[World]:
    """A service that soon gives up waiting for replies."""
    with proxied(tmp_path_factory.mktemp("hasty"), TIMEOUT_MS, under_fire) as world:
        yield world


@pytest.fixture(scope="module")
def patient_one(tmp_path_factory: pytest.TempPathFactory, under_fire: Path) -> Iterator[World]:
    """A service that waits for replies."""
    with proxied(tmp_path_factory.mktemp("patient"), PATIENT_TIMEOUT_MS, under_fire) as world:
        yield world


@pytest.mark.parametrize("fault", STORE_FAULTS, ids=lambda fault: fault.name)
def test_a_store_that_breaks_takes_nothing_along(
    fault: Fault, direct: World, told: Callable[[Verdict], None]
) -> None:
    told(tried(fault, direct))


@pytest.mark.parametrize("fault", LINE_FAULTS, ids=lambda fault: fault.name)
def test_a_line_that_breaks_takes_nothing_along(
    fault: Fault, hasty: World, told: Callable[[Verdict], None]
) -> None:
    told(tried(fault, hasty))


@pytest.mark.parametrize("fault", PATIENT_FAULTS, ids=lambda fault: fault.name)
def test_what_is_only_slow_or_forgotten_is_not_noticed(
    fault: Fault, patient_one: World, told: Callable[[Verdict], None]
) -> None:
    told(tried(fault, patient_one))
