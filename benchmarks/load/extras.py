"""Further figures of a run: streams, reservations, a second opinion. They are not part of the rounds."""

import time
from collections.abc import Sequence
from statistics import median
from typing import Any, cast

import grpc
import uvloop

from benchmarks.load import echo_server
from benchmarks.load.h2load import h2load
from benchmarks.load.measuring import Subject
from benchmarks.load.results import ECHO, NEXTBEST
from benchmarks.load.streaming import Streamed, streamed, together
from benchmarks.load.wire import message
from benchmarks.standard_work import RESERVING_PLACEMENT, StandardWork
from nextbest.v1 import decision_pb2
from nextbest_service.store.connection import connect_for_bulk
from nextbest_service.store.keys import DECISION_LOG
from nextbest_service.store.where import store_url

STREAM_ROUNDS = 3
OPEN_CALLS = 64
LOG_LAG_SECONDS = 1.0
"""How far the decision log may lie behind the answers."""


def further(seconds: float, work: StandardWork, subjects: Sequence[Subject]) -> dict[str, Any]:
    """Return further figures by name; each takes some times `seconds`."""
    second = {"h2load": _second_opinion(seconds, work, subjects)}
    return second | uvloop.run(_extras(seconds, work, subjects))


async def _extras(seconds: float, work: StandardWork, subjects: Sequence[Subject]) -> dict[str, Any]:
    """Return further figures. Reservations change what the store holds, so they come last."""
    ours = next(it for it in subjects if it.name == NEXTBEST)
    streams = await _streams(seconds, work, ours)
    reserving = tuple(message(it.SerializeToString()) for it in work.requests(RESERVING_PLACEMENT))
    subject = Subject(ours.server, reserving, ours.check, ours.store_pid)
    cell = await subject.saturated(OPEN_CALLS, seconds, 0)
    return {
        **streams,
        "reserving": {
            "rps": round(cell.rate, 1),
            "cpu_us": round(cell.cpu_us, 1),
            "store_cpu_us": round(cell.store_us, 1),
            "errors": cell.errors,
            "wrong": cell.wrong,
        },
    }


async def _streams(seconds: float, work: StandardWork, ours: Subject) -> dict[str, Any]:
    """Return how many questions go over one stream, beside calls of their own, in turns."""
    if "more" not in decision_pb2.DecideStreamRequest.DESCRIPTOR.fields_by_name:
        return {"stream_rps": None}
    messages, found, ratios = together(work.requests()), list[Streamed](), list[float]()
    for round_ in range(STREAM_ROUNDS):
        stream = await streamed(ours.server, messages, seconds)
        unary = await ours.saturated(OPEN_CALLS, seconds, round_)
        if stream is None:
            return {"stream_rps": None}
        found.append(stream)
        ratios.append(stream.rate / max(1.0, unary.rate))
    return {
        "stream_rps": round(median(it.rate for it in found), 1),
        "stream_to_unary": round(median(ratios), 2),
        "stream_cpu_us": round(median(it.cpu_us for it in found), 1),
        "stream_errors": sum(it.errors for it in found),
    }


def _second_opinion(seconds: float, work: StandardWork, subjects: Sequence[Subject]) -> dict[str, Any]:
    """Return what h2load makes of echo and nextbest, by their own counters; None each where it is missing."""
    servers = {it.name: it.server for it in subjects}
    question = message(work.requests()[0].SerializeToString())
    with store_url(work.home, None) as url, connect_for_bulk(url) as client:

        def logged() -> int:
            time.sleep(LOG_LAG_SECONDS)
            return int(cast("dict[str, Any]", client.xinfo_stream(DECISION_LOG))["entries-added"])

        def echoed() -> int:
            with grpc.insecure_channel(f"{servers[ECHO].host}:{servers[ECHO].port}") as channel:
                return int(channel.unary_unary(echo_server.COUNT)(b"", timeout=10.0))

        counters = {ECHO: echoed, NEXTBEST: logged}
        return {name: h2load(servers[name], question, seconds, it) for name, it in counters.items()}
