"""Families of series, made of what was counted."""

from collections.abc import Iterator, Sequence
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from nextbest_service.metrics.durations import Durations
from nextbest_service.metrics.items import FATES, Items
from nextbest_service.metrics.samples import Samples


def counter(name: str, about: str, value: int) -> Metric:
    """Return a counter without labels."""
    return CounterMetricFamily(f"nextbest_{name}", about, value)


def gauge(name: str, about: str, value: float) -> Metric:
    """Return a gauge without labels."""
    return GaugeMetricFamily(f"nextbest_{name}", about, value)


def histogram(name: str, about: str, durations: Durations) -> Metric:
    """Return a histogram without labels."""
    family = HistogramMetricFamily(f"nextbest_{name}", about, labels=[])
    add_durations(family, [], durations)
    return family


def add_durations(family: HistogramMetricFamily, labels: Sequence[str], durations: Durations) -> None:
    """Add one histogram to its family."""
    bounds = [*(f"{bound / 1e6:g}" for bound in durations.bounds_us), "+Inf"]
    counts = accumulate([*durations.counts])
    family.add_metric(labels, [*zip(bounds, counts, strict=True)], durations.total_us / 1e6)


def samples(made: Samples) -> Iterator[Metric]:
    """Yield what some decisions were looked at for."""
    yield counter("sampled_decisions", "Decisions whose exclusions were counted", made.decisions)
    yield counter("sampled_empty_decisions", "Those with nothing to show", made.empty)
    exclusions = CounterMetricFamily(
        "nextbest_sampled_exclusions", "Actions left out, in sampled decisions", labels=["stage", "rule"]
    )
    for (stage, rule_id), count in {**made.left_out}.items():
        exclusions.add_metric([stage.value, rule_id], count)
    yield exclusions


def items(made: Items) -> Iterator[Metric]:
    """Yield what came in besides questions."""
    family = CounterMetricFamily(
        "nextbest_items", "Events, outcomes and profiles, by what became of them", labels=["kind", "result"]
    )
    for kind, counts in made.counts.items():
        for fate, count in zip(FATES[1:], counts[1:], strict=True):
            family.add_metric([kind, fate], count)
    yield family
    yield histogram("event_age_seconds", "How long ago events happened that came in", made.event_ages)
