"""What is counted while calls are answered, and what becomes of it."""

import asyncio
import gc
from types import SimpleNamespace
from typing import Any

import grpc
import grpc.aio
import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from nextbest.v1 import decision_pb2
from nextbest_service.api.edge import service_handler
from nextbest_service.decision_log.log import DecisionLog
from nextbest_service.metrics.durations import CALL_BOUNDS_US, Durations
from nextbest_service.metrics.exposition import Exposition
from nextbest_service.metrics.tallies import STATUSES, Tallies
from nextbest_service.store.connection import connect

SERVICE = decision_pb2.DESCRIPTOR.services_by_name["DecisionService"]
DECIDE = "nextbest.v1.DecisionService.Decide"


@pytest.mark.parametrize(
    ("microseconds", "bucket"), [(0, 0), (5, 0), (6, 1), (10, 1), (11, 2), (100, 3), (101, 4), (10**9, 4)]
)
def test_a_duration_goes_to_the_first_bucket_that_holds_it(microseconds: int, bucket: int) -> None:
    durations = Durations((5, 10, 20, 100))
    durations.add(microseconds)
    assert durations.counts == [int(place == bucket) for place in range(5)]
    assert durations.total_us == microseconds


def test_bounds_rise_and_statuses_stand_at_their_numbers() -> None:
    assert list(CALL_BOUNDS_US) == sorted(set(CALL_BOUNDS_US))
    assert [status.value[0] for status in STATUSES] == list(range(len(STATUSES)))


def test_what_waits_and_what_was_lost_is_read_when_somebody_asks(valkey_url: str) -> None:
    log = DecisionLog(connect(valkey_url, 1000), room=2)
    exposition = Exposition(Tallies.of([SERVICE]), log, 0.0, lambda: None)
    registry = CollectorRegistry()
    registry.register(exposition)
    assert read(registry) == (0, 0)
    for _ in range(5):
        log._pending.add(SimpleNamespace(at_ms=1))
    assert read(registry) == (2, 3)


def read(registry: CollectorRegistry) -> tuple[float, float]:
    """Return what the metrics say of the decision log."""
    families = text_string_to_metric_families(generate_latest(registry).decode())
    found = {it.name: it.value for family in families for it in family.samples}
    return (
        found["nextbest_decision_log_waiting_records"],
        found["nextbest_decision_log_lost_records_total"],
    )


@pytest.mark.parametrize("leaves", ["by cancelling", "at its deadline"])
def test_a_call_whose_caller_leaves_counts_as_cancelled(leaves: str) -> None:
    tallies = Tallies.of([SERVICE])

    async def never(_request: Any, _context: Any) -> Any:
        await asyncio.Event().wait()

    async def scenario() -> None:
        server = grpc.aio.server()
        server.add_generic_rpc_handlers((service_handler(SERVICE, {"Decide": never}, tallies=tallies),))
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            await channel.channel_ready()
            call = channel.unary_unary("/nextbest.v1.DecisionService/Decide")(b"", timeout=0.3)
            if leaves == "by cancelling":
                await asyncio.sleep(0.1)
                call.cancel()
            with pytest.raises((grpc.RpcError, asyncio.CancelledError)):
                await call
            async with asyncio.timeout(10):
                while not any(tallies.calls[DECIDE].statuses):
                    await asyncio.sleep(0.01)
        await server.stop(None)
        del server, channel, call
        gc.collect()  # what is left of them needs the loop
        await asyncio.sleep(0)

    asyncio.run(scenario())
    counted = {
        STATUSES[place].name: count for place, count in enumerate(tallies.calls[DECIDE].statuses) if count
    }
    assert counted == {"CANCELLED": 1}
