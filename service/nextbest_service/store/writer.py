"""Writes whole persons in bulk, whatever stood there before: for loads that replace."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from nextbest_service.customers.person import Person
from nextbest_service.store import keys
from nextbest_service.store.connection import SyncClient
from nextbest_service.store.keys import Ref, person_key
from nextbest_service.store.person_codec import PersonCodec
from nextbest_service.store.person_hashes import fresh_version

BATCH = 250


def write_persons(
    client: SyncClient, codec: PersonCodec, persons: Iterable[Person], now_ms: int
) -> Iterator[int]:
    """Replace each person, and yield the number of persons of each batch written.

    A name that belonged to somebody else before belongs to the person written last.
    """
    waiting = iter(persons)
    while batch := [*islice(waiting, BATCH)]:
        pipeline = client.pipeline(transaction=False)
        for person in batch:
            for ref, fields in _hashes(codec, person):
                pipeline.delete(person_key(ref))
                pipeline.hset(person_key(ref), mapping={**fields, keys.VERSION: fresh_version(now_ms)})
        pipeline.execute()
        yield len(batch)


def _hashes(codec: PersonCodec, person: Person) -> Iterator[tuple[Ref, dict[Any, Any]]]:
    """Yield the hash of a person, and those of the other names that lead to it."""
    yield person.head, {**codec.changes(None, person).set}
    for member in person.members[1:]:
        yield member.ref, {keys.POINTER: person.head}
