"""What a read of one customer costs the service: the shared line, beside a pipeline of redis-py's client.

Run it with `python -m benchmarks.micro.line`; add `--json` for a machine. A read is TIME and two HGETALL, one
of them of 1 KB, as a decision asks for them. Wall times on one event loop; the store works on another core if
there is one.
"""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import redis
import redis.asyncio
import uvloop

from benchmarks.interleaved import Candidate, run
from nextbest_service.store.connection import connect
from nextbest_service.store.embedded import embedded_valkey
from nextbest_service.store.line import Command

CALLERS = (1, 32)
FIELDS = {f"field{number}": b"x" * 140 for number in range(7)}
READ: list[Command] = [("TIME",), ("HGETALL", "customer"), ("HGETALL", "nobody")]
Read = Callable[[], Awaitable[list[Any]]]
OPEN = ExitStack()


def candidates() -> Iterator[Candidate]:
    """Yield everything that is compared."""
    loop = uvloop.new_event_loop()
    url = OPEN.enter_context(embedded_valkey(Path(OPEN.enter_context(tempfile.TemporaryDirectory()))))
    redis.Redis.from_url(url).hset("customer", mapping={**FIELDS})
    ours, theirs = connect(url, 1000), redis.asyncio.Redis.from_url(url)

    async def shared_line() -> list[Any]:
        return await ours.run(READ)

    async def pipeline() -> list[Any]:
        commands = theirs.pipeline(transaction=False)
        for command in READ:
            commands.execute_command(*command)
        return await commands.execute()

    async def at_once(read: Read, callers: int) -> None:
        await asyncio.gather(*(read() for _ in range(callers)))

    for callers in CALLERS:
        for name, read in (("shared line", shared_line), ("redis-py pipeline", pipeline)):
            yield Candidate(
                f"{callers} at once",
                name,
                0,
                lambda read=read, callers=callers: loop.run_until_complete(at_once(read, callers)),
            )


if __name__ == "__main__":
    with OPEN:
        run("Reads of one customer", candidates, {"redis-py": redis.__version__}, rounds=41, calls=20)
