"""What tests of every kind share: a real Valkey over a real socket."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from hypothesis import settings
from valkey_cluster import valkey_cluster

from nextbest_service.kernels import ensure_compiled
from nextbest_service.store.connection import SyncClient, connect_for_bulk
from nextbest_service.store.embedded import embedded_valkey

# Many processes start in a run: each reads the bytecode that the first has kept, whatever the shell says.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# How long an example takes says something of the machine: the first one compiles, others run beside.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")


def pytest_configure(config: pytest.Config) -> None:
    """Compile once, and not in each process that runs tests or is started by one."""
    if not hasattr(config, "workerinput"):
        ensure_compiled()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With `--dist loadfile`, begin with the files that take longest."""
    if config.getoption("dist") != "loadfile":
        return None
    from distribution import LongestFirst  # noqa: PLC0415 - only where xdist is in use

    return LongestFirst(config, log)


@pytest.fixture(scope="session")
def valkey_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a Valkey that lives as long as the test session."""
    with embedded_valkey(tmp_path_factory.mktemp("valkey")) as url:
        yield url


@pytest.fixture
def valkey(valkey_url: str) -> Iterator[redis.Redis]:
    """A client of an empty Valkey."""
    client = connect_for_bulk(valkey_url)
    client.flushall()
    yield client
    client.close()


@pytest.fixture(scope="session")
def cluster_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a cluster of three that lives as long as the test session."""
    with valkey_cluster(tmp_path_factory.mktemp("cluster")) as url:
        yield url


@pytest.fixture(scope="session", params=["one node", "cluster"])
def each_valkey_url(request: pytest.FixtureRequest) -> str:
    """The URL of a Valkey, and then that of a cluster of three: what uses it runs on both."""
    url: str = request.getfixturevalue("valkey_url" if request.param == "one node" else "cluster_url")
    return url


@pytest.fixture
def each_valkey(each_valkey_url: str) -> Iterator[SyncClient]:
    """A client of an empty store, of one node and then of three."""
    client = connect_for_bulk(each_valkey_url)
    client.flushall()
    yield client
    client.close()


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the checkout."""
    return Path(__file__).parents[1]
