"""Who looks on at a process that serves, beside its metrics: log lines of decisions, traces."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nextbest_service.decisions.observing import Observer
from nextbest_service.observing.decision_lines import DecisionLines
from nextbest_service.observing.exporting import open_tracing
from nextbest_service.security.gate import Gate
from nextbest_service.settings import Settings

if TYPE_CHECKING:
    from nextbest_service.observing.tracing import Tracing


@dataclass(frozen=True, slots=True)
class Onlookers:
    """Those who look at decisions, and who traces calls; `tracing` is None where nobody does."""

    observers: tuple[Observer, ...] = ()
    tracing: "Tracing | None" = None

    @classmethod
    def of(cls, settings: Settings, gate: Gate | None, worker: int) -> "Onlookers":
        """Return those whom the settings, or OpenTelemetry's variables, ask for.

        Raises:
            StartupError: traces are wanted, and what makes them is not installed.
        """
        tracing = open_tracing(settings.tracing, settings.tracing_share, worker)
        observers: list[Observer] = [] if tracing is None else [tracing]
        if settings.log_decisions or settings.slow_decision_ms:
            secret = settings.log_decisions_key
            key = secret.get_secret_value().encode() if secret else b""
            caller = gate.current_caller if gate else _nobody
            observers.append(DecisionLines(settings.log_decisions, settings.slow_decision_ms, key, caller))
        return cls(tuple(observers), tracing)

    @asynccontextmanager
    async def on_duty(self) -> AsyncIterator[None]:
        """Send the last traces at the end of the context."""
        try:
            yield
        finally:
            if self.tracing is not None:
                self.tracing.close()


def _nobody() -> str:
    return ""
