"""A steady load: independent callers at a given rate, who keep every acknowledgement.

Calls go out when a plan says, however slow the answers are, and latency counts from the planned moment. Each
customer is asked about a few times; what was answered is judged then, and what was acknowledged is kept.
"""

import asyncio
import itertools
import random
import threading
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

import grpc.aio
import invariants
from acks import Contact, Customer, Decided, Kind, Shown, Told
from acts_of_callers import Acts
from documented_retries import OPTIONS
from service_calls import event, identity, outcome

from nextbest.v1 import decision_pb2, event_pb2, outcome_pb2

CHANNELS = 4
CLOSED_CALLERS = 32
AT_A_TIME, TURNS_EACH = 64, 8
AHEAD, BATCH = 256, 64
TELLERS, TURNS_TOLD_AT_ONCE = 4, 10
MOST_UNDER_WAY = 4_000
"""Beyond it callers would be out of memory before the service is; they count as failed."""
STOP_SECONDS = 120.0


class Asked(NamedTuple):
    """One question: monotonic seconds, its gRPC code, whether the answer fell short of nothing."""

    planned: float
    ended: float
    code: str
    is_full: bool


RULES = (
    invariants.exceeded_caps,
    partial(invariants.shown_against_rules, turned={}),
    invariants.crossed,
)
"""What must hold of all that was answered about a customer."""


@dataclass(eq=False)
class _Customer:
    """A customer whose turn it is."""

    who: Customer
    turns: int = 0
    open: int = 0
    told: Told = field(default_factory=Told)
    decided: list[Decided] = field(default_factory=list)


class _Telling(NamedTuple):
    """What is to be told of one answer, and what is noted once it is acknowledged."""

    of: _Customer
    outcomes: Sequence[outcome_pb2.Outcome]
    contacts: Sequence[Contact]
    events: Sequence[event_pb2.Event]
    acknowledged: "asyncio.Future[None]"


