"""What metrics tell about security: refused calls, reloads, and when the certificate expires."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from nextbest_service.security.certificates import Certificates
from nextbest_service.security.gate import Gate
from nextbest_service.security.last_good import LastGood


@dataclass(frozen=True, slots=True, eq=False)  # registries know collectors by their identity
class SecurityFigures(Collector):
    """The series of one process. What is not in use has none."""

    gate: Gate | None
    watched: tuple[LastGood[Any], ...]
    certificates: LastGood[Certificates] | None

    def collect(self) -> Iterable[Metric]:
        """Yield all series as they stand."""
        if self.gate is not None:
            refused = CounterMetricFamily(
                "nextbest_refused_callers",
                "Calls not let in, questions not permitted",
                labels=["why"],
            )
            for why, count in {**self.gate.refused}.items():
                refused.add_metric([why], count)
            yield refused
        if self.watched:
            reloads = CounterMetricFamily(
                "nextbest_security_reloads",
                "Changed certificates and callers that were taken or refused",
                labels=["part", "result"],
            )
            for part in self.watched:
                reloads.add_metric([part.part, "taken"], part.taken)
                reloads.add_metric([part.part, "refused"], part.refused)
            yield reloads
        if self.certificates is not None:
            yield GaugeMetricFamily(
                "nextbest_certificate_expiry_time_seconds",
                "When the service's certificate expires, Unix time",
                self.certificates.current.expires_at,
            )
