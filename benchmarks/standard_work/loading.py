"""Writes the customers into the store of a home: for nextbest, and for the hand-written server."""

from collections.abc import Iterator
from pathlib import Path

from benchmarks.handwritten import exporting
from benchmarks.standard_work.customers import Households
from nextbest_models.features import FeatureSpec
from nextbest_models.online import OnlineFeatures
from nextbest_models.progress import Progress
from nextbest_models.snapshot import SnapshotEngine
from nextbest_service.customers.person import Person
from nextbest_service.home import Home
from nextbest_service.loading import numbered
from nextbest_service.store.connection import connect_for_bulk
from nextbest_service.store.loaded import Loaded, write_loaded
from nextbest_service.store.population import write_population
from nextbest_service.store.preparing import prepare
from nextbest_service.store.statistics import Sizes, customer_statistics
from nextbest_service.store.where import store_url
from nextbest_service.store.writer import write_persons

SOURCE = "the standard work"


def load(
    root: Path, households: Households, spec: FeatureSpec, model: Path, progress: Progress
) -> tuple[list[str], Sizes]:
    """Write all customers; return their ids, and what ours take of the store's memory."""
    clock_ms, own_log, features = households.clock_ms, households.journey.log, OnlineFeatures(spec)
    wanted = {(family, name) for family, name in own_log.keys.to_plain()}
    names, hand = list[str](), dict[str, bytes]()
    with store_url(Home(root), None) as url, connect_for_bulk(url) as client:
        codec, dictionary = prepare(client, features, wanted)
        log = numbered(own_log, dictionary.keys)
        population = SnapshotEngine(spec, log).snapshot(clock_ms).population
        write_population(client, codec.features.tag, population)
        exporting.write_actions(root, households.catalog, spec, log.keys, population, model)

        def named() -> Iterator[Person]:
            for name, person in households.persons(log, features, codec.ring):
                names.append(name)
                (member,) = person.members
                hand[exporting.KEYS + name] = exporting.customer_state(
                    member.portion, features, log.keys, clock_ms
                )
                yield person

        for _ in write_persons(client, codec, named(), clock_ms):
            progress("Writing customers", len(names), households.count)
            client.mset(hand)
            hand.clear()
        write_loaded(client, Loaded(SOURCE, clock_ms, len(names)))
        return names, customer_statistics(client, len(names)).person
