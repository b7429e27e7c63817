"""What a serving process is connected with: the store, the decision log, other sources of features."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from nextbest_service.clock import Clock
from nextbest_service.composition import (
    LoadedParts,
    Serving,
    build_serving,
    open_feature_source,
    renewed_source,
)
from nextbest_service.decision_log.log import DecisionLog
from nextbest_service.decisions.last_known import LastKnown
from nextbest_service.feast.reader import FeastReader
from nextbest_service.metrics.tallies import Tallies
from nextbest_service.settings import Settings
from nextbest_service.store.connection import Store, connect, connect_for_bulk, guarded

LOG_TIMEOUT_MS = 1000
"""The log is written behind the answers: it may wait longer than they can."""


@dataclass(frozen=True, slots=True)
class Connections:
    """What the service keeps open while it runs."""

    url: str = field(repr=False)  # it may carry a password
    store: Store
    log: DecisionLog
    source: FeastReader | None
    last_known: LastKnown

    @classmethod
    def open(
        cls, settings: Settings, parts: LoadedParts, url: str, tallies: Tallies | None = None
    ) -> "Connections":
        """Connect lazily: nothing is asked of anybody yet."""
        return cls(
            url,
            guarded(connect(url, settings.store_timeout_ms, tallies.round_trips if tallies else None)),
            DecisionLog(connect(url, LOG_TIMEOUT_MS), length=settings.log_length),
            open_feature_source(settings, parts),
            LastKnown(settings.last_known_persons, settings.last_known_seconds),
        )

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Write the log while the context lasts, and close everything at its end."""
        async with AsyncExitStack() as closing:
            closing.push_async_callback(self.store.aclose)
            if self.source is not None:
                closing.push_async_callback(self.source.aclose)
            await closing.enter_async_context(self.log)
            yield

    def builder(self, settings: Settings, clock: Clock) -> Callable[[LoadedParts], Serving]:
        """Return what brings parts that are loaded anew and the store together; it blocks."""

        def build(parts: LoadedParts) -> Serving:
            source = renewed_source(settings, self.source, parts)
            with connect_for_bulk(self.url) as bulk:
                return build_serving(parts, bulk, self.store, clock, self.log, source, self.last_known)

        return build
