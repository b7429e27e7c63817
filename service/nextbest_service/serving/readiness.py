"""How a process becomes ready: it brings what was loaded and the store together, and says what it serves."""

import asyncio
import gc
from dataclasses import dataclass
from datetime import UTC, datetime

import redis
import structlog

from nextbest_service.clock import Clock, machine_ms
from nextbest_service.composition import LoadedParts, Serving, build_serving, build_storeless
from nextbest_service.decisions.decider import Decider
from nextbest_service.decisions.generation import Generation
from nextbest_service.decisions.storeless import Storeless
from nextbest_service.errors import NotReadyError, StartupError, StoreUnavailableError
from nextbest_service.serving.connections import Connections
from nextbest_service.store.connection import connect_for_bulk, wait_until_up, without_secrets
from nextbest_service.store.durability import warn_if_writes_may_be_lost
from nextbest_service.store.loaded import Loaded, read_loaded

LONGEST_WAIT_SECONDS = 2.0
"""After so long without the store a process answers without it."""
AGAIN_SECONDS = 5.0
GARBAGE_THRESHOLDS = 20_000, 20, 50
"""Decisions leave no cycles behind: looking for some after every 700 objects costs 5 % of their time."""

log = structlog.get_logger()


@dataclass(slots=True)
class Readiness:
    """Holds what answers calls, once there is anything."""

    serving: Serving | None = None
    storeless: Storeless | None = None

    def deciding(self) -> Decider | Storeless:
        """Return what decides, with the store or as long as there is none without.

        Raises:
            NotReadyError: there is nothing yet.
        """
        return self.storeless if self.storeless and not self.serving else self.current().decider

    def current(self) -> Serving:
        """Return what answers.

        Raises:
            NotReadyError: there is nothing yet.
            StoreUnavailableError: the store has not been there yet, and this needs it.
        """
        if self.serving is None and self.storeless is not None:
            raise StoreUnavailableError("the customer store has not been there yet", retry_after_ms=1000)
        if self.serving is None:
            raise NotReadyError("the service is not ready yet; try again shortly")
        return self.serving

    def swap(self, serving: Serving) -> None:
        """Put what answers from the next call on in its place; calls under way keep what they have."""
        self.serving = serving

    def generation(self) -> Generation | None:
        """Return what decides, if there is anything yet."""
        answering = self.serving.decider if self.serving else self.storeless
        return answering.generation if answering else None


async def become_ready(
    parts: LoadedParts, connections: Connections, clock: Clock, readiness: Readiness
) -> "asyncio.Task[None] | None":
    """Build what answers: with the store, or, where that is not there in time, without.

    Returns what goes on waiting for the store then, to be cancelled at the end; else None.

    Raises:
        StartupError: the store refuses what is asked of it.
    """
    reaching = asyncio.create_task(wait_until_up(connections.store, connections.url))
    try:
        await asyncio.wait({reaching}, timeout=LONGEST_WAIT_SECONDS)
        if not reaching.done():
            readiness.storeless = await asyncio.to_thread(build_storeless, parts, clock, connections.log)
    except asyncio.CancelledError:
        reaching.cancel()
        raise
    if reaching.done():
        reaching.result()
        await _attach(parts, connections, clock, readiness)
        return None
    log.error("serving_without_store", store=without_secrets(connections.url))
    return asyncio.create_task(_attach_once_up(reaching, parts, connections, clock, readiness))


async def _attach_once_up(
    reaching: "asyncio.Task[None]",
    parts: LoadedParts,
    connections: Connections,
    clock: Clock,
    readiness: Readiness,
) -> None:
    """Bring the store in as soon as it is there, however often that fails."""
    try:
        while readiness.serving is None:
            await reaching
            try:
                await _attach(parts, connections, clock, readiness)
            except StartupError as error:
                log.error("store_not_usable", error=str(error), retry_in_seconds=AGAIN_SECONDS)
                await asyncio.sleep(AGAIN_SECONDS)
                reaching = asyncio.create_task(wait_until_up(connections.store, connections.url))
    finally:
        reaching.cancel()
    readiness.storeless = None
    log.warning("store_attached", store=without_secrets(connections.url))


async def _attach(parts: LoadedParts, connections: Connections, clock: Clock, readiness: Readiness) -> None:
    def build() -> Loaded | None:
        with connect_for_bulk(connections.url) as bulk:
            warn_if_writes_may_be_lost(bulk)
            readiness.serving = build_serving(
                parts,
                bulk,
                connections.store,
                clock,
                connections.log,
                connections.source,
                connections.last_known,
            )
            return read_loaded(bulk)

    try:
        loaded = await asyncio.to_thread(build)
    except redis.RedisError as error:
        store = without_secrets(connections.url)
        raise StartupError(f"the store at {store} cannot be used: {error}") from error
    _settle_garbage()
    _warn_of_what_lacks(parts, loaded)


def tell_ready(clock: Clock, parts: LoadedParts, address: str) -> None:
    """Log what is served from now on."""
    catalog = parts.rules.catalog
    log.info(
        "ready",
        address=address,
        catalog=catalog.name,
        actions=len(catalog.actions),
        catalog_version=catalog.version,
        model_version=parts.champion.version if parts.champion else None,
        scorer=parts.champion.scorer.name if parts.champion else None,
        rankers={name: ranker.version for name, ranker in parts.rankers.items()},
        clock=datetime.fromtimestamp(clock.at(machine_ms()) / 1000, tz=UTC).isoformat(timespec="seconds"),
    )


def _settle_garbage() -> None:
    gc.collect()
    gc.freeze()  # what was loaded stays: looking through it again would hold up answers
    gc.set_threshold(*GARBAGE_THRESHOLDS)
    gc.enable()  # whoever started the process may have waited with it


def _warn_of_what_lacks(parts: LoadedParts, loaded: Loaded | None) -> None:
    if loaded is None:
        log.warning(
            "no_customers", hint="the store is empty: everybody is anonymous; see `nextbest load --help`"
        )
    if parts.champion is None:
        log.warning(
            "no_model", hint="actions are ranked by their declared priority; see `nextbest train --help`"
        )
    for name, ranker in parts.rankers.items():
        if ranker.scorer.why:
            log.warning("slow_scorer", ranker=name, scorer=ranker.scorer.name, why=ranker.scorer.why)
    for name in parts.missing_rankers:
        log.warning(
            "no_ranker",
            ranker=name,
            hint="experiments.yaml names it; put a model into use with `nextbest models promote --as`",
        )
