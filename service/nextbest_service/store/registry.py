"""What all customers' state is written under: the dictionary of affinity keys, the schemas of features.

Both only ever grow, so that state written yesterday reads the same tomorrow.
"""

import hashlib
import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any, cast

import msgpack
import structlog

from nextbest_models.affinity import AffinityKey
from nextbest_service.store import keys
from nextbest_service.store.codec import CodecError
from nextbest_service.store.connection import Store, SyncClient
from nextbest_service.store.feature_codec import FeatureCodec
from nextbest_service.store.replies import checked

log = structlog.get_logger()

BATCH = 1000
MOST_AFFINITY_KEYS = 1_000_000
_REGISTER = files(__package__).joinpath("register_affinity_keys.lua").read_text()
_REGISTER_SHA = hashlib.sha1(_REGISTER.encode()).hexdigest()  # noqa: S324 - the server's name for it
_REGISTER_KEYS = (keys.AFFINITY_KEYS, keys.AFFINITY_EPOCH)


@dataclass(frozen=True, slots=True)
class AffinityDictionary:
    """All known (family, key) pairs in the order of their ids, and the epoch that names this dictionary."""

    epoch: bytes
    keys: tuple[AffinityKey, ...]


@dataclass(frozen=True, slots=True)
class AffinityIds:
    """The ids of affinity keys in a running service: they grow as keys come in that nobody had met before.

    `known` is changed in place. Keys beyond the `MOST_AFFINITY_KEYS`th have no id.
    """

    store: Store
    epoch: bytes
    known: dict[AffinityKey, int] = field(default_factory=dict)

    @classmethod
    def of(cls, store: Store, dictionary: AffinityDictionary) -> "AffinityIds":
        """Return the ids of a dictionary as it was at the start."""
        return cls(store, dictionary.epoch, {key: number for number, key in enumerate(dictionary.keys)})

    async def meet(self, wanted: Iterable[AffinityKey]) -> None:
        """Give every key an id that has none.

        Raises:
            StoreUnavailableError: the store did not answer in time; asking again is harmless.
        """
        unknown = sorted({*wanted} - self.known.keys())
        if not unknown:
            return
        script = self.store.script(_REGISTER, _REGISTER_SHA)
        batches = [*_batches(unknown)]
        replies = await self.store.run([script.call(_REGISTER_KEYS, _arguments(batch)) for batch in batches])
        for batch, reply in zip(batches, replies, strict=True):
            self._learn(batch, checked(reply))

    def _learn(self, batch: Sequence[AffinityKey], reply: Sequence[Any]) -> None:
        epoch, *ids = reply
        if epoch != self.epoch:
            # The ids of a running service stay those it started with.
            log.error("affinity_dictionary_replaced")
            return
        self.known.update((key, int(id_)) for key, id_ in zip(batch, ids, strict=True) if id_ is not None)


def register_affinity_keys(client: SyncClient, wanted: Iterable[AffinityKey]) -> AffinityDictionary:
    """Give every wanted (family, key) an id if it has none, and return the whole dictionary. Blocking."""
    epoch = b""
    for batch in [[], *_batches(sorted(wanted))]:
        reply = cast("list[Any]", client.eval(_REGISTER, 2, *_REGISTER_KEYS, *_arguments(batch)))  # type: ignore[arg-type]
        epoch = reply[0]
    entries = cast("dict[bytes, bytes]", client.hgetall(cast(str, keys.AFFINITY_KEYS)))
    ordered = sorted(entries, key=lambda packed: int(entries[packed]))
    return AffinityDictionary(epoch, tuple(tuple(msgpack.unpackb(packed)) for packed in ordered))


def register_schema(client: SyncClient, features: FeatureCodec) -> None:
    """Make a codec's schema known, and make known to it all that were registered before. Blocking.

    A schema that is damaged is left out: what was written under it cannot be read.
    """
    client.hsetnx(cast(str, keys.STATE_SCHEMAS), cast(str, features.schema_id), cast(str, features.schema))
    entries = cast("dict[bytes, bytes]", client.hgetall(cast(str, keys.STATE_SCHEMAS)))
    for schema_id, schema in entries.items():
        try:
            features.learn(schema)
        except CodecError as error:
            log.error("feature_schema_unreadable", schema=schema_id.hex(), error=str(error))


def _batches(wanted: Sequence[AffinityKey]) -> Iterator[Sequence[AffinityKey]]:
    for start in range(0, len(wanted), BATCH):
        yield wanted[start : start + BATCH]


def _arguments(batch: Sequence[AffinityKey]) -> list[object]:
    return [secrets.token_bytes(8), MOST_AFFINITY_KEYS, *map(msgpack.packb, batch)]
