"""Feature vectors outlive the feature lists they were written under: here they are read under today's.

A schema is the ordered features of a vector, each with a digest of its definition. A vector of another schema
is converted feature by feature: same name and same definition keep their value, everything else counts as
missing. So `trips` over 91 days is never taken for `trips` over 28.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import msgpack
import numpy as np
from numpy.typing import NDArray

from nextbest_service.store.codec import CodecError, StoredVector

Vector = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class VectorSchema:
    """The features of a stored vector in order: (name, digest of the definition)."""

    columns: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, definitions: Iterable[tuple[str, Mapping[str, object]]]) -> "VectorSchema":
        """Return the schema of features given as (name, definition)."""
        return cls(tuple((name, _digest(definition)) for name, definition in definitions))

    @property
    def id(self) -> bytes:
        """Eight bytes that name this schema in every vector."""
        return hashlib.sha256(self.to_bytes()).digest()[:8]

    @property
    def names(self) -> tuple[str, ...]:
        """The feature names in order."""
        return tuple(name for name, _ in self.columns)

    def to_bytes(self) -> bytes:
        """Return the schema as the registry in Redis keeps it."""
        packed: bytes = msgpack.packb(self.columns)
        return packed

    @classmethod
    def from_bytes(cls, blob: bytes) -> "VectorSchema":
        """Read a schema of the registry back.

        Raises:
            CodecError: the bytes are not a schema.
        """
        try:
            return cls(tuple((str(name), str(digest)) for name, digest in msgpack.unpackb(blob)))
        except (TypeError, ValueError, msgpack.UnpackException) as error:
            raise CodecError("a registered vector schema is damaged") from error


@dataclass(frozen=True, slots=True)
class Conversion:
    """How a vector of one schema is read under another.

    `source[i]` is the stored column of feature i, or -1 where the stored vector does not have it.
    """

    stored_length: int
    source: NDArray[np.intp]
    missing: tuple[str, ...]

    @classmethod
    def between(cls, stored: VectorSchema, wanted: VectorSchema) -> "Conversion":
        """Return the conversion; it fits every vector of the stored schema."""
        position = {column: index for index, column in enumerate(stored.columns)}
        source = np.array([position.get(column, -1) for column in wanted.columns], dtype=np.intp)
        missing = tuple(name for (name, _), index in zip(wanted.columns, source, strict=True) if index < 0)
        return cls(len(stored.columns), source, missing)

    def apply(self, vector: StoredVector, defaults: Vector) -> Vector:
        """Return the vector in the wanted order, with `defaults` where the stored one has nothing.

        Raises:
            CodecError: the vector is not as long as its schema says.
        """
        if len(vector.values) != self.stored_length:
            raise CodecError("a stored vector is not as long as its schema")
        if not self.missing:
            return vector.values[self.source]
        padded = np.append(vector.values, np.float32(np.nan))
        return np.where(self.source < 0, defaults, padded[self.source])


def _digest(definition: Mapping[str, object]) -> str:
    canonical = json.dumps(definition, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]
