"""A note in the store about what was loaded, for start-up messages and for people."""

from dataclasses import asdict, dataclass
from typing import cast

import msgpack

from nextbest_service.store import keys
from nextbest_service.store.connection import SyncClient


@dataclass(frozen=True, slots=True)
class Loaded:
    """What the last load put into the store. `as_of_ms`: Unix milliseconds; nothing later is in it."""

    source: str
    as_of_ms: int
    customers: int


def write_loaded(client: SyncClient, loaded: Loaded) -> None:
    """Leave the note."""
    client.set(keys.LOADED, msgpack.packb(asdict(loaded)))


def read_loaded(client: SyncClient) -> Loaded | None:
    """Return the note of the last load, or None where there is none that can be read."""
    blob = cast(bytes | None, client.get(keys.LOADED))
    try:
        return None if blob is None else Loaded(**msgpack.unpackb(blob))
    except (TypeError, ValueError, msgpack.UnpackException):
        return None
