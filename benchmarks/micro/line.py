"""What a read of one customer costs the service: alone on the shared line, or together with others.

Beside both stands a pipeline of redis-py. Run it with `python -m benchmarks.micro.line`; add `--json`
for a machine. A read is TIME and two HGETALL, one of them of 1 KB, as a decision asks for them. Wall times on
one event loop; the store works on another core if there is one. At the end comes what a read takes of this
process' CPU.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import redis
import redis.asyncio
import uvloop

from benchmarks.interleaved import Candidate, run
from nextbest_service.clock import StoreClock
from nextbest_service.store.connection import connect
from nextbest_service.store.customers import ReadPlan
from nextbest_service.store.embedded import embedded_valkey
from nextbest_service.store.joint_reads import JointReads
from nextbest_service.store.keys import KILLS, person_key
from nextbest_service.store.line import Command

CALLERS = (1, 32)
FIELDS = {f"field{number}": b"x" * 140 for number in range(7)}
REF = b"twelve bytes"
READ: list[Command] = [("TIME",), ("HGETALL", KILLS), ("HGETALL", person_key(REF))]
PLAN = ReadPlan()
ROUNDS, CALLS = 41, 20
Read = Callable[[], Awaitable[Any]]
OPEN = ExitStack()


def candidates() -> Iterator[Candidate]:
    """Yield everything that is compared."""
    loop = uvloop.new_event_loop()
    url = OPEN.enter_context(embedded_valkey(Path(OPEN.enter_context(tempfile.TemporaryDirectory()))))
    redis.Redis.from_url(url).hset(person_key(REF), mapping={**FIELDS})
    ours, theirs = connect(url, 1000), redis.asyncio.Redis.from_url(url)

    async def shared_line() -> list[Any]:
        return await ours.run(READ)

    async def pipeline() -> list[Any]:
        commands = theirs.pipeline(transaction=False)
        for command in READ:
            commands.execute_command(*command)
        return await commands.execute()

    joint = JointReads(ours, StoreClock())

    async def together() -> Any:  # noqa: ANN401 - what there is does not matter here
        return await joint.read((REF,), PLAN, 0)

    async def at_once(read: Read, callers: int) -> None:
        await asyncio.gather(*(read() for _ in range(callers)))

    reads = {"together": together, "shared line": shared_line, "redis-py pipeline": pipeline}
    for callers in CALLERS:
        for name, read in reads.items():
            yield Candidate(
                f"{callers} at once",
                name,
                0,
                lambda read=read, callers=callers: loop.run_until_complete(at_once(read, callers)),
            )


def print_cpu(measured: list[Candidate]) -> None:
    """Print the CPU of this process per read: the least of some rounds, each candidate in turn."""
    least = dict.fromkeys(range(len(measured)), float("inf"))
    for _ in range(ROUNDS):
        for place, candidate in enumerate(measured):
            started_ns = time.process_time_ns()
            for _ in range(CALLS):
                candidate.call()
            least[place] = min(least[place], (time.process_time_ns() - started_ns) / CALLS / 1000)
    print("\nCPU of this process per read, us, the loop and the caller's task included")
    for place, candidate in enumerate(measured):
        callers = int(candidate.group.split()[0])
        print(f"  {candidate.group:12} {candidate.name:20} {least[place] / callers:7.1f}")


if __name__ == "__main__":
    with OPEN:
        run("Reads of one customer", candidates, {"redis-py": redis.__version__}, rounds=ROUNDS, calls=CALLS)
        if "--json" not in sys.argv:
            print_cpu([*candidates()])
