"""Turns tallies into what Prometheus reads, when it does."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import version
from typing import Protocol

import grpc
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from nextbest_service.decisions.generation import Generation
from nextbest_service.metrics.families import add_durations, counter, gauge, histogram, items, samples
from nextbest_service.metrics.tallies import RANKED_BY, STATUSES, STEPS, Calls, Decisions, Tallies
from nextbest_service.reload.findings import Part
from nextbest_service.reload.health import Condition
from nextbest_service.reload.results import Outcome

FROM_ZERO = frozenset({grpc.StatusCode.INTERNAL, grpc.StatusCode.UNAVAILABLE})
"""Statuses that alerts wait for: a series that begins with its first call shows no growth."""


class Backlog(Protocol):
    """What waits to be written, for how much there is room, and what never will be: a decision log."""

    @property
    def room(self) -> int:
        """How many records may wait."""

    @property
    def waiting(self) -> int:
        """How many records are to be written yet."""

    @property
    def dropped(self) -> int:
        """How many records were lost since the start."""


class Switch(Protocol):
    """What is open where nobody should ask: a breaker."""

    @property
    def is_open(self) -> bool:
        """Whether it is open now."""

    @property
    def opened(self) -> int:
        """How often it has opened since the start."""


@dataclass(frozen=True, slots=True, eq=False)  # registries know collectors by their identity
class Exposition(Collector):
    """All series of one process.

    `generation` says what is served, None before there is anything.
    """

    tallies: Tallies
    backlog: Backlog
    started_at: float
    """Unix seconds."""
    generation: Callable[[], Generation | None]
    reloads: Mapping[Outcome, int] = field(default_factory=dict)
    """How often what is served was loaded anew, by how that ended; it grows meanwhile."""
    parts: Callable[[], Mapping[Part, Condition]] = dict
    """How the parts of the service are now."""
    breaker: Switch | None = None
    """What keeps decisions from waiting for a store that does not answer."""

    def collect(self) -> Iterable[Metric]:
        """Yield all series as they stand."""
        yield from _calls(self.tallies.calls)
        yield from _decisions(self.tallies.decisions)
        yield gauge("decision_log_waiting_records", "Decisions to be written yet", self.backlog.waiting)
        yield counter("decision_log_lost_records", "Decisions never to be written", self.backlog.dropped)
        yield gauge("decision_log_room_records", "Decisions that may wait at most", self.backlog.room)
        yield from samples(self.tallies.samples)
        yield from items(self.tallies.items)
        yield histogram("store_round_trip_seconds", "Replies of the store", self.tallies.round_trips)
        yield histogram("loop_lag_seconds", "How late the event loop is", self.tallies.loop_lag)
        yield gauge("start_time_seconds", "When the process started, Unix time", self.started_at)
        yield InfoMetricFamily("nextbest_build", "The program that serves", {"version": version("nextbest")})
        yield from _upkeep(self.reloads, self.parts())
        if self.breaker is not None:
            is_open, opened = self.breaker.is_open, self.breaker.opened
            yield gauge("store_breaker_open", "Whether the store is given up for the moment", is_open)
            yield counter("store_breaker_openings", "How often the store was given up", opened)
        generation = self.generation()
        if generation is not None:
            yield InfoMetricFamily("nextbest_generation", "What is served", _labels(generation))
            ranker = generation.champion.ranker
            if ranker is not None and ranker.created:
                trained_at = datetime.fromisoformat(ranker.created).timestamp()
                yield gauge("model_trained_time_seconds", "When the champion was trained", trained_at)


def _upkeep(reloads: Mapping[Outcome, int], parts: Mapping[Part, Condition]) -> Iterator[Metric]:
    counts = CounterMetricFamily("nextbest_reloads", "Reloads, by how they ended", labels=["result"])
    for outcome, count in reloads.items():
        counts.add_metric([outcome.value], count)
    yield counts
    health = GaugeMetricFamily(
        "nextbest_part_healthy", "Whether a part works: 0 where the last good one serves", labels=["part"]
    )
    for part, condition in sorted(parts.items()):
        health.add_metric([part.value], float(condition.healthy))
    yield health


def _labels(generation: Generation) -> dict[str, str]:
    versions, ranker = generation.versions, generation.champion.ranker
    return {
        "catalog": generation.catalog.name,
        "catalog_version": versions.catalog,
        "ruleset_version": versions.ruleset,
        "model_version": versions.model,
        "feature_spec_version": versions.feature_spec,
        "scorer": ranker.scorer.name if ranker else "",
    }


def _calls(calls: Mapping[str, Calls]) -> Iterator[Metric]:
    requests = CounterMetricFamily(
        "nextbest_requests", "Requests that were answered, by gRPC status", labels=["rpc", "status"]
    )
    durations = HistogramMetricFamily(
        "nextbest_request_duration_seconds", "From a request's bytes to its answer", labels=["rpc"]
    )
    under_way = GaugeMetricFamily(
        "nextbest_requests_under_way", "Requests that are not answered yet", labels=["rpc"]
    )
    streams = GaugeMetricFamily("nextbest_open_streams", "Streams of questions", labels=["rpc"])
    # Reading the metrics holds up answers: RPCs that nobody has called are left out.
    for name, made in calls.items():
        rpc = _short(name)
        for status, count in zip(STATUSES, [*made.statuses], strict=True):
            if count or status in FROM_ZERO:
                requests.add_metric([rpc, status.name], count)
        if any(made.statuses):
            add_durations(durations, [rpc], made.durations)
        if made.begun:
            under_way.add_metric([rpc], max(0, made.begun - sum(made.statuses)))
        if name.endswith("Stream"):
            streams.add_metric([rpc], made.open_streams)
    yield from (requests, durations, under_way, streams)


def _decisions(made: Decisions) -> Iterator[Metric]:
    kinds = CounterMetricFamily(
        "nextbest_decisions", "Decisions, dry runs included", labels=["selection_type", "customer"]
    )
    for customer, counts in (("known", made.known), ("unknown", made.unknown)):
        for ranked_by, count in zip(RANKED_BY, counts, strict=True):
            kinds.add_metric([ranked_by.value, customer], count)
    yield kinds
    yield counter("repeated_answers", "Questions that got the answer they had before", made.repeated)
    yield counter("stale_decisions", "Decisions for which a feature was too old", made.stale)
    degraded = CounterMetricFamily(
        "nextbest_degraded_decisions", "Decisions that are less good than they should be", labels=["reason"]
    )
    for reason, count in made.degraded.items():
        degraded.add_metric([reason], count)
    yield degraded
    steps = HistogramMetricFamily(
        "nextbest_decision_step_duration_seconds", "What a decision's steps take", labels=["step"]
    )
    for step, durations in zip(STEPS, made.steps, strict=True):
        add_durations(steps, [step], durations)
    add_durations(steps, ["reserve"], made.reserving)
    add_durations(steps, ["render"], made.rendering)
    yield steps


def _short(full_name: str) -> str:
    """Return service and RPC, as in `DecisionService/Decide`."""
    *_, service, rpc = full_name.split(".")
    return f"{service}/{rpc}"
