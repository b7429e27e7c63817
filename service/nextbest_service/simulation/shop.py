"""A service in this process, on a real store: what calls would come over gRPC are made to its servicers."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import cast

from nextbest.v1 import customer_pb2, decision_pb2, error_pb2, outcome_pb2, profile_pb2
from nextbest_service.api.customer_servicer import CustomerServicer
from nextbest_service.api.decision_servicer import DecisionServicer
from nextbest_service.api.outcome_servicer import OutcomeServicer
from nextbest_service.api.refusals import Context
from nextbest_service.composition import LoadedParts, Serving, build_serving
from nextbest_service.decision_log.log import DecisionLog
from nextbest_service.decisions.decider import Decider
from nextbest_service.decisions.generation import Generation
from nextbest_service.errors import StartupError
from nextbest_service.simulation.clock import SteppedClock
from nextbest_service.store.connection import connect, connect_for_bulk

TIMEOUT_MS = 10_000
"""Nobody waits for an answer here, and a busy machine must not spoil a round."""
BATCH = 500
_NO_CALL = cast(Context, None)
"""Servicers only translate: nothing of a call is asked for."""
_ID_BYTES = 10


@dataclass(frozen=True, slots=True)
class Shop:
    """What a service answers with. A call that is refused ends the simulation.

    `seed` makes the ids of decisions, which are the dice of exploration: the same one, the same decisions.
    """

    decider: Decider
    clock: SteppedClock
    seed: str
    _customers: CustomerServicer
    _outcomes: OutcomeServicer

    @property
    def generation(self) -> Generation:
        """What decides."""
        return self.decider.generation

    async def decide(self, request: decision_pb2.DecideRequest, number: int) -> decision_pb2.DecideResponse:
        """Return the answer to a question; each has a number of its own."""
        decider = replace(self.decider, new_id=partial(_id, f"{self.seed}/{number}"))
        servicer = DecisionServicer(lambda: decider)
        return decision_pb2.DecideResponse.FromString(await servicer.decide(request, _NO_CALL))

    async def report(self, outcomes: Sequence[outcome_pb2.Outcome]) -> None:
        """Report what happened."""
        for start in range(0, len(outcomes), BATCH):
            request = outcome_pb2.ReportOutcomesRequest(outcomes=outcomes[start : start + BATCH])
            _check((await self._outcomes.report_outcomes(request, _NO_CALL)).results)

    async def introduce(self, profiles: Sequence[profile_pb2.Profile]) -> None:
        """Tell what is known of customers."""
        for start in range(0, len(profiles), BATCH):
            request = customer_pb2.UpsertProfilesRequest(profiles=profiles[start : start + BATCH])
            _check((await self._customers.upsert_profiles(request, _NO_CALL)).results)


@asynccontextmanager
async def open_shop(parts: LoadedParts, url: str, clock: SteppedClock, seed: str) -> AsyncIterator[Shop]:
    """Serve some parts on a store; on leaving, everything is in the decision log."""
    store = connect(url, TIMEOUT_MS)
    try:
        async with DecisionLog(connect(url, TIMEOUT_MS)) as log:

            def build() -> Serving:
                with connect_for_bulk(url) as bulk:
                    return build_serving(parts, bulk, store, clock, log)

            serving = await asyncio.to_thread(build)
            customers = CustomerServicer(lambda: serving.intake, lambda: serving.care)
            yield Shop(serving.decider, clock, seed, customers, OutcomeServicer(lambda: serving.intake))
    finally:
        await store.aclose()


def _id(seed: str, now_ms: int) -> str:
    return f"{now_ms:012x}{hashlib.blake2b(seed.encode(), digest_size=_ID_BYTES).hexdigest()}"


def _check(results: Iterable[error_pb2.ItemResult]) -> None:
    refused = next((it.error for it in results if it.HasField("error")), None)
    if refused is not None:
        raise StartupError(f"the service refused what happened in the world: {refused.message}")
