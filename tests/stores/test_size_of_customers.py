"""What a real household takes in memory: a promise that is kept."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from nextbest_models.complete_journey import load_complete_journey
from nextbest_models.online import OnlineFeatures
from nextbest_rules import load_catalog
from nextbest_service.customers.person import Member, Person
from nextbest_service.customers.portion import Portion
from nextbest_service.decisions.generation import feature_spec
from nextbest_service.store.connection import SyncClient, connect_for_bulk
from nextbest_service.store.feature_codec import FeatureCodec
from nextbest_service.store.keys import Identity, KeyRing, person_key
from nextbest_service.store.person_codec import PersonCodec
from nextbest_service.store.statistics import customer_statistics
from nextbest_service.store.writer import write_persons

AS_OF_MS = 1_509_354_000_000  # 2017-10-30T09:00Z: where the demo begins
MOST_BYTES = 1024
RING = KeyRing(bytes(32))


@pytest.fixture(scope="module")
def households(repository: Path, valkey_url: str) -> Iterator[SyncClient]:
    """The store with every household of the demo."""
    journey = load_complete_journey()
    online = OnlineFeatures(feature_spec(load_catalog(repository / "rules" / "catalogs" / "grocery")))
    codec = PersonCodec(RING, FeatureCodec(online, journey.log.keys, b"epoch-01"))
    facts = journey.facts(AS_OF_MS)

    def persons() -> Iterator[Person]:
        for customer, state in zip(
            journey.log.customers, online.from_snapshot(journey.log, AS_OF_MS), strict=True
        ):
            identity = Identity("customer", customer)
            known = facts[customer]
            portion = Portion(facts=known, facts_as_of=dict.fromkeys(known, AS_OF_MS), features=state)
            yield Person((Member(RING.ref(identity), identity, portion=portion),))

    client = connect_for_bulk(valkey_url)
    client.flushall()
    list(write_persons(client, codec, persons(), AS_OF_MS))
    yield client
    client.flushall()
    client.close()


def test_half_of_the_households_take_a_kibibyte_at_most(households: SyncClient) -> None:
    statistics = customer_statistics(households, 10_000)
    assert statistics.persons == statistics.sampled == 2469
    assert statistics.person.median <= MOST_BYTES


def test_even_the_largest_household_is_packed(households: SyncClient) -> None:
    keys = [*households.scan_iter(match="nb:{*")]
    largest = max(keys, key=lambda key: households.memory_usage(key) or 0)
    assert households.object("encoding", largest) == b"listpack"
    assert person_key(RING.ref(Identity("customer", "1"))) in keys
