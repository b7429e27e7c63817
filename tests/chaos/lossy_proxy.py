"""Stands between a service and its store and loses replies: the command ran, and nobody learns of it."""

import asyncio
import contextlib
import random
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from urllib.parse import urlsplit

CHUNK_BYTES = 1 << 20
GREETINGS = (b"HELLO", b"CLIENT", b"SELECT")
"""Commands that open a connection: their replies arrive, or else far more than the asked share would be lost."""


class Fate(Enum):
    """What happens to a reply of the store."""

    ARRIVES = "arrives"
    CUT = "the connection breaks instead"
    LATE = "it comes after everybody has given up"


@dataclass
class LossyProxy:
    """A TCP address that leads to a store. Faults may be changed while it runs.

    `loss` is the share of replies that do not arrive in time, half of them cut off and half of them late by
    `late_seconds`; `delay_seconds` slows all others down. `refuses` turns every connection away.
    """

    store_url: str
    loss: float = 0.0
    delay_seconds: float = 0.0
    late_seconds: float = 0.3
    refuses: bool = False
    lost: int = 0
    arrived: int = 0
    url: str = ""
    _dice: random.Random = field(default_factory=lambda: random.Random(7))
    _server: asyncio.Server | None = None

    def fate(self) -> Fate:
        """Decide what happens to the next reply, and count it."""
        if self._dice.random() >= self.loss:
            self.arrived += 1
            return Fate.ARRIVES
        self.lost += 1
        return self._dice.choice([Fate.CUT, Fate.LATE])

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection until either side hangs up or a reply is cut off."""
        with contextlib.suppress(OSError):  # whoever hung up needs no answer
            if not self.refuses:
                await self._carry(reader, writer)
        writer.close()

    async def listen(self) -> None:
        """Take connections on a free port of this machine."""
        self._server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        self.url = f"redis://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_store, to_store = await self._connected()
        line = _Line()
        ways = {
            asyncio.create_task(line.forward(reader, to_store)),
            asyncio.create_task(self._reply(line, from_store, writer)),
        }
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            to_store.close()

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        parts = urlsplit(self.store_url)
        if parts.scheme == "unix":
            return await asyncio.open_unix_connection(parts.path)
        return await asyncio.open_connection(parts.hostname, parts.port)

    async def _reply(
        self, line: "_Line", reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while reply := await reader.read(CHUNK_BYTES):
            fate = Fate.ARRIVES if line.greets else self.fate()
            if fate is Fate.CUT:
                return
            await asyncio.sleep(self.late_seconds if fate is Fate.LATE else self.delay_seconds)
            writer.write(reply)
            await writer.drain()


@dataclass
class _Line:
    """One connection's way to the store, and whether what was last sent there only opened it."""

    greets: bool = True

    async def forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while command := await reader.read(CHUNK_BYTES):
            self.greets = any(greeting in command[:32].upper() for greeting in GREETINGS)
            writer.write(command)
            await writer.drain()


@contextlib.contextmanager
def lossy_proxy(store_url: str) -> Iterator[LossyProxy]:
    """Run a proxy from a thread, without faults at first."""
    proxy = LossyProxy(store_url)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    try:
        asyncio.run_coroutine_threadsafe(proxy.listen(), loop).result()
        yield proxy
    finally:
        asyncio.run_coroutine_threadsafe(_hang_up(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _hang_up() -> None:
    current = asyncio.current_task()
    tasks = [task for task in asyncio.all_tasks() if task is not current]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
