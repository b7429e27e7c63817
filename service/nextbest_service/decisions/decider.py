"""The way of one decision: read, deliberate, reserve, remember, record. Who loses a race decides again."""

import asyncio
import os
from collections.abc import Callable, Iterable, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass, field
from time import perf_counter_ns
from typing import TypeAlias

from nextbest_rules.assignment import assigned
from nextbest_service.customers.naming import Who
from nextbest_service.customers.portion import Reservation
from nextbest_service.decision_log.decisions import DecisionRecord
from nextbest_service.decision_log.legend import Legend
from nextbest_service.decision_log.log import DecisionLog
from nextbest_service.decisions.decision import Decision, Degradation, Timing
from nextbest_service.decisions.deliberation import Stopwatch, deliberate
from nextbest_service.decisions.explaining import explain
from nextbest_service.decisions.generation import Generation
from nextbest_service.decisions.remembered import Remembered, ReusedRequestIdError
from nextbest_service.decisions.request import DecisionRequest, ExplainLevel
from nextbest_service.decisions.reservations import limited, reservations_of, volumes_of
from nextbest_service.errors import StoreUnavailableError
from nextbest_service.store.claims import Claim
from nextbest_service.store.customer_store import CustomerStore
from nextbest_service.store.customers import Reading
from nextbest_service.store.found import Found
from nextbest_service.store.keys import Ref
from nextbest_service.store.people import Commit, Outcome, People, StateUnreadableError
from nextbest_service.store.volume_holds import VolumeHolds

MOST_TRIES = 20

Render: TypeAlias = Callable[[Decision], bytes]
"""Makes the answer as the caller gets it, once per decision."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the caller gets. Where it was made before and is only repeated, the rest is None."""

    content: bytes
    reserve_us: int | None
    decision: Decision | None


@dataclass(frozen=True, slots=True)
class Decider:
    """Answers decision requests for one generation. `new_id` makes a decision's id at a time (Unix ms)."""

    generation: Generation
    customers: CustomerStore
    people: People
    volumes: VolumeHolds
    log: DecisionLog
    legend: Legend
    new_id: Callable[[int], str] = field(default_factory=lambda: _fresh_id)

    async def decide(self, request: DecisionRequest, render: Render) -> Answer:
        """Return what is best for this customer in each placement asked for.

        What it takes of limits is reserved, its record is in the log or on its way there, and a question with
        a request id gets the same answer again. A dry run leaves no trace.

        Raises:
            StoreUnavailableError: the customer's state could not be read, or not written.
            AuditUnavailableError: the record was wanted first, and could not be written.
            ReusedRequestIdError: the request id was used before, with another question.
        """
        asking = _Asking(self, request, self.people.naming.who(request.identities), render)
        return await (asking.tried_out() if request.dry_run else asking.answered())

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
        self, request: DecisionRequest, who: Who, reading: Reading, decision_id: str, watch: Stopwatch
    ) -> Decision:
        """Return the decision for the customer that was read, in the arms that are theirs."""
        origin = self._origin(who, reading.found)
        # The name that came first stays the same through links, so that the arms stay, too.
        person = reading.customer.first or origin
        arms = assigned(self.generation.catalog.experimentation, person, reading.now_ms)
        return deliberate(self.generation, request, reading, arms, decision_id, watch, origin, person)

    def _origin(self, who: Who, found: Found) -> Ref:
        """Return under which identity this is kept: the first one that is known, else the strongest."""
        if len(who.refs) == 1:  # the usual case
            return who.refs[0]
        if found.head is not None:
            return next(ref for ref in who.refs if ref not in found.unknown)
        ranks = map(self.people.naming.rank, who.names)
        return min(zip(ranks, range(len(who.refs)), who.refs, strict=True))[-1]