@dataclass
class SteadyLoad:
    """Callers at one address. `rate` is in turns per second: a question, its outcomes, an event; 0 is none.

    `wrong` are answers that break an invariant; `told` is what was acknowledged of customers who are done.
    """

    address: str
    rate: float = 0.0
    asked: list[Asked] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    told: dict[Customer, Told] = field(default_factory=dict)
    versions: Counter[str] = field(default_factory=Counter)
    short: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    _active: list[_Customer] = field(default_factory=list)
    _ready: "deque[_Customer]" = field(default_factory=deque)
    _telling: "asyncio.Queue[_Telling]" = field(default_factory=asyncio.Queue)
    _acknowledged: int = 0
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)
    _introduced: "itertools.count[int]" = field(default_factory=itertools.count)
    _dice: random.Random = field(default_factory=lambda: random.Random(11))
    _stopping: threading.Event = field(default_factory=threading.Event)
    _died: list[BaseException] = field(default_factory=list)
    _started: threading.Event = field(default_factory=threading.Event)
    _loop: asyncio.AbstractEventLoop | None = None

    @contextmanager
    def going_on(self) -> Iterator["SteadyLoad"]:
        """Let callers call until the end of the context; what was begun is brought to its end."""
        thread = threading.Thread(target=self._run)
        thread.start()
        try:
            while not self._started.wait(0.1):
                self.check()
            yield self
        finally:
            self._stopping.set()
            thread.join(STOP_SECONDS)
        assert not thread.is_alive(), "a caller is still waiting"
        self.check()

    def check(self) -> None:
        """Raise what ended the callers, if anything did."""
        if self._died:
            raise self._died[0]

    def peak(self, seconds: float) -> float:
        """Return how many turns per second come to their end where callers wait for their turn."""
        assert self._loop is not None
        return asyncio.run_coroutine_threadsafe(self._closed(seconds), self._loop).result(seconds + 60.0)

    def _run(self) -> None:
        try:
            asyncio.run(self._all())
        except BaseException as error:  # told where the run can see it
            self._died.append(error)

    async def _all(self) -> None:
        self._loop = asyncio.get_running_loop()
        channels = [grpc.aio.insecure_channel(self.address, options=OPTIONS) for _ in range(CHANNELS)]
        self._acts = [Acts(it, self.refused) for it in channels]
        tellers = [asyncio.create_task(self._tell(number)) for number in range(TELLERS)]
        await self._introduce()
        introducing = asyncio.create_task(self._keep_introducing())
        for task in (*tellers, introducing):
            task.add_done_callback(self._noted)
        self._active = [self._ready.popleft() for _ in range(AT_A_TIME)]
        self._started.set()
        try:
            under_way = await self._open()
            while under_way and not self._died:
                await asyncio.sleep(0.02)
        finally:
            for task in (*tellers, introducing):
                task.cancel()
            for one in self._active:
                self._finish(one)
            for channel in channels:
                await channel.close()

    async def _open(self) -> "set[asyncio.Task[None]]":
        planned = time.monotonic()
        under_way = set[asyncio.Task[None]]()
        while not self._stopping.is_set() and not self._died:
            if not self.rate:
                await asyncio.sleep(0.02)
                planned = time.monotonic()
                continue
            planned += self._dice.expovariate(self.rate)
            if (wait := planned - time.monotonic()) > 0:
                await asyncio.sleep(wait)
            if len(under_way) > MOST_UNDER_WAY:
                self.asked.append(Asked(planned, time.monotonic(), "NOT_SENT", is_full=False))
                continue
            task = asyncio.create_task(self._turn(planned))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
            task.add_done_callback(self._noted)
        return under_way

    async def _closed(self, seconds: float) -> float:
        began, before = time.monotonic(), self._acknowledged
        until = began + seconds

        async def caller() -> None:
            while time.monotonic() < until:
                await self._turn(time.monotonic(), notes=False)

        await asyncio.gather(*(caller() for _ in range(CLOSED_CALLERS)))
        return (self._acknowledged - before) / (time.monotonic() - began)

    async def _turn(self, planned: float, *, notes: bool = True) -> None:
        one = self._next_customer()
        one.turns += 1
        one.open += 1
        number = next(self._numbers)
        answer, code = await self._asked(one, number)
        if notes:
            full = answer is not None and not answer.degraded
            self.asked.append(Asked(planned, time.monotonic(), code, full))
        telling = self._to_tell(one, answer)
        self._telling.put_nowait(telling)
        await telling.acknowledged
        self._acknowledged += 1
        one.open -= 1
        if one.turns >= TURNS_EACH and not one.open and one not in self._active:
            self._finish(one)

    async def _asked(self, one: _Customer, number: int) -> tuple[decision_pb2.DecideResponse | None, str]:
        began = time.monotonic()
        try:
            answer = await self._acts[number % CHANNELS].decide(one.who, f"turn-{number}")
        except grpc.aio.AioRpcError as error:
            return None, error.code().name
        one.decided.append(_decided(one.who, answer, began))
        self.versions[answer.versions.catalog] += 1
        self.short.update({it.reason for it in answer.degraded})
        return answer, "OK"

    def _to_tell(self, one: _Customer, answer: decision_pb2.DecideResponse | None) -> _Telling:
        shown = answer.placements[0].propositions if answer else []
        kinds = [(it, "DISPLAYED") for it in shown if it.action_id in invariants.CAPPED]
        kinds += [(it, "CLICKED") for it in shown[:1]]
        return _Telling(
            one,
            [outcome(it.token, kind) for it, kind in kinds],
            [(answer.decision_id, it.action_id, kind) for it, kind in kinds] if answer else [],
            [event(identity("customer", one.who.name), "order.placed", time.time_ns() // 1_000_000)],
            asyncio.get_running_loop().create_future(),
        )

    async def _tell(self, number: int) -> None:
        acts = self._acts[number % CHANNELS]
        while True:
            some = [await self._telling.get()]
            while not self._telling.empty() and len(some) < TURNS_TOLD_AT_ONCE:
                some.append(self._telling.get_nowait())
            await acts.report([it for one in some for it in one.outcomes])
            await acts.track([it for one in some for it in one.events])
            for it in some:
                it.of.told.contacts.update(it.contacts)
                it.of.told.orders += len(it.events)
                it.acknowledged.set_result(None)

    def _next_customer(self) -> _Customer:
        place = self._dice.randrange(AT_A_TIME)
        one = self._active[place]
        if one.turns >= TURNS_EACH and self._ready:
            self._active[place] = self._ready.popleft()
            if not one.open:
                self._finish(one)
            one = self._active[place]
        return one

    def _finish(self, one: _Customer) -> None:
        """Judge all that was answered about a customer, and keep only what the store must have."""
        for rule in RULES:
            self.wrong += rule(one.decided)
        one.decided.clear()
        self.told[one.who] = one.told

    async def _introduce(self) -> None:
        while len(self._ready) < AHEAD:
            kinds = [*Kind]
            numbers = [next(self._introduced) for _ in range(BATCH)]
            some = [Customer(f"c{number}", kinds[number % len(kinds)]) for number in numbers]
            await self._acts[0].introduce(some)
            self._ready += [_Customer(it) for it in some]

    async def _keep_introducing(self) -> None:
        while True:
            await self._introduce()
            await asyncio.sleep(0.05)

    def _noted(self, task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and (error := task.exception()):
            self._died.append(error)


def _decided(customer: Customer, answer: decision_pb2.DecideResponse, began: float) -> Decided:
    return Decided(
        customer=customer,
        decision_id=answer.decision_id,
        shown=tuple(
            Shown(it.action_id, it.parameters["tag"].string_value if it.parameters else "")
            for it in answer.placements[0].propositions
        ),
        rung="/".join(decision_pb2.DegradationRung.Name(it.rung) for it in answer.degraded),
        degraded=frozenset(it.reason for it in answer.degraded),
        began=began,
        ended=time.monotonic(),
    )
