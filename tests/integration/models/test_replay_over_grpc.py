"""The features that a service keeps from events, one by one, are those that training computes from the log.

All are equal to one part in a million, which for counts is equal; affinities are equal. A service adds in the
order in which events come in, the log in the order of time, and both end as float32.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from grocery_replay import events_of, in_disorder
from running_service import service
from service_calls import Calls, identity

from nextbest.v1 import customer_pb2
from nextbest_models.complete_journey import CompleteJourney
from nextbest_models.definitions import DAY_MS
from nextbest_models.features import FeatureSpec
from nextbest_models.snapshot import Snapshot, SnapshotEngine
from nextbest_service.catalogs import find_catalog
from nextbest_service.store.embedded import embedded_valkey

HOUSEHOLDS = 30
BATCH = 200
TOLD_MS = round(datetime(2017, 10, 30, 9, tzinfo=UTC).timestamp() * 1000)
MOMENTS = [TOLD_MS, TOLD_MS + 40 * DAY_MS]
RELATIVE = 1e-6
STRONGEST = 50


@pytest.fixture(scope="module")
def households(journey: CompleteJourney) -> list[str]:
    """Some households from all over the data set."""
    step = len(journey.log.customers) // HOUSEHOLDS
    return list(journey.log.customers[::step][:HOUSEHOLDS])


@pytest.fixture(scope="module")
def store_url(
    journey: CompleteJourney, households: list[str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """A store to which a service was told all that happened before the first moment."""
    with embedded_valkey(tmp_path_factory.mktemp("replay")) as url:
        told = list(in_disorder(events_of(journey, households, TOLD_MS)))
        with service_at(url, TOLD_MS, tmp_path_factory.mktemp("telling")) as calls:
            for start in range(0, len(told), BATCH):
                calls.track(*told[start : start + BATCH])
        yield url


@pytest.fixture(scope="module")
def training(journey: CompleteJourney, grocery_spec: FeatureSpec) -> SnapshotEngine:
    """What training computes from the log of all that happened before the first moment."""
    return SnapshotEngine(grocery_spec, journey.log.before(TOLD_MS))


@contextmanager
def service_at(url: str, now_ms: int, home: Path) -> Iterator[Calls]:
    """Serve the grocery at a moment that does not pass."""
    moment = datetime.fromtimestamp(now_ms / 1000, tz=UTC).isoformat()
    options = ("--redis-url", url, "--clock", moment, "--freeze-clock", "--store-timeout-ms", "5000")
    with service(home, *options, catalog=find_catalog("grocery")) as running:
        calls = Calls(running.address)
        yield calls
        calls.close()


@pytest.mark.parametrize("now_ms", MOMENTS, ids=["as told", "40 days later"])
def test_a_service_knows_what_training_knows(
    now_ms: int,
    journey: CompleteJourney,
    households: list[str],
    grocery_spec: FeatureSpec,
    training: SnapshotEngine,
    store_url: str,
    tmp_path: Path,
) -> None:
    snapshot = training.snapshot(now_ms)
    with service_at(store_url, now_ms, tmp_path) as calls:
        for household in households:
            customer = calls.get(identity("customer", household)).customer
            place = journey.log.customers.index(household)
            assert vector_of(customer) == expected_vector(grocery_spec, snapshot, place), household
            check_affinities(customer, journey, snapshot, place)


def vector_of(customer: customer_pb2.Customer) -> dict[str, object]:
    return {
        state.name: None if not state.HasField("value") else pytest.approx(state.value, rel=RELATIVE)
        for state in customer.features
    }


def expected_vector(spec: FeatureSpec, snapshot: Snapshot, place: int) -> dict[str, float | None]:
    values = (float(value) for value in snapshot.vectors[place])
    return {
        name: None if math.isnan(value) else value
        for name, value in zip(spec.customer_names, values, strict=True)
    }


def check_affinities(
    customer: customer_pb2.Customer, journey: CompleteJourney, snapshot: Snapshot, place: int
) -> None:
    counters = snapshot[place].counters
    expected = {
        journey.log.keys.key(int(key)): (int(count), int(day))
        for key, count, day in zip(counters.ids, counters.counts, counters.last_days, strict=True)
    }
    shown = {
        (state.family, state.key): (state.count, state.last_at_unix_ms // DAY_MS)
        for state in customer.affinities
    }
    assert shown.items() <= expected.items()
    for family in {family for family, _ in expected}:
        known = [key for key in expected if key[0] == family]
        assert len([key for key in shown if key[0] == family]) == min(len(known), STRONGEST)
