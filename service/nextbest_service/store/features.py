"""Between the bytes of the store and the features that a model reads: layouts, conversion, rejection."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, cast

from nextbest_models.affinity import AffinityCounters, KeyIds
from nextbest_models.features import FeatureSpec
from nextbest_models.state import CustomerFeatures
from nextbest_service.store.codec import CodecError, StoredCounters, StoredVector
from nextbest_service.store.registry import AffinityDictionary
from nextbest_service.store.vectors import Conversion, Vector, VectorSchema

COUNTER_COLUMNS = 1 + len(AffinityCounters.empty().statistics)


class UnknownSchemaError(CodecError):
    """A vector was written under a schema that this reader has not learnt yet; `schema_id` names it."""

    def __init__(self, schema_id: bytes) -> None:
        super().__init__(f"a stored vector has the unknown schema {schema_id.hex()}")
        self.schema_id = schema_id


def vector_schema(spec: FeatureSpec) -> VectorSchema:
    """Return the schema under which customers' vectors of this specification are written."""
    return VectorSchema.of((feature.name, asdict(feature.definition)) for feature in spec.customer_features)


def counters_tag(spec: FeatureSpec, dictionary: AffinityDictionary) -> bytes:
    """Return the eight bytes that name both the meaning of the counters and the dictionary of their ids."""
    return hashlib.sha256(spec.counters_schema_id + dictionary.epoch).digest()[:8]


def stored_vector(schema_id: bytes, features: CustomerFeatures) -> StoredVector:
    """Return a customer's vector as the store keeps it."""
    return StoredVector(schema_id, features.as_of_ms, features.vector)


def stored_counters(tag: bytes, features: CustomerFeatures) -> StoredCounters:
    """Return a customer's counters as the store keeps them."""
    return StoredCounters(tag, features.as_of_ms, features.counters.ids, features.counters.statistics)


@dataclass(frozen=True, slots=True)
class FeatureReader:
    """Reads stored vectors and counters under one generation's specification."""

    spec: FeatureSpec
    tag: bytes
    schema: VectorSchema
    conversions: dict[bytes, Conversion] = field(default_factory=dict)

    @classmethod
    def of(
        cls, spec: FeatureSpec, dictionary: AffinityDictionary, stored: Mapping[bytes, VectorSchema]
    ) -> "FeatureReader":
        """Return a reader that knows the given stored schemas."""
        reader = cls(spec, counters_tag(spec, dictionary), vector_schema(spec))
        for schema in (*stored.values(), reader.schema):
            reader.learn(schema)
        return reader

    def learn(self, schema: VectorSchema) -> None:
        """Make vectors of one more schema readable."""
        self.conversions[schema.id] = Conversion.between(schema, self.schema)

    def vector(self, stored: StoredVector) -> tuple[Vector, tuple[str, ...]]:
        """Return the vector in the specification's order, and the names that had to take their default.

        Raises:
            UnknownSchemaError: learn the schema and try again.
            CodecError: the vector does not fit its schema.
        """
        conversion = self.conversions.get(stored.schema_id)
        if conversion is None:
            raise UnknownSchemaError(stored.schema_id)
        return conversion.apply(stored, self.spec.customer_defaults), conversion.missing

    def counters(self, stored: StoredCounters) -> AffinityCounters:
        """Return the counters.

        Raises:
            CodecError: they were written under another dictionary or other definitions.
        """
        if stored.tag != self.tag:
            raise CodecError("stored counters belong to another dictionary or other affinity definitions")
        if [column.dtype.kind for column in (stored.ids, *stored.columns)] != ["u"] * COUNTER_COLUMNS:
            raise CodecError("stored counters have other columns")
        ids, columns = cast(KeyIds, stored.ids), cast(Any, stored.columns)
        return AffinityCounters(ids, *columns)
