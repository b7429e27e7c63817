"""What is counted while calls are answered: integers in lists that were made before, and nothing else.

One event loop writes, so there are no locks; who reads from another thread may see a call half counted.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from time import perf_counter_ns
from typing import Self

import grpc
from google.protobuf.descriptor import ServiceDescriptor

from nextbest_service.decisions.decision import Decision, Degradation, SelectionType, Timing
from nextbest_service.metrics.durations import (
    CALL_BOUNDS_US,
    LAG_BOUNDS_US,
    ROUND_TRIP_BOUNDS_US,
    STEP_BOUNDS_US,
    Durations,
)
from nextbest_service.metrics.items import Items
from nextbest_service.metrics.samples import Samples

STATUSES = tuple(sorted(grpc.StatusCode, key=lambda status: status.value[0]))
"""Each at the place of its number."""
RANKED_BY = (SelectionType.STATIC, SelectionType.RANKED)
"""How whole decisions are ranked. What is pinned, explored or a fallback is single propositions."""
STEPS = tuple(name.removesuffix("_us") for name in Timing._fields if name != "reserve_us")
"""Those that every decision has timed, in the order of `Timing`."""
_REASONS = tuple(Degradation)
_RANKED = SelectionType.RANKED


class Calls:
    """The calls of one RPC. `statuses` has their number by that of the gRPC status.

    `begun` counts those under way, too, and `open_streams` is how many streams of questions there are.
    """

    __slots__ = ("begun", "durations", "open_streams", "statuses")

    def __init__(self) -> None:
        self.begun = 0
        self.open_streams = 0
        self.statuses = [0] * len(STATUSES)
        self.durations = Durations(CALL_BOUNDS_US)

    def add(self, status: int, started_ns: int) -> None:
        """Count a call that is over; it started then, by `perf_counter_ns`."""
        self.statuses[status] += 1
        self.durations.add((perf_counter_ns() - started_ns) // 1000)


class Decisions:
    """The decisions that were made, dry runs included.

    `known` and `unknown` count them by the place of their selection type in `RANKED_BY`, `steps` has their
    time by the steps of `STEPS`, `reserving` and `rendering` that of the last two. An answer is rendered
    again where somebody else changed the customer meanwhile.
    """

    __slots__ = ("degraded", "known", "rendering", "repeated", "reserving", "stale", "steps", "unknown")

    def __init__(self) -> None:
        self.known = [0] * len(RANKED_BY)
        self.unknown = [0] * len(RANKED_BY)
        self.repeated = 0
        self.stale = 0
        self.degraded = dict.fromkeys(map(str, _REASONS), 0)
        self.steps = tuple(Durations(STEP_BOUNDS_US) for _ in STEPS)
        self.reserving = Durations(STEP_BOUNDS_US)
        self.rendering = Durations(STEP_BOUNDS_US)

    def answered(self, decision: Decision | None, reserve_us: int | None) -> None:
        """Count a decision and the time of its last step; both are None where an answer was repeated."""
        if decision is None or reserve_us is None:
            self.repeated += 1
            return
        customers = self.known if decision.customer_known else self.unknown
        customers[decision.selection_type is _RANKED] += 1
        for step, spent_us in zip(self.steps, decision.timing, strict=False):
            step.counts[bisect_left(STEP_BOUNDS_US, spent_us)] += 1  # `add`, without the cost of a call
            step.total_us += spent_us
        self.reserving.add(reserve_us)
        if decision.stale_features:
            self.stale += 1
        for reason in decision.degraded:
            self.degraded[reason.value] += 1


@dataclass(frozen=True, slots=True)
class Tallies:
    """All that one process counts. `calls` are by the full names of RPCs.

    `round_trips` are those to the store, one at a time and line; `loop_lag` is how late the event loop was.
    """

    calls: Mapping[str, Calls]
    decisions: Decisions
    samples: Samples = field(default_factory=Samples)
    items: Items = field(default_factory=Items)
    round_trips: Durations = field(default_factory=lambda: Durations(ROUND_TRIP_BOUNDS_US))
    loop_lag: Durations = field(default_factory=lambda: Durations(LAG_BOUNDS_US))

    @classmethod
    def of(cls, services: Iterable[ServiceDescriptor]) -> Self:
        """Return tallies for all RPCs of some services, at zero."""
        names = (rpc.full_name for service in services for rpc in service.methods)
        return cls({name: Calls() for name in names}, Decisions())
