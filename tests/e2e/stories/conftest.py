"""One bank for all stories. They share its store, and each has customers of its own."""

import contextlib
from collections.abc import Iterator

import pytest
from bank_days import Bank, Day
from valkey_cluster import valkey_cluster

from nextbest_service.store.embedded import embedded_valkey

STORES = {"one node": embedded_valkey, "cluster": valkey_cluster}


@pytest.fixture(scope="session", params=STORES)
def bank(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bank]:
    """The bank on whichever days stories need, on a store of one node and then on a cluster."""
    with contextlib.ExitStack() as running:
        url = running.enter_context(STORES[request.param](tmp_path_factory.mktemp("store")))
        yield Bank(url, tmp_path_factory.mktemp("bank-days"), running)


@pytest.fixture
def today(bank: Bank) -> Day:
    """The first day of every story: a Monday, ten in the morning in Hanoi."""
    return bank.day(0)
