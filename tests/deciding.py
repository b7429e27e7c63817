"""A decider on a store, with a clock that is moved by hand; and what tests ask it."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from nextbest.v1 import decision_pb2, identity_pb2
from nextbest_models.affinity import AffinityKeys
from nextbest_models.population import Population
from nextbest_models.ranker import Ranker
from nextbest_rules import RuleSet, load_catalog
from nextbest_rules.assignment import CHAMPION
from nextbest_service.api.decision_servicer import DecisionServicer
from nextbest_service.customers.books import Books
from nextbest_service.customers.naming import Naming
from nextbest_service.customers.settling import settled
from nextbest_service.decision_log.legend import Legend
from nextbest_service.decision_log.log import DecisionLog
from nextbest_service.decisions.decider import Decider
from nextbest_service.decisions.generation import Generation, catalog_affinity_keys, feature_spec
from nextbest_service.store.connection import connect, connect_for_bulk
from nextbest_service.store.customer_store import CustomerStore
from nextbest_service.store.keys import Identity
from nextbest_service.store.people import People
from nextbest_service.store.person_hashes import PersonHashes
from nextbest_service.store.preparing import prepare
from nextbest_service.store.registry import register_affinity_keys
from nextbest_service.store.volume_holds import VolumeHolds

LIMITED = Path(__file__).parent / "catalogs" / "limited"
NOW_MS = 1_710_496_800_000  # the catalog's clock, 2024-03-15T10:00:00Z
MINUTE_MS = 60_000
DAY_MS = 86_400_000
ANNA = Identity("customer", "anna")


@dataclass
class HandClock:
    """Shows what it was set to."""

    time_ms: int = NOW_MS

    def at(self, _store_ms: int) -> int:
        """Return the time as Unix milliseconds."""
        return self.time_ms


@asynccontextmanager
async def deciding(
    url: str,
    clock: HandClock,
    catalog: Path = LIMITED,
    *,
    ranker: Ranker | Mapping[str, Ranker] | None = None,
    timeout_ms: int = 2000,
    log_url: str | None = None,
    room: int = 10_000,
    length: int = 1_000_000,
) -> AsyncIterator[Decider]:
    """Yield a decider for a catalog, as a service would have it."""
    rules = RuleSet.compile(load_catalog(catalog))
    with connect_for_bulk(url) as bulk:
        dictionary = register_affinity_keys(bulk, catalog_affinity_keys(rules.catalog))
        keys = AffinityKeys(dictionary.keys)
        rankers = {CHAMPION: ranker} if isinstance(ranker, Ranker) else ranker or {}
        generation = Generation.build(rules, feature_spec(rules.catalog), keys, Population.unknown(), rankers)
        codec = prepare(bulk, generation.online, ()).codec
    store = connect(url, timeout_ms)
    books = Books.of(rules, generation.online, {})
    hashes = PersonHashes(store, codec.ring, clock)
    naming = Naming.of(rules.catalog, codec.ring)
    people = People(hashes, naming, codec, books.linking, partial(settled, books))
    log = DecisionLog(connect(log_url or url, timeout_ms), room=room, length=length)
    async with log:
        yield Decider(
            generation=generation,
            customers=CustomerStore(people, clock),
            people=people,
            volumes=VolumeHolds.of(store, rules.catalog),
            log=log,
            legend=Legend.of(generation),
        )
    await store.aclose()


def question(*placements: str, of: Identity = ANNA, **fields: object) -> decision_pb2.DecideRequest:
    """Return a request, by default of Anna for the home page."""
    return decision_pb2.DecideRequest(
        identities=[identity_pb2.Identity(namespace=of.namespace, id=of.id)],
        placements=[decision_pb2.PlacementRequest(id=name) for name in placements or ("home",)],
        **fields,
    )


async def ask(decider: Decider, request: decision_pb2.DecideRequest) -> decision_pb2.DecideResponse:
    """Return the answer to a question."""
    return decision_pb2.DecideResponse.FromString(await ask_for_bytes(decider, request))


async def ask_for_bytes(decider: Decider, request: decision_pb2.DecideRequest) -> bytes:
    """Return the answer to a question as it goes over the wire."""
    return await DecisionServicer(lambda: decider).decide(request, None)


def offers(response: decision_pb2.DecideResponse) -> list[str]:
    """Return what is offered, placement by placement."""
    return [it.action_id for placement in response.placements for it in placement.propositions]
