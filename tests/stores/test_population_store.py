"""The population in the store is the one that was written, or none at all."""

import numpy as np
import redis

from nextbest_models.population import Population
from nextbest_service.store import keys
from nextbest_service.store.population import read_population, write_population

COLUMNS = ([2, 0, 9], [6, 0, 40], [7, 0, 2**40])
POPULATION = Population(*(np.array(column, dtype=np.int64) for column in COLUMNS))


def test_a_population_reads_back_as_it_was_written(valkey: redis.Redis) -> None:
    write_population(valkey, b"dict-tag", POPULATION)
    read = read_population(valkey, b"dict-tag")
    assert read.customers.tolist() == [2, 0, 9]
    assert read.counts.tolist() == [6, 0, 40]
    assert read.totals.tolist() == [7, 0, 2**40]


def test_a_store_without_a_population_has_the_unknown_one(valkey: redis.Redis) -> None:
    assert not read_population(valkey, b"dict-tag").is_known


def test_a_population_of_another_dictionary_is_not_read(valkey: redis.Redis) -> None:
    write_population(valkey, b"dict-old", POPULATION)
    assert not read_population(valkey, b"dict-tag").is_known


def test_a_damaged_population_is_not_read(valkey: redis.Redis) -> None:
    write_population(valkey, b"dict-tag", POPULATION)
    blob = bytearray(valkey.get(keys.POPULATION))  # type: ignore[arg-type]
    blob[-10] ^= 1
    valkey.set(keys.POPULATION, bytes(blob))
    assert not read_population(valkey, b"dict-tag").is_known


def test_a_population_of_columns_that_differ_in_length_is_not_read(valkey: redis.Redis) -> None:
    torn = Population(POPULATION.customers, POPULATION.counts[:2], POPULATION.totals)
    write_population(valkey, b"dict-tag", torn)
    assert not read_population(valkey, b"dict-tag").is_known
