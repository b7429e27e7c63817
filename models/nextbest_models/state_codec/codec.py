"""Feature states as the store keeps them: two strings of bytes for each portion, features and counters.

Each begins with eight bytes that name what it was written under, and can be read without the other. There is
no checksum: whoever stores the bytes seals them.
"""

import hashlib
import json
import struct
from collections.abc import Callable
from dataclasses import asdict
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from nextbest_models.affinity import AffinityCounters, AffinityKeys
from nextbest_models.online.engine import OnlineFeatures
from nextbest_models.online.state import FeatureState
from nextbest_models.online.tallies import Tally
from nextbest_models.state_codec import counters as counters_codec
from nextbest_models.state_codec import tallies as tallies_codec
from nextbest_models.state_codec.failures import StateError, UnknownSchemaError
from nextbest_models.state_codec.schema import Conversion, Family, StateSchema
from nextbest_models.state_codec.vectors import Vector, VectorReader

_NAME_BYTES = 8
_FOREIGN = (ValueError, LookupError, OverflowError, struct.error)
_SOMETHING_ELSE = "a stored feature state is something else"
_Found = TypeVar("_Found")


class StateCodec:
    """Writes states under one specification and dictionary, and reads those of every schema it has learnt.

    `schema_id` and `schema` are what the registry of the store has to hold before any state is written.
    `counters_tag`: eight bytes that name the meaning of counters and the dictionary of their ids.
    """

    __slots__ = (
        "_conversions",
        "_dictionary",
        "_empty",
        "_keys",
        "_lost",
        "_streams",
        "_vectors",
        "_wanted",
        "counters_tag",
        "schema",
        "schema_id",
    )

    def __init__(self, online: OnlineFeatures, keys: AffinityKeys, dictionary: bytes) -> None:
        """Prepare to write and read.

        `dictionary` names the one that gives the key ids; `keys` are those it has so far.
        """
        self._keys = keys
        self._dictionary = dictionary
        self._empty = online.empty
        self._streams = online.layouts
        self._vectors = VectorReader(online.layouts, online.reader)
        self._wanted = StateSchema.of(online.spec)
        self._conversions: dict[bytes, Conversion] = {}
        self._lost: dict[bytes, NDArray[np.int64]] = {}
        self.counters_tag = _counters_tag(self._wanted.families, dictionary)
        self.schema = self._wanted.to_bytes()
        self.schema_id = self._wanted.id
        self.learn(self.schema)

    def learn(self, entry: bytes) -> None:
        """Make states of one more schema readable, given as the registry holds it.

        Raises:
            StateError: the entry is damaged.
        """
        stored = StateSchema.from_bytes(entry)
        conversion = Conversion(stored, self._wanted)
        self._conversions[stored.id] = conversion
        lost = [
            key_id
            for key_id, (family, _) in enumerate(self._keys.to_plain())
            if family in conversion.lost_families
        ]
        self._lost[_counters_tag(stored.families, self._dictionary)] = np.array(lost, dtype=np.int64)

    def unknown_schema(self, features: bytes) -> bytes | None:
        """Return the id of the schema that has to be learnt before these features can be read, if any."""
        schema_id = features[:_NAME_BYTES]
        return None if not schema_id or schema_id in self._conversions else schema_id

    def encode(self, state: FeatureState) -> tuple[bytes, bytes]:
        """Return a portion's features and counters as bytes; what holds nothing is empty."""
        (tally,) = state.tallies
        features = counters = b""
        if tally != self._empty.tallies[0]:
            features = self.schema_id + tallies_codec.encode(self._streams, tally)
        if len(state.counters.ids):
            counters = self.counters_tag + counters_codec.encode(state.counters)
        return features, counters

    def decode(self, features: bytes, counters: bytes) -> FeatureState:
        """Read a portion's state back.

        Raises:
            UnknownSchemaError: learn the schema from the registry and try again.
            StateError: the bytes are something else, or the counters belong to another dictionary.
        """
        return FeatureState((self.tally(features),), self.counters(counters))

    def tally(self, features: bytes) -> Tally:
        """Read a portion's features alone.

        Raises:
            UnknownSchemaError: learn the schema from the registry and try again.
            StateError: the bytes are something else.
        """
        if not features:
            return self._empty.tallies[0]
        if (unknown := self.unknown_schema(features)) is not None:
            raise UnknownSchemaError(unknown)
        schema_id, body = features[:_NAME_BYTES], features[_NAME_BYTES:]
        if schema_id == self.schema_id:
            return _read(lambda: tallies_codec.decode(self._streams, body))
        conversion = self._conversions[schema_id]
        return _read(lambda: conversion.apply(tallies_codec.decode(conversion.stored.streams, body)))

    def vector(self, features: bytes, now_ms: int) -> Vector | None:
        """Return what the features of a portion alone come to at a moment, straight from its bytes.

        None where they have to be decoded for it: values were given of what is counted, too, the schema is
        another one, or the bytes are something else.
        """
        if not features.startswith(self.schema_id):
            return None
        return self._vectors.vector(features, _NAME_BYTES, now_ms)

    def counters(self, counters: bytes) -> AffinityCounters:
        """Read a portion's counters alone.

        Raises:
            StateError: the bytes are something else, or belong to another dictionary.
        """
        if not counters:
            return self._empty.counters
        lost = self._lost.get(counters[:_NAME_BYTES])
        if lost is None:
            raise StateError(
                "stored counters belong to another dictionary, or to unknown affinity definitions"
            )
        try:
            found = counters_codec.decode(counters, _NAME_BYTES)
        except _FOREIGN as error:
            raise StateError(_SOMETHING_ELSE) from error
        if not len(lost):
            return found
        kept = ~np.isin(found.ids, lost)
        return AffinityCounters(found.ids[kept], *(column[kept] for column in found.statistics))


def _counters_tag(families: tuple[Family, ...], dictionary: bytes) -> bytes:
    meaning = json.dumps([asdict(family) for family in families], sort_keys=True)
    return hashlib.sha256(meaning.encode() + dictionary).digest()[:_NAME_BYTES]


def _read(decode: Callable[[], _Found]) -> _Found:
    try:
        return decode()
    except _FOREIGN as error:
        raise StateError(_SOMETHING_ELSE) from error
