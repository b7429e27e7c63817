"""The floor: grpc.aio and uvloop, and nothing else. `python -m benchmarks.load.echo_server ANSWERS`.

`/bench.Echo/Raw` gives back answers of real decisions as they are in the file, one after the other, without
looking at the request: nothing a service does can cost less. `/bench.Echo/Decoded` reads the request and
makes the answer's bytes from a message, as a service must at least. `/bench.Echo/Count` tells how often it
answered.
"""

import asyncio
import itertools
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

import grpc.aio
import uvloop

from benchmarks.load.answer_files import read_answers
from nextbest.v1 import decision_pb2

Handlers: TypeAlias = "dict[str, grpc.RpcMethodHandler[bytes, bytes]]"

RAW, DECODED, COUNT = (f"/bench.Echo/{name}" for name in ("Raw", "Decoded", "Count"))


class Echo:
    """Answers all alike."""

    def __init__(self, answers: list[bytes]) -> None:
        self._raw = itertools.cycle(answers)
        self._messages: Iterator[decision_pb2.DecideResponse] = itertools.cycle(
            [decision_pb2.DecideResponse.FromString(it) for it in answers]
        )
        self.count = 0

    async def raw(self, _request: bytes, _context: object) -> bytes:
        """Answer without looking."""
        self.count += 1
        return next(self._raw)

    async def decoded(self, request: bytes, _context: object) -> bytes:
        """Read the question, write an answer."""
        self.count += 1
        decision_pb2.DecideRequest.FromString(request)
        return next(self._messages).SerializeToString()

    async def counted(self, _request: bytes, _context: object) -> bytes:
        """Tell how many answers there were."""
        return str(self.count).encode()


async def serve(answers: list[bytes]) -> None:
    """Serve until SIGTERM; the port goes to standard output."""
    echo, stopping = Echo(answers), asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    methods = {"Raw": echo.raw, "Decoded": echo.decoded, "Count": echo.counted}
    handlers: Handlers = {name: grpc.unary_unary_rpc_method_handler(it) for name, it in methods.items()}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("bench.Echo", handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(port, flush=True)
    await stopping.wait()
    await server.stop(0)


if __name__ == "__main__":
    uvloop.run(serve(read_answers(Path(sys.argv[1]))))
