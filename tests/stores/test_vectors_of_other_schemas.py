"""Vectors outlive the feature lists they were written under: converted by name, or refused; never misread."""

import numpy as np
import pytest

from nextbest_service.store.codec import CodecError, StoredVector
from nextbest_service.store.vectors import Conversion, VectorSchema

TRIPS = ("trips", {"aggregate": "count", "of": "trips", "window": "91d"})
SPEND = ("spend", {"aggregate": "sum", "of": "trips", "value": "spend"})
RECENCY = ("recency", {"aggregate": "recency", "of": "trips"})
SHORTER_TRIPS = ("trips", {"aggregate": "count", "of": "trips", "window": "28d"})
DEFAULTS = np.array([-1.0, -2.0, -3.0], dtype=np.float32)


def read(
    stored: VectorSchema, wanted: VectorSchema, values: list[float]
) -> tuple[list[float], tuple[str, ...]]:
    conversion = Conversion.between(stored, wanted)
    vector = StoredVector(stored.id, 0, np.array(values, dtype=np.float32))
    return conversion.apply(vector, DEFAULTS[: len(wanted.columns)]).tolist(), conversion.missing


def test_a_vector_of_the_same_schema_is_read_as_it_is() -> None:
    schema = VectorSchema.of([TRIPS, SPEND])
    assert read(schema, schema, [4.0, 20.0]) == ([4.0, 20.0], ())


def test_reordered_features_are_found_by_name() -> None:
    assert read(VectorSchema.of([SPEND, TRIPS]), VectorSchema.of([TRIPS, SPEND]), [20.0, 4.0]) == (
        [4.0, 20.0],
        (),
    )


def test_a_new_feature_takes_its_default_and_is_named() -> None:
    stored, wanted = VectorSchema.of([TRIPS, SPEND]), VectorSchema.of([TRIPS, RECENCY, SPEND])
    assert read(stored, wanted, [4.0, 20.0]) == ([4.0, -2.0, 20.0], ("recency",))


def test_the_same_name_with_another_definition_is_another_feature() -> None:
    stored, wanted = VectorSchema.of([SHORTER_TRIPS, SPEND]), VectorSchema.of([TRIPS, SPEND])
    assert stored.id != wanted.id
    assert read(stored, wanted, [4.0, 20.0]) == ([-1.0, 20.0], ("trips",))


def test_a_missing_value_stays_missing() -> None:
    stored, wanted = VectorSchema.of([SPEND, TRIPS]), VectorSchema.of([TRIPS, SPEND, RECENCY])
    values, missing = read(stored, wanted, [float("nan"), 4.0])
    assert values[0] == 4.0
    assert np.isnan(values[1])
    assert missing == ("recency",)


def test_a_vector_that_is_not_as_long_as_its_schema_is_refused() -> None:
    schema = VectorSchema.of([TRIPS, SPEND])
    with pytest.raises(CodecError, match="not as long as its schema"):
        read(schema, schema, [4.0])


def test_a_schema_reads_back_from_the_registry_under_the_same_id() -> None:
    schema = VectorSchema.of([TRIPS, SPEND])
    assert VectorSchema.from_bytes(schema.to_bytes()) == schema
    assert VectorSchema.from_bytes(schema.to_bytes()).id == schema.id
