"""One caller's acts under a steady load: ask, tell what came of it, introduce who comes next."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import grpc
import grpc.aio
from acks import Customer, Kind
from service_calls import SOUND, event, identity, values

from nextbest.v1 import (
    customer_pb2,
    customer_pb2_grpc,
    decision_pb2,
    decision_pb2_grpc,
    error_pb2,
    event_pb2,
    outcome_pb2,
    outcome_pb2_grpc,
    profile_pb2,
)

DECIDE_SECONDS = 2.0
TELL_SECONDS = 5.0
PAUSE_SECONDS = 0.1
PATIENCE_SECONDS = 60.0
_SAID = {
    Kind.PLAIN: profile_pb2.CONSENT_STATE_GRANTED,
    Kind.TROUBLED: profile_pb2.CONSENT_STATE_GRANTED,
    Kind.UNWILLING: profile_pb2.CONSENT_STATE_DENIED,
}
Results = Sequence[error_pb2.ItemResult]


@dataclass
class Acts:
    """All that is said on one channel. `refused` counts by RPC and code what had to be told again."""

    channel: grpc.aio.Channel
    refused: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.decisions = decision_pb2_grpc.DecisionServiceStub(self.channel)
        self.customers = customer_pb2_grpc.CustomerServiceStub(self.channel)
        self.outcomes = outcome_pb2_grpc.OutcomeServiceStub(self.channel)

    async def decide(self, customer: Customer, request_id: str) -> decision_pb2.DecideResponse:
        """Ask about somebody.

        Raises:
            grpc.aio.AioRpcError: no answer behind the documented retries.
        """
        request = decision_pb2.DecideRequest(
            request_id=request_id,
            identities=[identity("customer", customer.name)],
            placements=[decision_pb2.PlacementRequest(id="home")],
            include_content=True,
        )
        return await self.decisions.Decide(request, timeout=DECIDE_SECONDS)

    async def report(self, outcomes: Sequence[outcome_pb2.Outcome]) -> None:
        """Report outcomes until all of them are acknowledged."""

        async def once(some: Sequence[Any]) -> Results:
            request = outcome_pb2.ReportOutcomesRequest(outcomes=some)
            return (await self.outcomes.ReportOutcomes(request, timeout=TELL_SECONDS)).results

        await self._told("ReportOutcomes", outcomes, once)

    async def track(self, events: Sequence[event_pb2.Event]) -> None:
        """Send events until all of them are acknowledged."""

        async def once(some: Sequence[Any]) -> Results:
            request = customer_pb2.TrackEventsRequest(events=some)
            return (await self.customers.TrackEvents(request, timeout=TELL_SECONDS)).results

        await self._told("TrackEvents", events, once)

    async def introduce(self, customers: Sequence[Customer]) -> None:
        """Tell what is to be known of customers."""

        async def once(some: Sequence[Any]) -> Results:
            request = customer_pb2.UpsertProfilesRequest(profiles=some)
            return (await self.customers.UpsertProfiles(request, timeout=TELL_SECONDS)).results

        now_ms = time.time_ns() // 1_000_000
        await self._told("UpsertProfiles", [_profile(it, now_ms) for it in customers], once)
        troubled = [it for it in customers if it.kind is Kind.TROUBLED]
        await self.track(
            [event(identity("customer", it.name), "ticket.opened", now_ms, subject="t") for it in troubled]
        )

    async def view(self, customer: Customer) -> customer_pb2.Customer:
        """Return all that is held of somebody."""
        request = customer_pb2.GetCustomerRequest(
            identity=identity("customer", customer.name), contact_limit=500
        )
        return (await self.customers.GetCustomer(request, timeout=20.0)).customer

    async def _told(
        self, rpc: str, items: Sequence[Any], once: Callable[[Sequence[Any]], Awaitable[Results]]
    ) -> None:
        """Send items, and those without an acknowledgement again, as they are."""
        rest, until = items, time.monotonic() + PATIENCE_SECONDS
        while rest:
            assert time.monotonic() < until, f"{rpc} is not acknowledged"
            try:
                results = await once(rest)
            except grpc.aio.AioRpcError as error:
                self.refused[f"{rpc} {error.code().name}"] += 1
            else:
                for it in results:
                    if it.status not in SOUND:
                        self.refused[f"{rpc} item {it.error.reason}"] += 1
                rest = [item for item, it in zip(rest, results, strict=True) if it.status not in SOUND]
            if rest:
                await asyncio.sleep(PAUSE_SECONDS)


def _profile(customer: Customer, now_ms: int) -> profile_pb2.Profile:
    consents = []
    if customer.kind in _SAID:
        state = _SAID[customer.kind]
        consents = [profile_pb2.Consent(channel="web", purpose="marketing", state=state, time_unix_ms=now_ms)]
    return profile_pb2.Profile(
        identities=[identity("customer", customer.name)],
        attributes=values({"tag": customer.name}),
        consents=consents,
    )
