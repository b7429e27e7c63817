"""How many questions a server answers over one stream: gRPC's own client, many questions in one message."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from itertools import count

import grpc
import grpc.aio

from benchmarks.load.processes import Server
from nextbest.v1 import decision_pb2

METHOD = "/nextbest.v1.DecisionService/DecideStream"
TOGETHER, MESSAGES = 16, 4
"""Questions per message, and messages on their way at a time: 64 questions are open."""


@dataclass(frozen=True, slots=True)
class Streamed:
    """What came of a stream. `cpu_us` is the server's CPU time per answer."""

    rate: float
    cpu_us: float
    errors: int


def together(questions: Sequence[decision_pb2.DecideRequest]) -> list[bytes]:
    """Return messages of `TOGETHER` questions each."""
    message = decision_pb2.DecideStreamRequest
    asked = [message(correlation_id=number, request=it) for number, it in enumerate(questions)]
    groups = [asked[start : start + TOGETHER] for start in range(0, len(asked) - TOGETHER + 1, TOGETHER)]
    for first, *others in groups:
        first.more.extend(others)
    return [group[0].SerializeToString() for group in groups]


async def streamed(server: Server, messages: Sequence[bytes], seconds: float) -> Streamed | None:
    """Ask over one stream for some time; None where the server serves no streams."""
    answers, errors, room = 0, 0, asyncio.Semaphore(MESSAGES)
    before, ends = server.cpu_seconds, time.monotonic() + seconds

    async def asked() -> AsyncIterator[bytes]:
        for number in count():
            await room.acquire()
            if time.monotonic() >= ends:
                return
            yield messages[number % len(messages)]

    async with grpc.aio.insecure_channel(f"{server.host}:{server.port}") as channel:
        try:
            async for raw in channel.stream_stream(METHOD)(asked()):
                first = decision_pb2.DecideStreamResponse.FromString(raw)
                for answer in (first, *first.more):
                    errors += not answer.HasField("response")
                    answers += 1
                    if not answers % TOGETHER:
                        room.release()
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.UNIMPLEMENTED:
                return None
            errors += 1
    return Streamed(answers / seconds, (server.cpu_seconds - before) / max(1, answers) * 1e6, errors)
