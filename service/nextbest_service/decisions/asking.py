"""One question on its way: read, deliberate, reserve, remember, record. Who loses a race decides again.

Where the store does not answer, or the time does not suffice, the answer is a simpler one and says so.
"""

import asyncio
from collections.abc import Callable, Iterable, Set
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from dataclasses import dataclass, field
from time import perf_counter_ns
from typing import TYPE_CHECKING, TypeAlias

from nextbest_service.customers.naming import Who
from nextbest_service.customers.portion import Reservation
from nextbest_service.decision_log.decisions import DecisionRecord
from nextbest_service.decisions.decision import Decision, Degradation, Timing
from nextbest_service.decisions.deliberation import Stopwatch
from nextbest_service.decisions.explaining import explain
from nextbest_service.decisions.lower_rungs import Unseen, decide_unseen
from nextbest_service.decisions.pace import NEVER, Until, left_ns
from nextbest_service.decisions.remembered import Remembered, ReusedRequestIdError
from nextbest_service.decisions.request import DecisionRequest, ExplainLevel
from nextbest_service.decisions.reservations import limited, reservations_of, volumes_of
from nextbest_service.errors import AuditUnavailableError, StoreUnavailableError
from nextbest_service.store.claims import Claim
from nextbest_service.store.customers import Reading
from nextbest_service.store.found import Found
from nextbest_service.store.people import Commit, Outcome, StateUnreadableError

if TYPE_CHECKING:
    from nextbest_service.decisions.decider import Decider

MOST_TRIES = 20

Render: TypeAlias = Callable[[Decision], bytes]
"""Makes the answer as the caller gets it, once per decision."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the caller gets. Where it was made before and is only repeated, the rest is None."""

    content: bytes
    reserve_us: int | None
    decision: Decision | None


@dataclass(slots=True)
class Asking:
    """One request on its way. All its tries are one decision: holds and reservations are known by its id."""

    decider: "Decider"
    request: DecisionRequest
    who: Who
    render: Render
    until: Until
    started_ns: int = field(default_factory=perf_counter_ns)
    decision_id: str = ""
    held: Set[str] = frozenset()
    reading: Reading | None = None

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
        async with self._in_time(), self.decider.people.lock(self.who.refs[0]):
            for _ in range(MOST_TRIES - 1):
                answer = await self._try(self.request)
                if answer is not None:
                    return answer
        return await self._without_limited(Degradation.CUSTOMER_BUSY)

    def degraded(self, why: Degradation) -> Answer:
        """Answer without asking the store any more.

        Once the customer has been read that is a decision among the actions that no cap counts, for nothing
        can be reserved; else one of the lower rungs.

        Raises:
            AuditUnavailableError: the record is wanted first, and is kept in the same store.
        """
        if self.request.audited:
            raise AuditUnavailableError
        waited_us = _microseconds_since(self.started_ns)
        decision = self._unseen(why) if self.reading is None else self._unreserved(self.reading, why)
        decision = decision._replace(timing=decision.timing._replace(read_us=waited_us))
        decision = self._finished(decision, (why,), sum(decision.timing))
        content = self.render(decision)
        if not self.request.dry_run:
            self.decider.log.offer(DecisionRecord(decision, decision.origin, self.decider.legend))
        return Answer(content, decision.timing.reserve_us, decision)

    def _unreserved(self, reading: Reading, why: Degradation) -> Decision:
        watch = Stopwatch(hurried=why is Degradation.DEADLINE_SHORT)
        watch.lap()
        return self.decider.deliberated(self._uncapped(), self.who, reading, self.decision_id, watch)

    def _uncapped(self) -> DecisionRequest:
        """Return the question about actions that no cap counts."""
        rest = self.request.candidates & ~limited(self.decider.generation.rules)
        return self.request._replace(candidates=rest)

    def _unseen(self, why: Degradation) -> Decision:
        decider, who = self.decider, self.who
        now_ms = decider.customers.now_ms()
        self.decision_id = self.decision_id or decider.new_id(now_ms)
        last_known = decider.last_known
        unseen = Unseen(who.refs, last_known.of(who.refs), last_known.killed, now_ms)
        origin = decider.origin(who, Found(who.refs))
        return decide_unseen(decider.generation, self.request, unseen, why, self.decision_id, origin)

    def _in_time(self) -> AbstractAsyncContextManager[object]:
        """Return what ends a wait for others in time."""
        return nullcontext() if self.until == NEVER else asyncio.timeout(left_ns(self.until) / 1e9)

    async def _try(self, request: DecisionRequest, *degraded: Degradation) -> Answer | None:
        """Decide once; None where somebody else changed the person meanwhile."""
        watch = Stopwatch()
        reading = await self._read(request.request_id, watch)
        if reading.found.answer is not None:
            return await self._repeated(reading.found.answer)
        if not reading.writable:
            raise StoreUnavailableError("the customer store has no room at present")
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
        self.decider.last_known.remember(decision.origin, decision.placements)
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
        self.decider.last_known.remember(decision.origin, decision.placements)
        reserve_us = decision.timing.reserve_us + _microseconds_since(committing_ns)
        return Answer(content, reserve_us, decision)

    async def _without_limited(self, degraded: Degradation) -> Answer:
        """Decide among actions that no cap counts: with nothing to reserve, no race can be lost."""
        answer = await self._try(self._uncapped(), degraded)
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
        self.reading, self.decider.last_known.killed = reading, reading.killed
        return reading

    def _deliberated(self, request: DecisionRequest, reading: Reading, watch: Stopwatch) -> Decision:
        pace = self.decider.pace
        watch.hurried = not pace.suffices(left_ns(self.until))
        decision = self.decider.deliberated(request, self.who, reading, self.decision_id, watch)
        if not watch.hurried:
            timing = decision.timing
            pace.took(timing.screen_us + timing.score_us + timing.arbitrate_us)
        return decision

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


def _microseconds_since(started_ns: int) -> int:
    return (perf_counter_ns() - started_ns) // 1000
