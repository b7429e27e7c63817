"""Feature states as the store keeps them: the models' own bytes, sealed."""

from collections.abc import Callable
from typing import TypeVar

from nextbest_models.affinity import AffinityCounters, AffinityKeys
from nextbest_models.online import FeatureState, OnlineFeatures
from nextbest_models.state_codec import StateCodec, StateError
from nextbest_models.state_codec import UnknownSchemaError as UnknownStateSchemaError
from nextbest_models.state_codec.vectors import Vector
from nextbest_service.store.codec import SEAL_BYTES, CodecError, seal, unseal

T = TypeVar("T")

FEATURES = "features"
COUNTERS = "counters"


class UnknownSchemaError(CodecError):
    """Features were written under a schema that this reader has not learnt yet; `schema_id` names it."""

    def __init__(self, schema_id: bytes) -> None:
        super().__init__(f"stored features have the unknown schema {schema_id.hex()}")
        self.schema_id = schema_id


class FeatureCodec:
    """Writes and reads feature states under one generation's features and affinity dictionary.

    `epoch` names the dictionary, `keys` are those that it has so far. `schema`, by its `schema_id`, is what
    the registry has to hold before any state is written. `tag` is eight bytes that name the dictionary
    together with the meaning of the counters.
    """

    __slots__ = ("_begin", "_states", "features", "schema", "schema_id", "tag")

    def __init__(self, features: OnlineFeatures, keys: AffinityKeys, epoch: bytes) -> None:
        self.features = features
        self._states = StateCodec(features, keys, epoch)
        self.schema, self.schema_id = self._states.schema, self._states.schema_id
        self._begin = seal(FEATURES, self.schema_id)[:-SEAL_BYTES]
        self.tag = self._states.counters_tag

    def learn(self, schema: bytes) -> None:
        """Make features that were written under one more schema readable.

        Raises:
            CodecError: the bytes are no schema.
        """
        _read(lambda: self._states.learn(schema))

    def unknown_schema(self, blob: bytes) -> bytes | None:
        """Return the schema of stored features if it must be learnt before they can be read."""
        if blob.startswith(self._begin):
            return None  # the usual case; whether they are whole shows when they are read
        try:
            return self._states.unknown_schema(unseal(FEATURES, blob))
        except CodecError:
            return None

    def encode(self, state: FeatureState) -> tuple[bytes | None, bytes | None]:
        """Return a portion's features and counters, None where there is nothing to store."""
        features, counters = self._states.encode(state)
        return (
            seal(FEATURES, features) if features else None,
            seal(COUNTERS, counters) if counters else None,
        )

    def decode(self, features: bytes | None, counters: bytes | None) -> FeatureState | None:
        """Return a portion's state, None where neither field is there.

        Raises:
            UnknownSchemaError: learn the schema and try again.
            CodecError: one of them is damaged, or was written under another dictionary.
        """
        if features is None and counters is None:
            return None
        state = self.features.empty if features is None else self.without_counters(features)
        return state if counters is None else FeatureState(state.tallies, self.counters(counters))

    def without_counters(self, blob: bytes) -> FeatureState:
        """Return what is stored of a portion's features; raises as `decode` does."""
        body = unseal(FEATURES, blob)
        return FeatureState((_read(lambda: self._states.tally(body)),), self.features.empty.counters)

    def vector(self, blob: bytes, now_ms: int) -> Vector | None:
        """Return what stored features come to at a moment, None where they have to be decoded for it.

        Raises:
            CodecError: they are damaged.
        """
        return self._states.vector(unseal(FEATURES, blob), now_ms)

    def counters(self, blob: bytes) -> AffinityCounters:
        """Return a portion's counters; raises as `decode` does."""
        try:
            return self._states.counters(unseal(COUNTERS, blob))
        except StateError as error:
            raise CodecError(str(error)) from error


def _read(read: Callable[[], T]) -> T:
    try:
        return read()
    except UnknownStateSchemaError as error:
        raise UnknownSchemaError(error.schema_id) from error
    except StateError as error:
        raise CodecError(str(error)) from error
