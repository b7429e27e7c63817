"""Another server takes over: callers are answered meanwhile, and what was acknowledged went along."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from faults_of_failovers import CLUSTER_FAULTS, SENTINEL_FAULTS
from running_service import service
from valkey_cluster import replicated_cluster, url_of
from valkey_sentinels import valkey_sentinels
from verdicts import Verdict
from worlds_under_fire import Fault, World, tried

PATIENT = ("--store-timeout-ms", "200")


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory, under_fire: Path) -> Iterator[World]:
    """A service whose store Sentinels watch."""
    directory = tmp_path_factory.mktemp("watched")
    with (
        valkey_sentinels(directory / "store") as store,
        service(directory / "home", "--redis-url", store.url, *PATIENT, catalog=under_fire) as running,
    ):
        yield World(directory, running, store, store.url)
        assert "Traceback" not in running.log()


@pytest.fixture(scope="module")
def clustered(tmp_path_factory: pytest.TempPathFactory, under_fire: Path) -> Iterator[World]:
    """A service whose store is a cluster with replicas."""
    directory = tmp_path_factory.mktemp("clustered")
    with (
        replicated_cluster(directory / "store") as nodes,
        service(directory / "home", "--redis-url", url_of(nodes), *PATIENT, catalog=under_fire) as running,
    ):
        yield World(directory, running, nodes, url_of(nodes))
        assert "Traceback" not in running.log()


@pytest.mark.parametrize("fault", SENTINEL_FAULTS, ids=lambda fault: fault.name)
def test_sentinels_bring_another_primary(
    fault: Fault, watched: World, told: Callable[[Verdict], None]
) -> None:
    told(tried(fault, watched))


@pytest.mark.parametrize("fault", CLUSTER_FAULTS, ids=lambda fault: fault.name)
def test_a_cluster_brings_another_primary(
    fault: Fault, clustered: World, told: Callable[[Verdict], None]
) -> None:
    told(tried(fault, clustered))
