"""Turns tallies into what Prometheus reads, when it does."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from itertools import accumulate
from typing import Protocol

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from nextbest_service.decisions.generation import Generation
from nextbest_service.metrics.tallies import RANKED_BY, STATUSES, STEPS, Calls, Decisions, Durations, Tallies


class Backlog(Protocol):
    """What waits to be written, and what never will be: a decision log."""

    @property
    def waiting(self) -> int:
        """How many records are to be written yet."""

    @property
    def dropped(self) -> int:
        """How many records were lost since the start."""


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

    def collect(self) -> Iterable[Metric]:
        """Yield all series as they stand."""
        yield from _calls(self.tallies.calls)
        yield from _decisions(self.tallies.decisions)
        yield _gauge("decision_log_waiting_records", "Decisions to be written yet", self.backlog.waiting)
        yield _counter("decision_log_lost_records", "Decisions never to be written", self.backlog.dropped)
        yield _gauge("start_time_seconds", "When the process started, Unix time", self.started_at)
        yield InfoMetricFamily("nextbest_build", "The program that serves", {"version": version("nextbest")})
        generation = self.generation()
        if generation is not None:
            yield InfoMetricFamily("nextbest_generation", "What is served", _labels(generation))


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
    # Reading the metrics holds up answers: RPCs that nobody has called are left out.
    for name, made in calls.items():
        rpc = _short(name)
        for status, count in zip(STATUSES, [*made.statuses], strict=True):
            if count:
                requests.add_metric([rpc, status.name], count)
        if any(made.statuses):
            _add(durations, rpc, made.durations)
    yield requests
    yield durations


def _decisions(made: Decisions) -> Iterator[Metric]:
    kinds = CounterMetricFamily(
        "nextbest_decisions", "Decisions, dry runs included", labels=["selection_type", "customer"]
    )
    for customer, counts in (("known", made.known), ("unknown", made.unknown)):
        for ranked_by, count in zip(RANKED_BY, counts, strict=True):
            kinds.add_metric([ranked_by.value, customer], count)
    yield kinds
    yield _counter("repeated_answers", "Questions that got the answer they had before", made.repeated)
    yield _counter("stale_decisions", "Decisions for which a feature was too old", made.stale)
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
        _add(steps, step, durations)
    _add(steps, "reserve", made.reserving)
    _add(steps, "render", made.rendering)
    yield steps


def _add(family: HistogramMetricFamily, label: str, durations: Durations) -> None:
    bounds = [*(f"{bound / 1e6:g}" for bound in durations.bounds_us), "+Inf"]
    counts = accumulate([*durations.counts])
    family.add_metric([label], [*zip(bounds, counts, strict=True)], durations.total_us / 1e6)


def _counter(name: str, about: str, value: int) -> Metric:
    return CounterMetricFamily(f"nextbest_{name}", about, value)


def _gauge(name: str, about: str, value: float) -> Metric:
    return GaugeMetricFamily(f"nextbest_{name}", about, value)


def _short(full_name: str) -> str:
    """Return service and RPC, as in `DecisionService/Decide`."""
    *_, service, rpc = full_name.split(".")
    return f"{service}/{rpc}"
