"""What all customers' state is written under: the dictionary of affinity keys, the schemas of vectors.

Both only ever grow, so that state written yesterday reads the same tomorrow. Blocking: used at start and by
loaders.
"""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files
from typing import cast

import msgpack
import redis
import structlog

from nextbest_service.store import keys
from nextbest_service.store.codec import CodecError
from nextbest_service.store.vectors import VectorSchema

log = structlog.get_logger()

BATCH = 1000
_REGISTER = files(__package__).joinpath("register_affinity_keys.lua").read_text()


@dataclass(frozen=True, slots=True)
class AffinityDictionary:
    """All known (family, key) pairs in the order of their ids, and the epoch that names this dictionary."""

    epoch: bytes
    keys: tuple[tuple[str, str], ...]


def register_affinity_keys(client: redis.Redis, wanted: Iterable[tuple[str, str]]) -> AffinityDictionary:
    """Give every wanted (family, key) an id if it has none, and return the whole dictionary."""
    register = client.register_script(_REGISTER)
    fresh_epoch = secrets.token_bytes(8)
    epoch = register(keys=[keys.AFFINITY_KEYS, keys.AFFINITY_EPOCH], args=[fresh_epoch])
    packed = [msgpack.packb(pair) for pair in sorted(wanted)]
    for start in range(0, len(packed), BATCH):
        batch = packed[start : start + BATCH]
        register(keys=[keys.AFFINITY_KEYS, keys.AFFINITY_EPOCH], args=[fresh_epoch, *batch])
    entries = cast(dict[bytes, bytes], client.hgetall(keys.AFFINITY_KEYS))
    ordered = sorted(entries, key=lambda packed: int(entries[packed]))
    return AffinityDictionary(cast(bytes, epoch), tuple(tuple(msgpack.unpackb(packed)) for packed in ordered))


def register_vector_schema(client: redis.Redis, schema: VectorSchema) -> None:
    """Make the schema known, so that vectors written under it can be read by every later version."""
    client.hsetnx(cast(str, keys.VECTOR_SCHEMAS), cast(str, schema.id), schema.to_bytes())


def read_vector_schemas(client: redis.Redis) -> dict[bytes, VectorSchema]:
    """Return every schema that vectors in this store may have, by id; damaged ones are left out."""
    schemas = {}
    for schema_id, blob in cast(dict[bytes, bytes], client.hgetall(keys.VECTOR_SCHEMAS)).items():
        try:
            schemas[schema_id] = VectorSchema.from_bytes(blob)
        except CodecError as error:
            log.error("vector_schema_unreadable", schema=schema_id.hex(), error=str(error))
    return schemas
