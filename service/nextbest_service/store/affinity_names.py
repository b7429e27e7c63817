"""What the ids of affinity keys stand for, also those that other processes gave out meanwhile."""

import msgpack

from nextbest_models.affinity import AffinityKeys
from nextbest_service.store import keys
from nextbest_service.store.connection import Store
from nextbest_service.store.replies import checked_hash


class AffinityNames:
    """The dictionary of affinity keys, read again when an id comes up that it does not have."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._dictionary = AffinityKeys()

    async def up_to(self, highest: int) -> AffinityKeys:
        """Return the dictionary, with all ids up to one.

        Raises:
            StoreUnavailableError: the store did not answer in time.
        """
        if highest >= len(self._dictionary):
            (reply,) = await self._store.run([("HGETALL", keys.AFFINITY_KEYS)])
            entries = checked_hash(reply).items()
            numbered = sorted((int(number), tuple(msgpack.unpackb(key))) for key, number in entries)
            self._dictionary = AffinityKeys((family, key) for _, (family, key) in numbered)
        return self._dictionary
