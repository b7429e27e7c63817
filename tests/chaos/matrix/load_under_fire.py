"""Callers who ask and tell all the time, by the documented retries, and keep every acknowledgement."""

import asyncio
import itertools
import random
import threading
import time
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import grpc
import grpc.aio
from acks import Contact, Customer, Decided, Failed, Shown, Told
from documented_retries import OPTIONS
from google.rpc import error_details_pb2, status_pb2
from service_calls import SOUND, event, identity, outcome

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

CALLERS, AT_A_TIME, TURNS_EACH = 4, 4, 8
EVERY_SO_OFTEN = 4
THINKING_SECONDS = 0.02
PAUSE_SECONDS = 0.1
MOST_AT_ONCE = 50
DEADLINE_SECONDS = 5.0
PATIENCE_SECONDS = 90.0
USUAL = frozenset({"MODEL_UNAVAILABLE"})
"""This catalog is served without a model."""
_RUNGS = {
    number: name.removeprefix("DEGRADATION_RUNG_") for name, number in decision_pb2.DegradationRung.items()
}


@dataclass
class Load:
    """Callers at one address. A few customers are asked about at a time, by all of them.

    Those who have `turned` are asked about again and again.
    """

    address: str
    customers: Sequence[Customer]
    decided: list[Decided] = field(default_factory=list)
    failed: list[Failed] = field(default_factory=list)
    turned: Sequence[Customer] = ()
    told: dict[Customer, Told] = field(default_factory=lambda: defaultdict(Told))
    _turns: "itertools.count[int]" = field(default_factory=itertools.count)
    _stopping: threading.Event = field(default_factory=threading.Event)
    _died: list[BaseException] = field(default_factory=list)

    @contextmanager
    def going_on(self) -> Iterator["Load"]:
        """Keep all callers busy until the end of the context; what was begun is brought to its end."""
        thread = threading.Thread(target=self._run)
        thread.start()
        try:
            yield self
        finally:
            self._stopping.set()
            thread.join(PATIENCE_SECONDS + DEADLINE_SECONDS)
        assert not thread.is_alive(), "a caller is still waiting"
        if self._died:
            raise self._died[0]

    def check(self) -> None:
        """Raise what ended the callers, if anything did."""
        if self._died:
            raise self._died[0]

    def _run(self) -> None:
        async def all_of_them() -> None:
            await asyncio.gather(*(self._call() for _ in range(CALLERS)))

        try:
            asyncio.run(all_of_them())
        except BaseException as error:  # told where the test can see it
            self._died.append(error)

    async def _call(self) -> None:
        dice = random.Random(11)
        async with grpc.aio.insecure_channel(self.address, options=OPTIONS) as channel:
            caller = _Caller(channel, self)
            telling = asyncio.create_task(caller.tell())
            while not self._stopping.is_set():
                turn = next(self._turns)
                await caller.ask(self._somebody(turn, dice), f"{self.customers[0].name}-{turn}")
                await asyncio.sleep(THINKING_SECONDS)
            caller.has_asked = True
            await telling

    def _somebody(self, turn: int, dice: random.Random) -> Customer:
        if self.turned and turn % EVERY_SO_OFTEN == 0:
            return dice.choice(self.turned)
        return self.customers[(turn // TURNS_EACH + dice.randrange(AT_A_TIME)) % len(self.customers)]


class _Outgoing(NamedTuple):
    """What is still to be told of a customer, and what to note once it is acknowledged."""

    customer: Customer
    outcomes: Sequence[outcome_pb2.Outcome]
    contacts: Sequence[Contact]
    events: Sequence[event_pb2.Event]


@dataclass
class _Caller:
    """Asks, and tells what became of the answers behind its own back: nobody waits for an acknowledgement."""

    channel: grpc.aio.Channel
    load: Load
    has_asked: bool = False
    outgoing: "deque[_Outgoing]" = field(default_factory=deque)

    def __post_init__(self) -> None:
        self.decisions = decision_pb2_grpc.DecisionServiceStub(self.channel)
        self.customers = customer_pb2_grpc.CustomerServiceStub(self.channel)
        self.outcomes = outcome_pb2_grpc.OutcomeServiceStub(self.channel)

    async def ask(self, customer: Customer, request_id: str) -> None:
        """Ask about somebody; what became of the answer and two orders are to be told."""
        answer = await self._decide(customer, request_id)
        shown = answer.placements[0].propositions if answer else []
        kinds = [(it, "DISPLAYED") for it in shown] + [(it, "CLICKED") for it in shown[:1]]
        who, now_ms = identity("customer", customer.name), time.time_ns() // 1_000_000
        self.outgoing.append(
            _Outgoing(
                customer,
                [outcome(it.token, kind) for it, kind in kinds],
                [(answer.decision_id, it.action_id, kind) for it, kind in kinds] if answer else [],
                [event(who, "order.placed", now_ms) for _ in "ab"],
            )
        )

    async def tell(self) -> None:
        """Tell what is to be told, until nothing is left and nothing will come."""
        while self.outgoing or not self.has_asked:
            some = [self.outgoing.popleft() for _ in range(min(MOST_AT_ONCE, len(self.outgoing)))]
            outcomes = [it for one in some for it in one.outcomes]
            await self._told(outcomes, "ReportOutcomes", self._report_once)
            await self._told([it for one in some for it in one.events], "TrackEvents", self._track)
            for one in some:
                told = self.load.told[one.customer]
                told.contacts.update(one.contacts)
                told.orders += len(one.events)
            await asyncio.sleep(THINKING_SECONDS)

    async def _decide(self, customer: Customer, request_id: str) -> decision_pb2.DecideResponse | None:
        request = decision_pb2.DecideRequest(
            request_id=request_id,
            identities=[identity("customer", customer.name)],
            placements=[decision_pb2.PlacementRequest(id="home")],
            include_content=True,
        )
        began = time.monotonic()
        try:
            answer = await self.decisions.Decide(request, timeout=DEADLINE_SECONDS)
        except grpc.aio.AioRpcError as error:
            self._failed("Decide", error, began)
            return None
        self.load.decided.append(_decided(customer, answer, began))
        return answer

    async def _told(
        self,
        items: Sequence[Any],
        rpc: str,
        once: Callable[[Sequence[Any]], Awaitable[Sequence[error_pb2.ItemResult]]],
    ) -> None:
        """Send items, and those without an acknowledgement again, as they are."""
        rest, until = items, time.monotonic() + PATIENCE_SECONDS
        while rest:
            began = time.monotonic()
            assert began < until, f"{rpc} is not acknowledged"
            try:
                results = await once(rest)
            except grpc.aio.AioRpcError as error:
                self._failed(rpc, error, began)
            else:
                rest = [
                    item for item, it in zip(rest, results, strict=True) if not self._is_sound(rpc, it, began)
                ]
            if rest:
                await asyncio.sleep(PAUSE_SECONDS)

    async def _track(self, events: Sequence[event_pb2.Event]) -> Sequence[error_pb2.ItemResult]:
        request = customer_pb2.TrackEventsRequest(events=events)
        return (await self.customers.TrackEvents(request, timeout=DEADLINE_SECONDS)).results

    async def _report_once(self, outcomes: Sequence[outcome_pb2.Outcome]) -> Sequence[error_pb2.ItemResult]:
        request = outcome_pb2.ReportOutcomesRequest(outcomes=outcomes)
        return (await self.outcomes.ReportOutcomes(request, timeout=DEADLINE_SECONDS)).results

    def _is_sound(self, rpc: str, result: error_pb2.ItemResult, began: float) -> bool:
        if result.status in SOUND:
            return True
        code = next(it for it in grpc.StatusCode if it.value[0] == result.error.code)
        self.load.failed.append(Failed(rpc, code.name, result.error.reason, began, time.monotonic()))
        return False

    def _failed(self, rpc: str, error: grpc.aio.AioRpcError, began: float) -> None:
        reason = _reason(error)
        self.load.failed.append(Failed(rpc, error.code().name, reason, began, time.monotonic()))


def _reason(error: grpc.aio.AioRpcError) -> str:
    raw = dict(error.trailing_metadata() or ()).get("grpc-status-details-bin", b"")
    assert isinstance(raw, bytes)
    info = error_details_pb2.ErrorInfo()
    return next((info.reason for it in status_pb2.Status.FromString(raw).details if it.Unpack(info)), "")


def _decided(customer: Customer, answer: decision_pb2.DecideResponse, began: float) -> Decided:
    shown = answer.placements[0].propositions
    rungs = [it.rung for it in answer.degraded]
    return Decided(
        customer=customer,
        decision_id=answer.decision_id,
        shown=tuple(
            Shown(it.action_id, it.parameters["tag"].string_value if it.parameters else "") for it in shown
        ),
        rung=_RUNGS[max(rungs, default=0)],
        degraded=frozenset(it.reason for it in answer.degraded) - USUAL,
        began=began,
        ended=time.monotonic(),
    )
