"""Loads anew while the service answers: checked, built aside, swapped in one step, and kept."""

import asyncio
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

import redis
import structlog

from nextbest_service.composition import Serving
from nextbest_service.decisions.generation import Generation
from nextbest_service.errors import StoreUnavailableError
from nextbest_service.reload.candidate import BUILT_HERE, Candidate, Workshop
from nextbest_service.reload.findings import Finding, Part, RefusedError, errors_of
from nextbest_service.reload.health import Health
from nextbest_service.reload.results import Outcome, Prepared, Reload, Reloadable, Target
from nextbest_service.reload.snapshot import Snapshot

MOST_TOLD = 5
"""So many findings of one reload are in the log."""
KEPT_MEANWHILE = "the last good one serves: "
NO_OTHERS: Mapping[Target, Reloadable] = {}

log = structlog.get_logger()


@dataclass(slots=True)
class Reloader:
    """Replaces what serves. `current` returns it, `swap` puts another in its place, both at once.

    `served` is what it was loaded from, None as long as that is not known. `others` are parts beside catalog
    and models. `counts` has the reloads by how they ended. One reload runs at a time; others wait.
    """

    workshop: Workshop
    current: Callable[[], Serving]
    swap: Callable[[Serving], None]
    health: Health
    served: Snapshot | None = None
    others: Mapping[Target, Reloadable] = field(default_factory=lambda: NO_OTHERS)
    counts: dict[Outcome, int] = field(default_factory=lambda: dict.fromkeys(Outcome, 0))
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def generation(self) -> Generation:
        """What serves."""
        return self.current().decider.generation

    def has(self, target: Target) -> bool:
        """Tell whether this server has a part at all."""
        return target in BUILT_HERE or target in self.others

    async def reload(
        self,
        why: str,
        targets: Collection[Target] = (),
        *,
        only_check: bool = False,
        with_warnings: bool = False,
    ) -> Reload:
        """Load parts anew, all without `targets`: swapped together, or not at all.

        What fails never replaces what serves. Nothing is raised for what is wrong with what is loaded.
        """
        wanted = frozenset(targets or (BUILT_HERE | self.others.keys()))
        async with self._turn:
            started = time.monotonic()
            found = await self._told(wanted, only_check=only_check, with_warnings=with_warnings)
            self.counts[found.outcome] += 1
            self._tell(why, found, time.monotonic() - started)
            if not only_check:
                self._note(found, wanted)
            return found

    async def _told(self, wanted: Collection[Target], *, only_check: bool, with_warnings: bool) -> Reload:
        try:
            return await self._reloaded(wanted, only_check=only_check, with_warnings=with_warnings)
        except RefusedError as error:
            return Reload(Outcome.REFUSED, error.findings)
        except (redis.RedisError, StoreUnavailableError) as error:
            problem = f"the store did not answer ({type(error).__name__}); it is tried again"
            return Reload(Outcome.POSTPONED, (Finding(Part.STORE, problem),))
        except Exception:
            log.exception("reload_failed")
            return Reload(Outcome.REFUSED, (Finding(Part.CATALOG, "it cannot be built; see the log"),))

    async def _reloaded(self, wanted: Collection[Target], *, only_check: bool, with_warnings: bool) -> Reload:
        prepared = [await self.others[it].prepare() for it in sorted(wanted) if it in self.others]
        errors = errors_of(finding for one in prepared for finding in one.findings)
        if errors:
            raise RefusedError(errors)
        candidate = None
        if BUILT_HERE & {*wanted}:
            await self._know_what_serves()
            candidate = await asyncio.to_thread(
                self.workshop.candidate,
                self.generation,
                self.served,
                wanted,
                only_check=only_check,
                with_warnings=with_warnings,
            )
        return await self._swapped(candidate, prepared, only_check=only_check)

    async def _swapped(
        self, candidate: Candidate | None, prepared: Collection[Prepared], *, only_check: bool
    ) -> Reload:
        """Bring everything that was prepared into use, in one step of the event loop."""
        others = tuple(finding for one in prepared for finding in one.findings)
        findings = (*(candidate.findings if candidate else ()), *others)
        changed = [one for one in prepared if one.changed]
        if only_check:
            return Reload(Outcome.VALID, findings)
        if candidate is None and not changed:
            return Reload(Outcome.UNCHANGED, findings)
        for one in changed:
            one.swap()
        if candidate is not None and candidate.serving is not None:
            self.swap(candidate.serving)
            await self._keep(candidate.snapshot)
        return Reload(Outcome.SWAPPED, findings)

    async def _keep(self, snapshot: Snapshot) -> None:
        try:
            self.served = await asyncio.to_thread(self.workshop.shelf.keep, snapshot)
        except OSError as error:
            self.served = snapshot
            log.error("last_good_not_kept", error=str(error))

    async def keep_what_serves(self) -> None:
        """Keep what was loaded at the start; where that fails, the next reload tries again."""
        async with self._turn:
            try:
                await self._know_what_serves()
            except OSError as error:
                log.error("last_good_not_kept", error=str(error))

    async def _know_what_serves(self) -> None:
        """Keep what was loaded at the start, if its files are still as they were."""
        if self.served is None:
            found = await asyncio.to_thread(self.workshop.copy_of, self.generation)
            if found is not None:
                await self._keep(found)

    def _note(self, found: Reload, wanted: Collection[Target]) -> None:
        parts = sorted(Part(target) for target in wanted)
        if found.outcome in {Outcome.SWAPPED, Outcome.UNCHANGED}:
            self.health.works(*parts)
        elif found.outcome is Outcome.REFUSED:
            self.health.fails(found.findings, KEPT_MEANWHILE)

    def _tell(self, why: str, found: Reload, seconds: float) -> None:
        told = {"why": why, "seconds": round(seconds, 3)}
        errors = errors_of(found.findings)
        if found.outcome is Outcome.SWAPPED:
            of = self.generation.versions
            log.info("reloaded", **told, catalog_version=of.catalog, model_version=of.model or None)
        elif found.outcome is Outcome.REFUSED:
            first = [str(finding) for finding in errors[:MOST_TOLD]]
            log.error("reload_refused", **told, errors=len(errors), first=first)
        elif found.outcome is Outcome.POSTPONED:
            log.warning("reload_postponed", **told, error=found.findings[0].message)
