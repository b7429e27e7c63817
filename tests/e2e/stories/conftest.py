"""One bank for all stories. They share its store, and each has customers of its own."""

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from bank_days import Bank, Day
from valkey_cluster import valkey_cluster

from nextbest_service.store.embedded import embedded_valkey

Store = Callable[[Path], AbstractContextManager[str]]


@pytest.fixture(scope="session")
def bank_on_one_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bank]:
    """The bank on whichever days stories need, on a store of one node."""
    yield from bank_on(embedded_valkey, tmp_path_factory)


@pytest.fixture(scope="session")
def bank_on_a_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bank]:
    """The same on a cluster."""
    yield from bank_on(valkey_cluster, tmp_path_factory)


def bank_on(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bank]:
    """Yield a bank on a store of its own."""
    with contextlib.ExitStack() as running:
        url = running.enter_context(store(tmp_path_factory.mktemp("store")))
        yield Bank(url, tmp_path_factory.mktemp("bank-days"), running)


@pytest.fixture(scope="session", params=["one node", "cluster"])
def bank(request: pytest.FixtureRequest) -> Bank:
    """The bank on a store of one node, and then on a cluster. Both live on, for the next file of stories."""
    on_one_node = request.param == "one node"
    found: Bank = request.getfixturevalue("bank_on_one_node" if on_one_node else "bank_on_a_cluster")
    return found


@pytest.fixture
def today(bank: Bank) -> Day:
    """The first day of every story: a Monday, ten in the morning in Hanoi."""
    return bank.day(0)
