"""`nextbest customers` against a running service."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
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
    with service(home, "--clock", "2026-03-02T10:00:00Z", catalog=DIRECTORY) as running:
        with grpc.insecure_channel(running.address) as channel:
            stub = customer_pb2_grpc.CustomerServiceStub(channel)
            events = [order("o1", ANNA), event("ticket.opened", "t1", ANNA, subject="T-1")]
            stub.TrackEvents(customer_pb2.TrackEventsRequest(events=events), timeout=20)
            yes = profile(ANNA, attributes={"pet": "cat"})
            stub.UpsertProfiles(customer_pb2.UpsertProfilesRequest(profiles=[yes]), timeout=20)
        yield running, home


def nextbest(home: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run a command of `nextbest customers`."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("NEXTBEST_")}
    command = [sys.executable, "-m", "nextbest_service", "customers", *arguments, "--home", str(home)]
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**environment, "COLUMNS": "120"},
    )


def test_customers_are_linked_shown_exported_unlinked_measured_and_erased(shop: tuple[Service, Path]) -> None:
    _, home = shop
    linked = json.loads(nextbest(home, "link", "customer:anna", "cookie:c-1", "--json").stdout)
    assert linked == {"merged": False, "identities": ["customer:anna", "cookie:c-1"]}

    shown = nextbest(home, "get", "cookie:c-1").stdout
    assert all(part in shown for part in ("customer:anna", "pet", "cat", "orders_ever", "T-1", "newcomer"))
    plain = json.loads(nextbest(home, "get", "cookie:c-1", "--json").stdout)
    assert plain["customer"]["attributes"]["pet"] == {"string_value": "cat"}

    lines = [json.loads(line) for line in nextbest(home, "export", "customer:anna").stdout.splitlines()]
    assert {"kind": "identity", "namespace": "customer", "id": "anna"} in lines

    statistics = json.loads(nextbest(home, "stats", "--json").stdout)
    assert (statistics["persons"], statistics["pointers"]) == (1, 1)
    assert "one customer" in nextbest(home, "stats").stdout

    assert nextbest(home, "unlink", "cookie:c-1").stdout == "Unlinked: cookie:c-1\n"

    erased = json.loads(nextbest(home, "erase", "customer:anna", "--yes", "--json").stdout)
    assert erased["found"]
    assert erased["erased"]["attribute"] == 1
    assert "Nobody is known" in nextbest(home, "get", "customer:anna").stdout
    assert nextbest(home, "erase", "customer:anna", "--yes").stdout == "Nothing was held.\n"


def test_nothing_is_erased_unless_it_is_meant(shop: tuple[Service, Path]) -> None:
    _, home = shop
    assert nextbest(home, "erase", "customer:nobody").returncode == 1


def test_a_refusal_is_told_with_its_fields(shop: tuple[Service, Path]) -> None:
    _, home = shop
    refused = nextbest(home, "link", "customer:anna", "9:x")
    assert refused.returncode == 2
    assert "identities[1].namespace" in refused.stderr
    assert nextbest(home, "get", "anna").returncode == 2


def test_nobody_who_answers_is_a_message(tmp_path: Path) -> None:
    silent = nextbest(tmp_path, "get", "customer:anna", "--address", "127.0.0.1:1")
    assert silent.returncode == 3
    assert "no answer from 127.0.0.1:1" in silent.stderr
