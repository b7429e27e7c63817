"""What the decision path's connection does when the store answers late or not at all."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest

from nextbest_service.errors import StoreUnavailableError
from nextbest_service.store.connection import connect

INCREMENT = b"INCRBY"
LONGEST_SECONDS = 2.0  # on a busy machine; redis-py's own retries take up to a minute
Behaviour = Callable[[asyncio.StreamWriter], Awaitable[None]]


async def hang_up(writer: asyncio.StreamWriter) -> None:
    writer.close()


async def stay_silent(_writer: asyncio.StreamWriter) -> None:
    return


def commands_sent(behaviour: Behaviour) -> tuple[int, float]:
    """Send one increment to a store that misbehaves; return how often it came, and the seconds it took."""
    received = bytearray()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(4096):
            received.extend(data)
            if INCREMENT in data:
                await behaviour(writer)
            else:
                writer.write(b"+OK\r\n" * data.count(b"*"))
        writer.close()

    async def ask() -> float:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server:
            store, started = connect(f"redis://127.0.0.1:{port}", 50), time.perf_counter()
            with pytest.raises(StoreUnavailableError):
                await store.run([("INCRBY", "counter", 1)])
            seconds = time.perf_counter() - started
            await store.aclose()
            return seconds

    seconds = asyncio.run(ask())
    return bytes(received).count(INCREMENT), seconds


@pytest.mark.parametrize("behaviour", [hang_up, stay_silent])
def test_a_command_is_sent_once_whatever_becomes_of_it(behaviour: Behaviour) -> None:
    times, seconds = commands_sent(behaviour)
    assert times == 1
    assert seconds < LONGEST_SECONDS
