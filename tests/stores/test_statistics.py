"""How much memory customers take is told as the server has it."""

from typing import Any, cast

from samples import NOW_MS
from shoppers import ANNA, CODEC, RING, WHOLE, person_of

from nextbest_service.customers.person import Member, Person
from nextbest_service.customers.portion import EMPTY
from nextbest_service.store import keys
from nextbest_service.store.connection import SyncClient
from nextbest_service.store.keys import Identity, answer_keys, person_key
from nextbest_service.store.statistics import Sizes, customer_statistics
from nextbest_service.store.writer import write_persons

NOTHING = Sizes(0, 0, 0, 0.0)


def named(number: int) -> Person:
    identity = Identity("customer", f"{number}")
    return Person((Member(RING.ref(identity), identity),))


def test_an_empty_store_has_no_customers(each_valkey: SyncClient) -> None:
    found = customer_statistics(each_valkey, 100)
    assert (found.persons, found.pointers, found.sampled, found.estimated_bytes) == (0, 0, 0, 0)
    assert (found.person, found.parts) == (NOTHING, {})


def test_persons_and_their_other_names_are_counted_and_nothing_else(each_valkey: SyncClient) -> None:
    list(write_persons(each_valkey, CODEC, [person_of(WHOLE, EMPTY), named(1), named(2)], NOW_MS))
    other = cast("Any", each_valkey)
    other.hset(answer_keys(RING.ref(ANNA))[0], "r-1", "answer")
    other.hset(keys.VOLUMES, "loan", 1)
    other.set(RING.tombstone_key(RING.ref(ANNA)), 1)
    found = customer_statistics(each_valkey, 100)
    assert (found.persons, found.pointers, found.sampled) == (3, 1, 3)


def test_the_memory_of_a_person_is_what_the_server_reports(each_valkey: SyncClient) -> None:
    list(write_persons(each_valkey, CODEC, [person_of(WHOLE, WHOLE)], NOW_MS))
    key = person_key(RING.ref(ANNA))
    fields = cast("dict[bytes, bytes]", each_valkey.hgetall(cast(str, key)))
    found = customer_statistics(each_valkey, 100)
    assert found.person.max == each_valkey.memory_usage(cast(str, key), 0)
    assert found.parts["contacts"].max == sum(len(name) + len(fields[name]) for name in (b"h", b"h1"))
    assert found.parts["version"].max == 1 + 10
    together = sum(sizes.max for sizes in found.parts.values()) + found.overhead.max
    assert together == found.person.max == found.estimated_bytes


def test_a_sample_stands_for_all(each_valkey: SyncClient) -> None:
    list(write_persons(each_valkey, CODEC, map(named, range(1500)), NOW_MS))
    found = customer_statistics(each_valkey, 50)
    assert (found.persons, found.sampled) == (1500, 50)
    assert found.estimated_bytes == round(found.person.mean * 1500)
    assert found.parts.keys() == {"version", "identities"}


def test_sizes_say_what_half_and_nine_of_ten_take_at_most() -> None:
    assert Sizes.of([*range(1, 102)]) == Sizes(51, 91, 101, 51.0)
    assert Sizes.of([7]) == Sizes(7, 7, 7, 7.0)
