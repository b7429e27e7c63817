"""The installation's secret: lives with the data that it protects, and dies with it."""

import secrets
from typing import cast

from nextbest_service.store import keys
from nextbest_service.store.connection import SyncClient
from nextbest_service.store.keys import KeyRing

_SECRET_BYTES = 32


def read_key_ring(client: SyncClient) -> KeyRing:
    """Return the key ring of this store; the first one to ask makes the secret."""
    client.set(cast(str, keys.SECRET), secrets.token_bytes(_SECRET_BYTES), nx=True)
    return KeyRing(cast(bytes, client.get(cast(str, keys.SECRET))))
