"""What a process serves first: what is there, or the last good one where that is broken."""

from typing import NamedTuple

import structlog

from nextbest_models.features import FeatureSpecError
from nextbest_models.ranker import ModelError
from nextbest_rules import CatalogError, load_catalog
from nextbest_service.composition import LoadedParts, load_parts, parts_of
from nextbest_service.errors import StartupError
from nextbest_service.models_in_use import ModelUseError
from nextbest_service.reload.candidate import told_as_findings
from nextbest_service.reload.findings import Finding, RefusedError
from nextbest_service.reload.reloader import MOST_TOLD
from nextbest_service.reload.shelf import Shelf
from nextbest_service.reload.snapshot import Snapshot
from nextbest_service.reload.sources import Look, Sources
from nextbest_service.reload.watch import appearance

BROKEN = (CatalogError, FeatureSpecError, ModelError, ModelUseError, StartupError)

log = structlog.get_logger()


class Start(NamedTuple):
    """What serves first.

    Where that is the last good one: from which snapshot it came, what is wrong with what is there, and how
    that looked.
    """

    parts: LoadedParts
    snapshot: Snapshot | None = None
    findings: tuple[Finding, ...] = ()
    look: Look | None = None


def load_at_start(sources: Sources, shelf: Shelf, *, last_good: bool) -> Start:
    """Load what is there; where it is broken and the last good one is wanted, that.

    Raises:
        CatalogError, FeatureSpecError, ModelError, ModelUseError, StartupError: nothing can be served.
    """
    try:
        return Start(load_parts(sources.catalog, sources.home, sources.model))
    except BROKEN as error:
        start = _last_good(sources, shelf, error) if last_good else None
        if start is None:
            raise
        first = [str(finding) for finding in start.findings[:MOST_TOLD]]
        log.error(
            "serving_last_good",
            errors=len(start.findings),
            first=first,
            catalog_version=start.parts.rules.catalog.version,
            hint="mend what is there: it is loaded as soon as it is sound",
        )
        return start


def _last_good(sources: Sources, shelf: Shelf, error: Exception) -> Start | None:
    snapshot = shelf.newest()
    if snapshot is None:
        return None
    try:
        parts = parts_of(load_catalog(snapshot.catalog), snapshot.models)
    except BROKEN:
        log.error("last_good_unusable", snapshot=snapshot.key)
        return None
    return Start(parts, snapshot, _findings(error), appearance(sources, parts.rules.catalog.name))


def _findings(error: Exception) -> tuple[Finding, ...]:
    try:
        with told_as_findings():
            raise error
    except RefusedError as refused:
        return refused.findings