@dataclass(slots=True)
class _Asking:
    """One request on its way. All its tries are one decision: holds and reservations are known by its id."""

    decider: Decider
    request: DecisionRequest
    who: Who
    render: Render
    started_ns: int = field(default_factory=perf_counter_ns)
    decision_id: str = ""
    held: Set[str] = frozenset()

    async def tried_out(self) -> Answer:
        """Decide and leave no trace."""
        watch = Stopwatch()
        reading = await self._read("", watch)
        decision = self._deliberated(self.request, reading, watch)
        if self.request.explain >= ExplainLevel.FULL:
            decision = await self._explained(decision, watch)
        return Answer(self.render(decision), 0, decision)

    async def answered(self) -> Answer:
        """Decide, again if need be; from the second try on in line with others who ask about this person."""
        answer = await self._try(self.request) if MOST_TRIES else None
        if answer is not None:
            return answer
        async with self.decider.people.lock(self.who.refs[0]):
            for _ in range(MOST_TRIES - 1):
                answer = await self._try(self.request)
                if answer is not None:
                    return answer
        return await self._without_limited(Degradation.CUSTOMER_BUSY)

    async def _try(self, request: DecisionRequest, *degraded: Degradation) -> Answer | None:
        """Decide once; None where somebody else changed the person meanwhile."""
        watch = Stopwatch()
        reading = await self._read(request.request_id, watch)
        if reading.found.answer is not None:
            return await self._repeated(reading.found.answer)
        decision = await self._held(request, reading, watch)
        if request.explain >= ExplainLevel.FULL:
            decision = await self._explained(decision, watch)
        decision = self._finished(decision, degraded, sum(watch.laps_us))
        content = self.render(decision)
        record = DecisionRecord(decision, decision.origin, self.decider.legend)
        reservations = reservations_of(decision, self.decider.generation.rules)
        if reservations or request.request_id or request.audited:
            return await self._recorded(decision, reservations, content, record)
        self.decider.log.offer(record)  # the usual case: nothing to write before the answer
        return Answer(content, decision.timing.reserve_us, decision)

    async def _recorded(
        self,
        decision: Decision,
        reservations: tuple[Reservation, ...],
        content: bytes,
        record: DecisionRecord,
    ) -> Answer | None:
        """Write what the decision takes and what is remembered of it, and record it; None as in `_try`."""
        entry = record.entry() if self.request.audited else None
        committing_ns = perf_counter_ns()
        try:
            remembered = Remembered(self.request.body, content, entry)
            outcome = await self._committed(decision, reservations, remembered)
        except StateUnreadableError:
            return await self._without_limited(Degradation.STATE_UNREADABLE)
        if isinstance(outcome, bytes):
            await self._release(self.held)
            return await self._repeated(outcome)
        if outcome is Outcome.CHANGED:
            return None
        if entry is None:
            self.decider.log.offer(record)
        else:
            await self.decider.log.record(entry, self.decider.legend)
        reserve_us = decision.timing.reserve_us + _microseconds_since(committing_ns)
        return Answer(content, reserve_us, decision)

    async def _without_limited(self, degraded: Degradation) -> Answer:
        """Decide among actions that no cap counts: with nothing to reserve, no race can be lost."""
        rest = self.request.candidates & ~limited(self.decider.generation.rules)
        answer = await self._try(self.request._replace(candidates=rest), degraded)
        if answer is None:
            raise AssertionError("nothing was reserved, and still the customer was changed")
        return answer

    async def _read(self, request_id: str, watch: Stopwatch) -> Reading:
        generation, claim = self.decider.generation, None
        if request_id:
            ring, keep_ms = self.decider.people.naming.ring, generation.catalog.memory.hold_ms
            claim = Claim.of(ring, request_id, self.request.body, keep_ms)
        reading = await self.decider.customers.load(
            self.who.refs, request_id, generation.plan, self.who.names, claim
        )
        if not reading.claimed:
            raise ReusedRequestIdError
        self.decision_id = self.decision_id or self.decider.new_id(reading.now_ms)
        watch.lap()
        return reading

    def _deliberated(self, request: DecisionRequest, reading: Reading, watch: Stopwatch) -> Decision:
        return self.decider.deliberated(request, self.who, reading, self.decision_id, watch)

    async def _explained(self, decision: Decision, watch: Stopwatch) -> Decision:
        """Explain the propositions: on a thread, for others wait meanwhile."""
        watch.resume()
        explained = await asyncio.to_thread(explain, decision)
        watch.lap()
        return explained._replace(timing=Timing(*watch.laps_us))

    async def _held(self, request: DecisionRequest, reading: Reading, watch: Stopwatch) -> Decision:
        """Deliberate and hold what volume caps count; what others took last is left out, and so on."""
        generation, volumes = self.decider.generation, self.decider.volumes
        while True:
            decision = self._deliberated(request, reading, watch)
            if not generation.plan.capped:  # the usual case
                return decision
            wanted = volumes_of(decision, generation.rules)
            used_up = await volumes.hold(self.decision_id, wanted, reading.now_ms)
            self.held |= wanted.keys() - used_up
            if not used_up:
                await self._release(self.held - wanted.keys())
                return decision
            full = {action: volumes.caps[action] for action in used_up}
            reading = reading._replace(volumes={**(reading.volumes or {}), **full})
            watch.back_to_first()

    async def _release(self, actions: Set[str]) -> None:
        with suppress(StoreUnavailableError):  # then it is forgotten in its time
            await self.decider.volumes.release((action, self.decision_id) for action in sorted(actions))
        self.held -= actions

    def _finished(self, decision: Decision, degraded: Iterable[Degradation], spent_us: int) -> Decision:
        """Return the decision with what only the way to it can tell."""
        gap = [Degradation.AUDIT_GAP] if self.decider.log.gap_is_open else []
        reserve_us = max(0, _microseconds_since(self.started_ns) - spent_us)
        return decision._replace(
            degraded=tuple(dict.fromkeys((*decision.degraded, *degraded, *gap))),
            timing=decision.timing._replace(reserve_us=reserve_us),
        )

    async def _committed(
        self, decision: Decision, reservations: tuple[Reservation, ...], remembered: Remembered
    ) -> Outcome | bytes:
        request = self.request
        if not reservations and not request.request_id:
            return Outcome.WRITTEN
        return await self.decider.people.commit(
            Commit(
                found=decision.basis.reading.found,
                origin=decision.origin,
                name=self.who.names[self.who.refs.index(decision.origin)],
                reservations=reservations,
                request_id=request.request_id,
                answer=remembered.to_bytes() if request.request_id else b"",
                remember_ms=self.decider.generation.catalog.memory.hold_ms,
            )
        )

    async def _repeated(self, stored: bytes) -> Answer:
        """Return the answer that this question got before, after its record where that was wanted first."""
        remembered = Remembered.from_bytes(stored).for_body(self.request.body)
        if remembered.record is not None:
            await self.decider.log.record(remembered.record, self.decider.legend)
        return Answer(remembered.answer, None, None)


def _fresh_id(now_ms: int) -> str:
    """Return 32 hex digits: the time, so that ids sort by it, and 80 random bits."""
    return f"{now_ms:012x}{os.urandom(10).hex()}"


def _microseconds_since(started_ns: int) -> int:
    return (perf_counter_ns() - started_ns) // 1000
