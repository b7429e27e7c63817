"""The corner shop as a running business: its customers in a store, and a small model that ranks for it."""

from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import lightgbm
import numpy as np

from nextbest.v1 import decision_pb2, identity_pb2
from nextbest_models import artifact
from nextbest_models.affinity import AffinityCounters, AffinityKeys
from nextbest_models.artifact import ModelFacts
from nextbest_models.companions import ALONE, Companions
from nextbest_models.features import FeatureSpec
from nextbest_models.online import FeatureState, OnlineFeatures
from nextbest_rules import Catalog, load_catalog
from nextbest_service.customers.person import Member, Person
from nextbest_service.customers.portion import Portion
from nextbest_service.decisions.generation import catalog_affinity_keys, feature_spec
from nextbest_service.store.connection import SyncClient
from nextbest_service.store.keys import Identity
from nextbest_service.store.preparing import Prepared, prepare
from nextbest_service.store.writer import write_persons

DIRECTORY = Path(__file__).parent / "catalogs" / "corner_shop"
NOW_MS = 1_710_496_800_000  # the catalog's clock, 2024-03-15T10:00:00Z
DAY_MS = 86_400_000

ANNA = Identity("customer", "anna")  # an adult with both campaigns, a regular
BEN = Identity("customer", "ben")  # seventeen, in debt, rarely here
CARL = Identity("customer", "carl")  # only facts are known
STRANGER = Identity("customer", "nobody-knows-me")
CUSTOMERS: dict[Identity, dict[str, object]] = {
    ANNA: {"campaigns": ["spring", "autumn"], "age": 40, "debt": 5.0},
    BEN: {"campaigns": ["spring"], "age": 17, "debt": 250.0},
    CARL: {"campaigns": ["spring"], "age": 30},
}


@cache
def catalog() -> Catalog:
    """Return the loaded catalog."""
    return load_catalog(DIRECTORY)


@cache
def spec() -> FeatureSpec:
    """Return the catalog's features."""
    return feature_spec(catalog())


@cache
def online() -> OnlineFeatures:
    """Return how the catalog's features are kept."""
    return OnlineFeatures(spec())


def state_of(identity: Identity, keys: AffinityKeys) -> FeatureState:
    """Return what the store holds of a customer for ranking."""
    if identity == ANNA:
        return given(9.0, 210.5, 2.0, counters=_counters(keys, {"apples": 4, "wine": 7}))
    return given(1.0, 12.0, 30.0, as_of_ms=NOW_MS - DAY_MS, counters=_counters(keys, {"fruit": 1}))


def given(
    *values: float,
    as_of_ms: int = NOW_MS,
    counters: AffinityCounters | None = None,
    features: OnlineFeatures | None = None,
) -> FeatureState:
    """Return a state of values that a warehouse gave, in the order of the features, and of counters."""
    made = features or online()
    named = dict(zip(made.spec.customer_names, values, strict=False))
    state = made.with_given(made.empty, named, as_of_ms)
    return FeatureState(state.tallies, counters or made.empty.counters)


def prepared(client: SyncClient) -> Prepared:
    """Return how persons look in a store, which is ready for the catalog then."""
    return prepare(client, online(), catalog_affinity_keys(catalog()))


def open_for_business(client: SyncClient) -> None:
    """Write the customers into a store."""
    codec, dictionary = prepared(client)
    keys = AffinityKeys(dictionary.keys)
    states = {identity: None if identity == CARL else state_of(identity, keys) for identity in CUSTOMERS}
    persons = (
        Person(
            (Member(codec.ring.ref(identity), identity, portion=Portion(facts, features=states[identity])),)
        )
        for identity, facts in CUSTOMERS.items()
    )
    list(write_persons(client, codec, persons, NOW_MS))


def train_model(root: Path, companions: Companions = ALONE) -> Path:
    """Train a small model on made-up shoppers, and return the directory of its artifact."""
    generator = np.random.default_rng(7)
    columns = spec().columns
    matrix = generator.uniform(0.0, 10.0, size=(600, len(columns)))
    matrix[:, columns.index("offer_discount")] /= 20.0
    matrix[generator.random(matrix.shape) < 0.1] = np.nan
    known = np.nan_to_num(matrix)
    pull = known[:, columns.index("category_trips")] + 8 * known[:, columns.index("offer_discount")]
    pull += 0.5 * known[:, columns.index("trips_91d")] + 0.3 * known[:, columns.index("basket")]
    bought = pull + generator.normal(size=600) > 10.0
    booster = lightgbm.train(
        {"objective": "binary", "num_leaves": 7, "num_threads": 1, "seed": 1, "verbose": -1},
        lightgbm.Dataset(matrix, label=bought, feature_name=list(columns)),
        num_boost_round=12,
    )
    facts = ModelFacts(datetime(2024, 3, 1, tzinfo=UTC), spec().digest, {}, {}, {})
    return artifact.save(root, booster, matrix[:16], facts, {}, companions)


def question(
    *placements: str | decision_pb2.PlacementRequest, of: Identity = ANNA, **fields: object
) -> decision_pb2.DecideRequest:
    """Return a sound request; by default for the home page, and a customer who is well known."""
    asked = [
        decision_pb2.PlacementRequest(id=placement) if isinstance(placement, str) else placement
        for placement in placements or ("home",)
    ]
    identities = [identity_pb2.Identity(namespace=of.namespace, id=of.id)]
    return decision_pb2.DecideRequest(**{"identities": identities, "placements": asked, **fields})


def asked(placement: str = "home", **fields: object) -> decision_pb2.PlacementRequest:
    """Return one placement of a request."""
    return decision_pb2.PlacementRequest(id=placement, **fields)


def _counters(keys: AffinityKeys, trips: dict[str, int]) -> AffinityCounters:
    ids = keys.ids_for("category", list(trips))
    order = np.argsort(ids)
    counts = np.array(list(trips.values()), dtype=np.uint16)[order]
    days = np.full(len(ids), NOW_MS // DAY_MS - 3, dtype=np.uint16)
    return AffinityCounters(keys.stored(ids[order]), counts, days, counts * np.uint16(2))
