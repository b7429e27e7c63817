"""The hand-written server: `python -m benchmarks.handwritten.server DOCUMENT STORE_URL CLOCK_MS`.

It gives the same propositions as nextbest on the standard work, and has what that has: a decision log,
metrics, tokens. It has none of the rest: no checks of requests, no explanations, no fall-backs, no catalog
that business people edit.
"""

import argparse
import asyncio
import base64
import hashlib
import hmac
import signal
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import grpc.aio
import msgpack
import prometheus_client
import redis.asyncio
import uvloop

from benchmarks.handwritten.exporting import CHANNEL, KEYS
from benchmarks.handwritten.ranking import Ranking
from benchmarks.handwritten.rules import candidates, fit
from nextbest.v1 import (
    action_pb2,
    decision_pb2,
    decision_pb2_grpc,
    proposition_pb2,
    version_pb2,
)

Plain: TypeAlias = dict[str, Any]
Store: TypeAlias = Any
"""A client of redis.asyncio, which tells mypy little."""

LOG, LOG_LENGTH = "hand-log", 50_000
SECRET = b"not much of a secret"
DECISIONS = prometheus_client.Counter("decisions_total", "Decisions by placement", ["placement"])
SECONDS = prometheus_client.Histogram("decision_seconds", "Time per decision", ["placement"])


@dataclass(frozen=True)
class Scored:
    """A candidate with its factors."""

    action: Plain
    propensity: float
    fit: float

    @property
    def priority(self) -> float:
        """What it is ranked by."""
        return self.propensity * self.fit * float(self.action["value"])


class Decisions(decision_pb2_grpc.DecisionServiceServicer):
    """Answers questions. `now_ms` is the clock."""

    def __init__(self, document: Plain, root: Path, store: Store, now_ms: Callable[[], int]) -> None:
        self.actions, self.versions = document["actions"], document["versions"]
        self.ranking, self.store, self.now_ms = Ranking(document, root), store, now_ms
        self.logging: set[asyncio.Task[None]] = set()

    async def Decide(  # noqa: N802 - gRPC's name
        self,
        request: decision_pb2.DecideRequest,
        context: object,  # noqa: ARG002
    ) -> decision_pb2.DecideResponse:
        """Answer one question."""
        started, now_ms, asked = time.perf_counter(), self.now_ms(), request.placements[0]
        customer = msgpack.unpackb(await self.store.get(KEYS + request.identities[0].id))
        scored = self._scored(customer, dict(request.context.strings), now_ms)
        best = sorted(scored, key=lambda it: -it.priority)[: asked.limit]
        decision_id = uuid.uuid4().hex
        shown = [_proposition(it, customer, decision_id, rank) for rank, it in enumerate(best, start=1)]
        self._log(decision_id, request, now_ms, scored, best)
        spent = time.perf_counter() - started
        DECISIONS.labels(asked.id).inc()
        SECONDS.labels(asked.id).observe(spent)
        return decision_pb2.DecideResponse(
            decision_id=decision_id,
            placements=[proposition_pb2.PlacementDecision(placement_id=asked.id, propositions=shown)],
            versions=version_pb2.Versions(**self.versions),
            customer_known=True,
            timing=decision_pb2.Timing(total_us=int(spent * 1e6)),
            decided_at_unix_ms=now_ms,
        )

    def _scored(self, customer: Plain, moment: Plain, now_ms: int) -> list[Scored]:
        found = candidates(self.actions, customer, CHANNEL, now_ms)
        propensities = self.ranking.propensities(found, customer, now_ms).tolist()
        return [Scored(it, p, fit(it, moment)) for it, p in zip(found, propensities, strict=True)]

    def _log(
        self,
        decision_id: str,
        request: decision_pb2.DecideRequest,
        now_ms: int,
        scored: list[Scored],
        best: list[Scored],
    ) -> None:
        record = {
            "id": decision_id,
            "customer": request.identities[0].id,
            "at_ms": now_ms,
            "context": dict(request.context.strings),
            "candidates": [[it.action["id"], it.propensity, it.priority] for it in scored],
            "chosen": [it.action["id"] for it in best],
        }
        task = asyncio.create_task(self._write(msgpack.packb(record)))
        self.logging.add(task)
        task.add_done_callback(self.logging.discard)

    async def _write(self, record: bytes) -> None:
        await self.store.xadd(LOG, {"decision": record}, maxlen=LOG_LENGTH, approximate=True)


def _proposition(scored: Scored, customer: Plain, decision_id: str, rank: int) -> proposition_pb2.Proposition:
    action = scored.action
    signed = f"{decision_id}|{action['id']}|{rank}|{scored.propensity!r}".encode()
    signature = hmac.new(SECRET, signed, hashlib.sha256).digest()
    message = proposition_pb2.Proposition(
        action_id=action["id"],
        action_type=action_pb2.ACTION_TYPE_OFFER,
        issue=action["issue"],
        group=action["group"],
        rank=rank,
        propensity=scored.propensity,
        value=action["value"],
        context_weight=scored.fit,
        lever=1.0,
        priority=scored.priority,
        selection_probability=1.0,
        selection_type=action_pb2.SELECTION_TYPE_RANKED,
        token=base64.urlsafe_b64encode(signed + signature).decode(),
        treatment_id=action["treatment"],
        content_json=action["content"],
        expires_at_unix_ms=action["valid"][0][1],
        maturity=action_pb2.MATURITY_MODEL,
        channel=CHANNEL,
    )
    if action["trips"]:
        message.parameters["trips"].double_value = customer["features"]["trips_91d"]
    return message


async def serve(options: argparse.Namespace) -> None:
    """Serve until SIGTERM; the port goes to standard output."""
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    document = msgpack.unpackb(options.document.read_bytes())
    store = redis.asyncio.Redis.from_url(options.store_url)
    clock_ms, frozen = int(options.clock_ms), bool(options.freeze_clock)
    ahead_ms = clock_ms - int(time.time() * 1000)

    def now_ms() -> int:
        return clock_ms if frozen else int(time.time() * 1000) + ahead_ms

    decisions = Decisions(document, options.document.parent, store, now_ms)
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    decision_pb2_grpc.add_DecisionServiceServicer_to_server(decisions, server)  # type: ignore[no-untyped-call]
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(port, flush=True)
    await stopping.wait()
    await server.stop(0)
    await store.aclose()


def main() -> None:
    """Read the options and serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("document", type=Path)
    parser.add_argument("store_url")
    parser.add_argument("clock_ms", type=int)
    parser.add_argument("--freeze-clock", action="store_true")
    uvloop.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
