"""`nextbest customers` against a running service."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import pytest
from command_runs import Nextbest, Ran, as_a_process
from market import DIRECTORY
from market_service import event, order, profile
from running_service import Service, service

from nextbest.v1 import customer_pb2, customer_pb2_grpc
from nextbest_service.store.keys import Identity

ANNA, COOKIE = Identity("customer", "anna"), Identity("cookie", "c-1")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Service, Path]]:
    """The market's service in a home of its own, with one customer."""
    home = tmp_path_factory.mktemp("market")
    options = ("--clock", "2026-03-02T10:00:00Z", "--store-timeout-ms", "5000")
    with service(home, *options, catalog=DIRECTORY) as running:
        with grpc.insecure_channel(running.address) as channel:
            stub = customer_pb2_grpc.CustomerServiceStub(channel)
            events = [order("o1", ANNA), event("ticket.opened", "t1", ANNA, subject="T-1")]
            stub.TrackEvents(customer_pb2.TrackEventsRequest(events=events), timeout=20)
            yes = profile(ANNA, attributes={"pet": "cat"})
            stub.UpsertProfiles(customer_pb2.UpsertProfilesRequest(profiles=[yes]), timeout=20)
        yield running, home


Customers = Callable[..., Ran]


@pytest.fixture
def customers(nextbest: Nextbest) -> Customers:
    """Return a function that runs a command of `nextbest customers` on a home."""
    return lambda home, *arguments: nextbest("customers", *arguments, "--home", home, COLUMNS="120")


def test_customers_are_linked_shown_exported_unlinked_measured_and_erased(
    shop: tuple[Service, Path], customers: Customers
) -> None:
    _, home = shop
    linked = json.loads(customers(home, "link", "customer:anna", "cookie:c-1", "--json").stdout)
    assert linked == {"merged": False, "identities": ["customer:anna", "cookie:c-1"]}

    shown = customers(home, "get", "cookie:c-1").stdout
    assert all(part in shown for part in ("customer:anna", "pet", "cat", "orders_ever", "T-1", "newcomer"))
    plain = json.loads(customers(home, "get", "cookie:c-1", "--json").stdout)
    assert plain["customer"]["attributes"]["pet"] == {"string_value": "cat"}

    lines = [json.loads(line) for line in customers(home, "export", "customer:anna").stdout.splitlines()]
    assert {"kind": "identity", "namespace": "customer", "id": "anna"} in lines

    statistics = json.loads(customers(home, "stats", "--json").stdout)
    assert (statistics["persons"], statistics["pointers"]) == (1, 1)
    assert "one customer" in customers(home, "stats").stdout

    assert customers(home, "unlink", "cookie:c-1").stdout == "Unlinked: cookie:c-1\n"

    erased = json.loads(customers(home, "erase", "customer:anna", "--yes", "--json").stdout)
    assert erased["found"]
    assert erased["erased"]["attribute"] == 1
    assert "Nobody is known" in customers(home, "get", "customer:anna").stdout
    assert customers(home, "erase", "customer:anna", "--yes").stdout == "Nothing was held.\n"


def test_nothing_is_erased_unless_it_is_meant(shop: tuple[Service, Path]) -> None:
    _, home = shop
    asked = as_a_process("customers", "erase", "customer:nobody", "--home", str(home))
    assert asked.returncode == 1


def test_a_refusal_is_told_with_its_fields(shop: tuple[Service, Path], customers: Customers) -> None:
    _, home = shop
    refused = customers(home, "link", "customer:anna", "9:x")
    assert refused.returncode == 2
    assert "identities[1].namespace" in refused.stderr
    assert customers(home, "get", "anna").returncode == 2


def test_nobody_who_answers_is_a_message(tmp_path: Path, customers: Customers) -> None:
    silent = customers(tmp_path, "get", "customer:anna", "--address", "127.0.0.1:1")
    assert silent.returncode == 3
    assert "no answer from 127.0.0.1:1" in silent.stderr
