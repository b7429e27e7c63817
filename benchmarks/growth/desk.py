"""A decider on one world, its customers, and what a decision about them takes."""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, cast

from benchmarks.growth.catalog_files import NAMESPACE, PLACEMENT
from benchmarks.growth.people import Society, name_of
from benchmarks.growth.worlds import World
from nextbest.v1 import decision_pb2, identity_pb2
from nextbest_models.affinity import AffinityKeys
from nextbest_service.api.decision_servicer import DecisionServicer
from nextbest_service.api.read_request import read_request
from nextbest_service.api.refusals import Context
from nextbest_service.clock import FixedClock
from nextbest_service.composition import build_serving
from nextbest_service.decision_log.log import DecisionLog
from nextbest_service.decisions.decider import Decider
from nextbest_service.store.connection import Store, SyncClient
from nextbest_service.store.keys import person_key
from nextbest_service.store.registry import register_affinity_keys
from nextbest_service.store.writer import write_persons

TIMEOUT_MS = 30_000
"""Nobody waits for an answer here, and a busy machine must not end the run."""
TOGETHER, GROUPS, ALONE = 8, 5, 8
PEOPLE = TOGETHER * GROUPS + ALONE
"""Who is asked about in one pass; each once, for a decision leaves something behind."""
EVERY_LEVEL = 1_000
STAGES = ("read_us", "screen_us", "score_us", "arbitrate_us", "reserve_us", "render_us")
_NO_CALL = cast(Context, None)
"""Servicers only translate: nothing of a call is asked for."""


class Taken(NamedTuple):
    """What a decision took, in microseconds.

    `cpu_us` is this process's CPU time where eight callers ask at a time, what is written behind the answers
    included. `alone_us` is by the clock, for a caller who asks alone, as the answer tells; `alone_cpu_us` is
    how much of the CPU it takes, and `stages_us` what it is made of.
    """

    cpu_us: float
    alone_us: float
    alone_cpu_us: float
    stages_us: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Place:
    """Where deciders live: one store, one decision log."""

    store: Store
    client: SyncClient
    log: DecisionLog


@dataclass(frozen=True, slots=True)
class Desk:
    """A decider, and the customers it is asked about."""

    decider: Decider
    society: Society
    client: SyncClient

    @classmethod
    def open(cls, world: World, place: Place, contacts: int) -> "Desk":
        """Return a desk whose customers have some contacts behind them and get at every action."""
        serving = build_serving(world.parts, place.client, place.store, FixedClock(world.clock_ms), place.log)
        generation = serving.decider.generation
        affinities = AffinityKeys(register_affinity_keys(place.client, ()).keys)
        society = Society(
            generation.catalog.actions, generation.online, affinities, world.clock_ms, contacts, EVERY_LEVEL
        )
        return cls(serving.decider, society, place.client)

    async def with_survivors(self, wanted: int) -> "Desk":
        """Return the same desk with customers for whom the rules leave about so many actions, if they can."""
        everything = replace(self, society=replace(self.society, reach=EVERY_LEVEL))
        most = await everything.survivors()
        reach = max(1, min(EVERY_LEVEL, round(EVERY_LEVEL * wanted / most)))
        return replace(self, society=replace(self.society, reach=reach))

    async def survivors(self) -> float:
        """Return how many actions the rules leave to score, on average."""
        self.seat()
        rules = self.decider.generation.rules
        asked = [read_request(question(number), rules, audited=False) for number in range(PEOPLE)]
        planned = await self.decider.plan(asked, [f"{number:032x}" for number in range(PEOPLE)])
        return statistics.mean(len(decision.basis.factors.rows) for decision in planned)

    def seat(self) -> None:
        """Put the customers into the store as they were before anybody asked."""
        codec = self.decider.people.codec
        persons = (self.society.person(codec.ring, number) for number in range(PEOPLE))
        for _ in write_persons(self.client, codec, persons, self.society.now_ms):
            pass

    def unseat(self) -> None:
        """Take the customers out of the store."""
        ring = self.decider.people.codec.ring
        self.client.delete(*(person_key(ring.ref(name_of(number))) for number in range(PEOPLE)))

    async def measure(self) -> Taken:
        """Ask about every customer once, message in and bytes out, and return what one decision took."""
        self.seat()
        servicer = DecisionServicer(lambda: self.decider)

        def ask(number: int) -> Awaitable[bytes]:
            return servicer.decide(question(number), _NO_CALL)

        started = time.process_time_ns()
        for first in range(0, TOGETHER * GROUPS, TOGETHER):
            await asyncio.gather(*(ask(number) for number in range(first, first + TOGETHER)))
        await self.decider.log.flush()
        cpu_us = (time.process_time_ns() - started) / 1e3 / (TOGETHER * GROUPS)
        started = time.process_time_ns()
        answers = [await ask(number) for number in range(TOGETHER * GROUPS, PEOPLE)]
        alone_cpu_us = (time.process_time_ns() - started) / 1e3 / ALONE
        timings = [decision_pb2.DecideResponse.FromString(answer).timing for answer in answers]
        stages = {it: _median(timings, it) for it in STAGES}
        return Taken(cpu_us, _median(timings, "total_us"), alone_cpu_us, stages)


def question(number: int) -> decision_pb2.DecideRequest:
    """Return what is asked about a customer: three propositions with content."""
    return decision_pb2.DecideRequest(
        identities=[identity_pb2.Identity(namespace=NAMESPACE, id=name_of(number).id)],
        placements=[decision_pb2.PlacementRequest(id=PLACEMENT, limit=3)],
        include_content=True,
    )


def _median(timings: Sequence[decision_pb2.Timing], step: str) -> float:
    return statistics.median(getattr(timing, step) for timing in timings)
