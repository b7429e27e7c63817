"""Clients that repeat what may be repeated, with the same ids, until it is acknowledged."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import grpc
import grpc.aio
from service_calls import SOUND

from nextbest.v1 import (
    customer_pb2,
    customer_pb2_grpc,
    decision_pb2,
    decision_pb2_grpc,
    error_pb2,
    event_pb2,
    outcome_pb2,
    outcome_pb2_grpc,
)

ANSWER_SECONDS = 10.0
PATIENCE_SECONDS = 180.0
PAUSE_SECONDS = 0.02
WITHOUT_STORE = frozenset({"STORE_UNAVAILABLE", "STORE_TIMEOUT", "DEADLINE_SHORT"})
MAY_BE_REPEATED = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
    }
)
RECONNECT = [
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.min_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 200),
    ("grpc.enable_retries", 0),
]
Item = TypeVar("Item")
Answer = TypeVar("Answer")
Results = Sequence[error_pb2.ItemResult]


@dataclass
class PatientClient:
    """A channel whose calls are repeated until they are answered."""

    channel: grpc.aio.Channel
    repeats: int = 0

    def __post_init__(self) -> None:
        self.decisions = decision_pb2_grpc.DecisionServiceStub(self.channel)
        self.customers = customer_pb2_grpc.CustomerServiceStub(self.channel)
        self.outcomes = outcome_pb2_grpc.OutcomeServiceStub(self.channel)

    async def decide(self, request: decision_pb2.DecideRequest) -> decision_pb2.DecideResponse:
        """Ask for a decision that was made with the store; the request must have an id.

        Answers made without it are not remembered, so that the question may be asked again.
        """
        assert request.request_id
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            answer = await self._answered(lambda: self.decisions.Decide(request, timeout=ANSWER_SECONDS))
            if WITHOUT_STORE.isdisjoint(it.reason for it in answer.degraded) or time.monotonic() > deadline:
                return answer
            self.repeats += 1
            await asyncio.sleep(PAUSE_SECONDS)

    async def track(self, *events: event_pb2.Event) -> None:
        """Send events until all of them are acknowledged."""

        async def once(rest: Sequence[event_pb2.Event]) -> Results:
            request = customer_pb2.TrackEventsRequest(events=rest)
            return (await self.customers.TrackEvents(request, timeout=ANSWER_SECONDS)).results

        await self._acknowledged(once, events)

    async def report(self, *outcomes: outcome_pb2.Outcome) -> None:
        """Report outcomes until all of them are acknowledged."""

        async def once(rest: Sequence[outcome_pb2.Outcome]) -> Results:
            request = outcome_pb2.ReportOutcomesRequest(outcomes=rest)
            return (await self.outcomes.ReportOutcomes(request, timeout=ANSWER_SECONDS)).results

        await self._acknowledged(once, outcomes)

    async def link(self, request: customer_pb2.LinkIdentitiesRequest) -> None:
        """Link identities."""
        await self._answered(lambda: self.customers.LinkIdentities(request, timeout=ANSWER_SECONDS))

    async def _acknowledged(
        self, once: Callable[[Sequence[Item]], Awaitable[Results]], items: Sequence[Item]
    ) -> None:
        """Send items, and those that may be repeated again; any other refusal fails the test."""
        rest = items
        while rest:
            sent = rest
            results = await self._answered(lambda: once(sent))  # noqa: B023 - awaited at once
            again = [error for error in results if error.status not in SOUND]
            assert all(_may_be_repeated(result) for result in again), again
            rest = [item for item, result in zip(sent, results, strict=True) if result.status not in SOUND]
            if rest:
                await asyncio.sleep(PAUSE_SECONDS)

    async def _answered(self, call: Callable[[], Awaitable[Answer]]) -> Answer:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                return await call()
            except grpc.aio.AioRpcError as error:
                if error.code() not in MAY_BE_REPEATED or time.monotonic() > deadline:
                    raise
                self.repeats += 1
            await asyncio.sleep(PAUSE_SECONDS)


def patient(address: str) -> PatientClient:
    """Return a client of a service that may be away for a while. Call it where a loop runs."""
    return PatientClient(grpc.aio.insecure_channel(address, options=RECONNECT))


def _may_be_repeated(result: error_pb2.ItemResult) -> bool:
    return result.error.code in {code.value[0] for code in MAY_BE_REPEATED}
