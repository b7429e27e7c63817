"""One service for the whole session: a process on the corner shop, with its customers and a model."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from corner_shop import DIRECTORY, open_for_business, question, train_model
from running_service import CANARY, Client, Service, service

from nextbest_service.store.connection import connect_for_bulk
from nextbest_service.store.embedded import embedded_valkey

PATIENT = ("--store-timeout-ms", "5000")  # on a busy machine even a local store may take its time


@pytest.fixture(scope="session")
def shop_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a trained model."""
    return train_model(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="session")
def shop_store_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of the store of the session's service. Nobody may empty it."""
    with embedded_valkey(tmp_path_factory.mktemp("shop-valkey")) as url:
        yield url


@pytest.fixture(scope="session")
def shop_store(shop_store_url: str) -> Iterator[redis.Redis]:
    """A client of the store of the session's service, with the shop's customers in it."""
    with connect_for_bulk(shop_store_url) as client:
        open_for_business(client)
        yield client


@pytest.fixture(scope="session")
def shop(
    shop_model: Path,
    shop_store: redis.Redis,
    shop_store_url: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Service]:
    """The session's service. It must end cleanly."""
    del shop_store
    options = ("--redis-url", shop_store_url, "--model", str(shop_model), *PATIENT)
    with service(tmp_path_factory.mktemp("shop"), *options) as running:
        yield running
        assert running.stop() == 0, running.log()


@pytest.fixture(scope="session")
def client(shop: Service) -> Iterator[Client]:
    """A client of the session's service, which serves before and after."""
    connected = Client(shop.address)
    assert connected.health() == "SERVING"
    yield connected
    connected.close()


@pytest.fixture(scope="session")
def two_page_shop(
    client: Client, shop_model: Path, shop_store_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Client]:
    """A client of a second service, whose catalog has one more placement on the web: `side`."""
    del client  # the store is filled
    home = tmp_path_factory.mktemp("two-pages")
    directory = Path(shutil.copytree(DIRECTORY, home / "shop"))
    with (directory / "placements.yaml").open("a") as placements:
        placements.write("  - {id: side, title: Side, channel: web, direction: INBOUND, default_limit: 2}\n")
    options = ("--redis-url", shop_store_url, "--model", str(shop_model), *PATIENT)
    with service(home, *options, catalog=directory) as running:
        connected = Client(running.address)
        yield connected
        connected.close()
        assert running.stop() == 0, running.log()


@pytest.fixture
def still_serving(client: Client, shop: Service) -> Iterator[None]:
    """Check that after a test the service is as good as before, and its log holds nothing that was sent."""
    yield
    assert client.decide(question()).placements[0].propositions
    assert client.health() == "SERVING"
    assert CANARY not in shop.log()


@pytest.fixture(scope="module")
def metered(
    shop_model: Path, shop_store: redis.Redis, shop_store_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """A service with metrics. It must end cleanly."""
    del shop_store
    options = ("--redis-url", shop_store_url, "--model", str(shop_model), "--store-timeout-ms", "2000")
    with service(tmp_path_factory.mktemp("metered"), *options, "--metrics-port", "0") as running:
        yield running
        assert running.stop() == 0, running.log()
    assert "Traceback" not in running.log()


@pytest.fixture(scope="module")
def address(metered: Service) -> str:
    """Where its metrics are read."""
    return str(metered.wait_for("metrics_served")["address"])


@pytest.fixture(scope="module")
def caller(metered: Service) -> Iterator[Client]:
    """A client of it."""
    connected = Client(metered.address)
    yield connected
    connected.close()
