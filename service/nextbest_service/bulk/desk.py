"""Opens a loader on a store: the same intake as behind the API, with a loader's patience."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from nextbest_models.online import OnlineFeatures
from nextbest_rules import Catalog, RuleSet
from nextbest_service.api.read_outcome import OutcomeReader
from nextbest_service.api.read_profile import ProfileReader
from nextbest_service.bulk.event_drafts import DraftReader
from nextbest_service.bulk.event_loader import EventLoader
from nextbest_service.bulk.kinds import Kind
from nextbest_service.bulk.outcome_loader import OutcomeLoader
from nextbest_service.bulk.product_loader import ProductLoader
from nextbest_service.bulk.profile_loader import ProfileLoader
from nextbest_service.bulk.results import Loader
from nextbest_service.clock import Clock
from nextbest_service.composition import build_intake
from nextbest_service.customers.intake import Intake
from nextbest_service.decision_log.log import DecisionLog
from nextbest_service.decisions.generation import catalog_affinity_keys, feature_spec
from nextbest_service.store.connection import Store, SyncClient, connect, connect_for_bulk
from nextbest_service.store.preparing import prepare

TIMEOUT_MS = 30_000


@asynccontextmanager
async def open_loader(kind: Kind, catalog: Catalog, url: str, clock: Clock) -> AsyncIterator[Loader]:
    """Yield the loader of a kind of rows.

    Raises:
        StartupError: nothing answers at the URL.
    """
    store = connect(url, TIMEOUT_MS)
    try:
        if kind is Kind.PRODUCTS:
            yield ProductLoader(store)
            return
        with connect_for_bulk(url) as bulk:
            intake = _intake(catalog, bulk, store, clock, DecisionLog(connect(url, TIMEOUT_MS)))
        async with intake.log:
            yield _LOADERS[kind](intake)
    finally:
        await store.aclose()


def _events(intake: Intake) -> Loader:
    return EventLoader(intake, DraftReader(intake.books.catalog))


def _outcomes(intake: Intake) -> Loader:
    return OutcomeLoader(intake, OutcomeReader.of(intake.books.catalog, intake.people.naming.ring))


def _profiles(intake: Intake) -> Loader:
    return ProfileLoader(intake, ProfileReader.of(intake.books.catalog, intake.books.features.spec))


_LOADERS: dict[Kind, Callable[[Intake], Loader]] = {
    Kind.EVENTS: _events,
    Kind.OUTCOMES: _outcomes,
    Kind.PROFILES: _profiles,
    Kind.FEATURES: _profiles,
}


def _intake(catalog: Catalog, bulk: SyncClient, store: Store, clock: Clock, log: DecisionLog) -> Intake:
    prepared = prepare(bulk, OnlineFeatures(feature_spec(catalog)), catalog_affinity_keys(catalog))
    return build_intake(RuleSet.compile(catalog), prepared, store, clock, log)
