"""What metrics tell about load: calls that were refused, and how busy the event loop is."""

from collections.abc import Iterable
from dataclasses import dataclass

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from nextbest_service.overload.doors import House


@dataclass(frozen=True, slots=True, eq=False)  # registries know collectors by their identity
class OverloadFigures(Collector):
    """The series of one process."""

    house: House

    def collect(self) -> Iterable[Metric]:
        """Yield all series as they stand."""
        shed = CounterMetricFamily(
            "nextbest_shed_calls",
            "Calls and questions refused so that others are answered",
            labels=["rpc", "priority", "reason"],
        )
        for rpc, priority, why, count in self.house.shed():
            shed.add_metric(["/".join(rpc.split(".")[-2:]), priority, why], count)
        yield shed
        busyness = self.house.busyness
        yield GaugeMetricFamily(
            "nextbest_loop_busy_ratio", "Share of time in which the event loop had work", busyness.share
        )
        yield GaugeMetricFamily(
            "nextbest_bulk_giving_way_ratio", "Share of calls of low priority refused", busyness.giving_way
        )
