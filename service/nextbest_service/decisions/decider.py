"""Answers questions: in the time there is, with the store or without."""

import asyncio
import os
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field

from nextbest_rules.assignment import assigned
from nextbest_service.customers.naming import Who
from nextbest_service.decision_log.legend import Legend
from nextbest_service.decision_log.log import DecisionLog
from nextbest_service.decisions.asking import Answer, Asking, Render
from nextbest_service.decisions.decision import Decision, Degradation
from nextbest_service.decisions.deliberation import Stopwatch, deliberate
from nextbest_service.decisions.generation import Generation
from nextbest_service.decisions.last_known import LastKnown
from nextbest_service.decisions.pace import NEVER, SHORTEST_READ_NS, Pace, Until, left_ns
from nextbest_service.decisions.request import DecisionRequest
from nextbest_service.errors import (
    DecisionFailedError,
    ServiceError,
    StoreTimeoutError,
    StoreUnavailableError,
)
from nextbest_service.store.customer_store import CustomerStore
from nextbest_service.store.customers import Reading
from nextbest_service.store.found import Found
from nextbest_service.store.keys import KeyRing, Ref
from nextbest_service.store.people import People
from nextbest_service.store.volume_holds import VolumeHolds

_PLENTY_NS = 150_000_000
"""With so much time left nothing on the way is watched by a timer: each wait for the store has its own."""


@dataclass(frozen=True, slots=True)
class Decider:
    """Answers decision requests for one generation. `new_id` makes a decision's id at a time (Unix ms).

    `last_known` outlives the generation, `plenty_ns` is how much time makes timers superfluous.
    """

    generation: Generation
    customers: CustomerStore
    people: People
    volumes: VolumeHolds
    log: DecisionLog
    legend: Legend
    new_id: Callable[[int], str] = field(default_factory=lambda: fresh_id)
    last_known: LastKnown = field(default_factory=LastKnown)
    pace: Pace = field(default_factory=Pace)
    plenty_ns: int = _PLENTY_NS

    @property
    def ring(self) -> KeyRing:
        """What refs and tokens are made with."""
        return self.people.naming.ring

    async def decide(self, request: DecisionRequest, render: Render, until: Until = NEVER) -> Answer:
        """Return what is best for this customer in each placement asked for, `until` then.

        What it takes of limits is reserved, its record is in the log or on its way there, and a question with
        a request id gets the same answer again. A dry run leaves no trace. Where the store does not answer or
        time is short, the answer is simpler and says so, unless its record is wanted first: that may take
        what it takes. Who waits for ever hears of the failure instead: a campaign comes again later.

        Raises:
            StoreUnavailableError: the store does not answer, and there is no deadline.
            AuditUnavailableError: the record was wanted first, and could not be written.
            ReusedRequestIdError: the request id was used before, with another question.
            DecisionFailedError: a defect.
        """
        who = self.people.naming.who(request.identities)
        asking = Asking(self, request, who, render, NEVER if request.audited else until)
        left = left_ns(asking.until)
        if left < SHORTEST_READ_NS:
            return asking.degraded(Degradation.DEADLINE_SHORT)
        try:
            async with asyncio.timeout(left / 1e9) if left < self.plenty_ns else nullcontext():
                return await (asking.tried_out() if request.dry_run else asking.answered())
        except StoreUnavailableError as error:
            if until == NEVER:
                raise
            timed_out = isinstance(error, StoreTimeoutError)
            why = Degradation.STORE_TIMEOUT if timed_out else Degradation.STORE_UNAVAILABLE
            return asking.degraded(why)
        except TimeoutError:
            return asking.degraded(Degradation.DEADLINE_SHORT)
        except ServiceError:
            raise
        except Exception as error:
            raise DecisionFailedError(asking.decision_id) from error

    async def plan(self, requests: Sequence[DecisionRequest], ids: Sequence[str]) -> list[Decision]:
        """Return what dry runs of many questions come to, all customers read together; `ids` become theirs.

        Raises:
            StoreUnavailableError: the state of the customers could not be read.
        """
        whose = [self.people.naming.who(request.identities) for request in requests]
        readings = await self.customers.load_many(whose, self.generation.plan)
        return [
            self._planned(request, who, reading, id_)
            for request, who, reading, id_ in zip(requests, whose, readings, ids, strict=True)
        ]

    def _planned(self, request: DecisionRequest, who: Who, reading: Reading, decision_id: str) -> Decision:
        watch = Stopwatch()
        watch.lap()
        return self.deliberated(request, who, reading, decision_id, watch)

    def deliberated(
        self,
        request: DecisionRequest,
        who: Who,
        reading: Reading,
        decision_id: str,
        watch: Stopwatch,
    ) -> Decision:
        """Return the decision for the customer that was read, in the arms that are theirs."""
        origin = self.origin(who, reading.found)
        # The name that came first stays the same through links, so that the arms stay, too.
        person = reading.customer.first or origin
        arms = assigned(self.generation.catalog.experimentation, person, reading.now_ms)
        return deliberate(self.generation, request, reading, arms, decision_id, watch, origin, person)

    def origin(self, who: Who, found: Found) -> Ref:
        """Return under which identity this is kept: the first one that is known, else the strongest."""
        if len(who.refs) == 1:  # the usual case
            return who.refs[0]
        if found.head is not None:
            return next(ref for ref in who.refs if ref not in found.unknown)
        ranks = map(self.people.naming.rank, who.names)
        return min(zip(ranks, range(len(who.refs)), who.refs, strict=True))[-1]


def fresh_id(now_ms: int) -> str:
    """Return 32 hex digits: the time, so that ids sort by it, and 80 random bits."""
    return f"{now_ms:012x}{os.urandom(10).hex()}"
