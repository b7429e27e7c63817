"""Stands between a service and its store and loses replies: the command ran, and nobody learns of it.

It is a process of its own, so that it takes no time from the test and leaves no connection behind.
"""

import asyncio
import contextlib
import json
import random
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from urllib.parse import urlsplit

CHUNK_BYTES = 1 << 20
GREETINGS = (b"HELLO", b"CLIENT", b"SELECT")
"""They open a connection. Their replies arrive, or else far more than the asked share would be lost."""


class Fate(Enum):
    """What happens to a reply of the store."""

    ARRIVES = "arrives"
    CUT = "the connection breaks instead"
    LATE = "it comes after everybody has given up"


@dataclass
class Faults:
    """What goes wrong at present, and what became of all replies so far.

    `loss` is the share of replies that do not arrive in time, half of them cut off and half of them late by
    `late_seconds`; `delay_seconds` slows all others down.
    """

    loss: float = 0.0
    delay_seconds: float = 0.0
    late_seconds: float = 0.2
    lost: int = 0
    arrived: int = 0
    dice: random.Random = field(default_factory=lambda: random.Random(7))

    def fate(self) -> Fate:
        """Decide what happens to the next reply, and count it."""
        if self.dice.random() >= self.loss:
            self.arrived += 1
            return Fate.ARRIVES
        self.lost += 1
        return self.dice.choice([Fate.CUT, Fate.LATE])


@dataclass
class LossyProxy:
    """A running proxy, and the URL under which it stands for the store."""

    process: "subprocess.Popen[str]"
    url: str

    def set(self, **faults: float) -> None:
        """Change what goes wrong: see `Faults`."""
        self._say(faults)

    def share_lost(self) -> float:
        """Return which share of all replies was lost so far."""
        counts = self._say({})
        return counts["lost"] / max(1, counts["lost"] + counts["arrived"])

    def _say(self, faults: dict[str, float]) -> dict[str, int]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(faults) + "\n")
        self.process.stdin.flush()
        counts: dict[str, int] = json.loads(self.process.stdout.readline())
        return counts


@contextlib.contextmanager
def lossy_proxy(store_url: str) -> Iterator[LossyProxy]:
    """Run a proxy, without faults at first."""
    with subprocess.Popen(
        [sys.executable, __file__, store_url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield LossyProxy(process, process.stdout.readline().strip())
        finally:
            process.kill()


# --- what runs in the process


@dataclass
class _Line:
    """One connection of the service, carried on to the store."""

    store_url: str
    faults: Faults
    greets: bool = True

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry both ways until either side hangs up or a reply is cut off."""
        with contextlib.suppress(OSError):  # whoever hung up needs no answer
            from_store, to_store = await self._connected()
            ways = {
                asyncio.create_task(self._commands(reader, to_store)),
                asyncio.create_task(self._replies(from_store, writer)),
            }
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            to_store.close()
        writer.close()

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        parts = urlsplit(self.store_url)
        if parts.scheme == "unix":
            return await asyncio.open_unix_connection(parts.path)
        return await asyncio.open_connection(parts.hostname, parts.port)

    async def _commands(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while command := await reader.read(CHUNK_BYTES):
            self.greets = any(greeting in command[:32].upper() for greeting in GREETINGS)
            writer.write(command)
            await writer.drain()

    async def _replies(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while reply := await reader.read(CHUNK_BYTES):
            fate = Fate.ARRIVES if self.greets else self.faults.fate()
            if fate is Fate.CUT:
                return
            await asyncio.sleep(self.faults.late_seconds if fate is Fate.LATE else self.faults.delay_seconds)
            writer.write(reply)
            await writer.drain()


async def _run(store_url: str) -> None:
    faults = Faults()
    server = await asyncio.start_server(
        lambda reader, writer: _Line(store_url, faults).serve(reader, writer), "127.0.0.1", 0
    )
    _tell(f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    while line := await asyncio.to_thread(sys.stdin.readline):
        for name, value in json.loads(line).items():
            setattr(faults, name, value)
        _tell(json.dumps({"lost": faults.lost, "arrived": faults.arrived}))


def _tell(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(_run(sys.argv[1]))
