"""A soak from its start to its record: the steady load, and beside it reloads, faults and samples in turn."""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import grpc.aio
import invariants
import numpy as np
from acks import Customer, Held, Told
from acts_of_callers import Acts
from soak_doings import FAULTS, Reloads
from soak_records import Mark, Questions, Record
from soak_sampling import Sampler
from soaked_world import World, soaked_world
from steady_load import Asked, SteadyLoad

from benchmarks.load.machine import facts

WARM_SECONDS, PEAK_SECONDS = 3.0, 6.0
LOOKED_UP_AT_ONCE = 16
TOLD_CHARACTERS = 2_000
Said = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """How long, how hard, and how often what is done. All in seconds; `load` is a share of the peak."""

    seconds: float
    load: float = 0.5
    fault_every: float = 120.0
    reload_every: float = 30.0
    sample_every: float = 5.0


def soaked(root: Path, plan: Plan, said: Said) -> Record:
    """Soak a service and return the record; Ctrl-C ends the load early."""
    with soaked_world(root) as world:
        load = SteadyLoad(world.service.address)
        with load.going_on():
            load.peak(WARM_SECONDS)
            peak = load.peak(PEAK_SECONDS)
            load.rate = plan.load * peak
            said(f"peak {peak:,.0f} turns/s, from now on {load.rate:,.0f} turns/s for {plan.seconds:g} s")
            doing = _Doing(world, load, plan, said)
            doing.until_done()
            ended = time.monotonic()
        said("looking up what was acknowledged")
        violations = [*load.wrong, *_not_as_told(world, load.told)]
        violations += [
            f"{count} answers of an unknown catalog {it}"
            for it, count in load.versions.items()
            if it not in doing.reloads.known
        ]
        if (code := world.service.stop()) != 0:
            violations.append(f"the service ended with {code}")
        log = world.service.log()
        if (place := log.find("Traceback")) >= 0:
            violations.append(f"there is a traceback in the log: {log[place : place + TOLD_CHARACTERS]}")
        return Record(
            seconds=ended - doing.began,
            peak=peak,
            rate=plan.load * peak,
            samples=doing.sampler.samples,
            marks=sorted(doing.marks, key=lambda it: it.began),
            questions=_questions(load.asked, doing.began),
            violations=violations,
            kept=sum(told.contacts.total() + told.orders for told in load.told.values()),
            customers=len(load.told),
            refused=load.refused,
            facts={
                **facts(),
                "answers short of": dict(load.short),
                "not answered": Counter(it.code for it in load.asked if it.code != "OK"),
            },
        )


@dataclass
class _Doing:
    """What goes on beside the load, each in a thread of its own."""

    world: World
    load: SteadyLoad
    plan: Plan
    said: Said
    marks: list[Mark] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)
    _died: list[BaseException] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.began = time.monotonic()
        self.sampler = Sampler(self.world, self.began)
        answer = self.world.reload()  # nothing has changed: it tells what serves
        self.reloads = Reloads(self.world, {answer.versions.catalog}, answer.versions.catalog)

    def until_done(self) -> None:
        """Return at the end of the plan, or at Ctrl-C once what was begun is done."""
        plan = self.plan
        first = plan.fault_every - plan.reload_every / 6  # between two reloads
        with ExitStack() as going_on:
            going_on.enter_context(self._repeated(self._sample, plan.sample_every, 0.0))
            going_on.enter_context(self._repeated(self._reload, plan.reload_every, plan.reload_every / 4))
            going_on.enter_context(self._repeated(self._fault, plan.fault_every, first))
            try:
                while self._now() < plan.seconds and not self._died:
                    self.load.check()
                    assert self.world.service.process.poll() is None, self.world.service.log()[-2000:]
                    time.sleep(0.1)
            except KeyboardInterrupt:
                self.said("interrupted: the report is of what was until now")
            finally:
                self._over.set()
        if self._died:
            raise self._died[0]

    def _now(self) -> float:
        return time.monotonic() - self.began

    @contextmanager
    def _repeated(self, do: Callable[[], None], every: float, first: float) -> Iterator[None]:
        """Do something at regular moments until it is over; what is late is left out."""

        def run() -> None:
            due = first
            try:
                while not self._over.wait(max(0.0, due - self._now())):
                    do()
                    due += every * (1 + max(0.0, self._now() - due) // every)
            except BaseException as error:  # told where the run can see it
                self._died.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield
        finally:
            thread.join()

    def _sample(self) -> None:
        self.sampler.look()
        if len(self.sampler.samples) % 12 == 1:
            self.said(self._progress())

    def _progress(self) -> str:
        one, asked = self.sampler.samples[-1], self.load.asked
        failed = sum(it.code != "OK" for it in asked)
        short = sum(not it.is_full for it in asked) - failed
        return (
            f"{one.at:6.0f} s  {len(asked):,} asked, {failed} failed, {short} short  "
            f"{one.rss:.1f} MiB, store {one.store_rss:.0f}  {one.fds} files  {one.threads} threads  "
            f"loop late {one.lag_ms:.1f} ms  {len(self.load.wrong)} violations"
        )

    def _reload(self) -> None:
        if self._now() > self.plan.seconds - 2.0:
            return
        what, began = "broken reload" if self.reloads.next_is_broken else "good reload", self._now()
        wrong = self.reloads.reload()
        self._marked(Mark(what, "", began, self._now(), wrong))

    def _fault(self) -> None:
        if self._now() > self.plan.seconds - self.plan.fault_every / 4:
            return  # nothing could be seen of its end
        fault = FAULTS[sum(it.what == "fault" for it in self.marks) % len(FAULTS)]
        began = self._now()
        fault.inflict(self.world, self.load)
        self._marked(Mark("fault", fault.name, began, self._now()))

    def _marked(self, mark: Mark) -> None:
        self.marks.append(mark)
        self.said(
            f"{mark.began:6.0f} s  {mark.what} {mark.name}, {mark.ended - mark.began:.1f} s {mark.wrong}"
        )


def _questions(asked: list[Asked], began: float) -> Questions:
    ordered = sorted(asked)
    return Questions(
        planned=np.array([it.planned for it in ordered]) - began,
        ended=np.array([it.ended for it in ordered]) - began,
        ok=np.array([it.code == "OK" for it in ordered], dtype=bool),
        full=np.array([it.is_full for it in ordered], dtype=bool),
    )


def _not_as_told(world: World, told: dict[Customer, Told]) -> list[str]:
    """Return in what the store differs from what was acknowledged, customer by customer."""
    held: dict[str, Held] = {}

    async def look_up() -> None:
        async with grpc.aio.insecure_channel(world.service.address) as channel:
            acts, rest = Acts(channel), iter(told)

            async def next_ones() -> None:
                for customer in rest:
                    held[customer.name] = Held.of(await acts.view(customer))

            await asyncio.gather(*(next_ones() for _ in range(LOOKED_UP_AT_ONCE)))

    asyncio.run(look_up())
    return [*invariants.lost_or_doubled(told, held), *invariants.exceeded_in_store(held)]
