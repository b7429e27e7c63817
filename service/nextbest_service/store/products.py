"""The product book: which affinity keys a product belongs to, for events that do not say so themselves."""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

import msgpack
import structlog

from nextbest_service.store import keys
from nextbest_service.store.connection import Store
from nextbest_service.store.line import Command
from nextbest_service.store.replies import checked

ROOM = 100_000
FRESH_SECONDS = 60.0
_BATCH = 1000

ProductKeys: TypeAlias = Mapping[str, tuple[str, ...]]
"""The affinity keys of one product, by family."""

log = structlog.get_logger()


class ProductBook:
    """Reads the product book. What was read is good for a minute, also that there is nothing."""

    def __init__(self, store: Store, room: int = ROOM, seconds: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._room = room
        self._seconds = seconds
        self._known: OrderedDict[str, tuple[float, ProductKeys]] = OrderedDict()

    async def keys_of(self, products: Iterable[str]) -> Mapping[str, ProductKeys]:
        """Return the keys of products that the book has; the others are left out.

        Raises:
            StoreUnavailableError: the store did not answer in time.
        """
        wanted = [*dict.fromkeys(products)]
        if not wanted:
            return {}
        now = self._seconds()
        found = {product: keys_ for product in wanted if (keys_ := self._fresh(product, now)) is not None}
        missing = [product for product in wanted if product not in found]
        for start in range(0, len(missing), _BATCH):
            batch = missing[start : start + _BATCH]
            found.update(zip(batch, await self._read(batch), strict=True))
        for product in missing:
            self._known[product] = (now, found[product])
        while len(self._known) > self._room:
            self._known.popitem(last=False)
        return {product: keys_ for product, keys_ in found.items() if keys_}

    def _fresh(self, product: str, now: float) -> ProductKeys | None:
        held = self._known.get(product)
        if held is None or now - held[0] > FRESH_SECONDS:
            return None
        self._known.move_to_end(product)
        return held[1]

    async def _read(self, products: list[str]) -> list[ProductKeys]:
        (blobs,) = await self._store.run([("HMGET", keys.PRODUCTS, *products)])
        return [decode_product(blob) if blob else {} for blob in checked(blobs)]


def product_commands(products: Mapping[str, ProductKeys]) -> Iterable[Command]:
    """Yield the commands that write products into the book."""
    packed = [(product, encode_product(keys_)) for product, keys_ in products.items()]
    for start in range(0, len(packed), _BATCH):
        batch = packed[start : start + _BATCH]
        yield ("HSET", keys.PRODUCTS, *(part for entry in batch for part in entry))


def encode_product(product: ProductKeys) -> bytes:
    """Return the bytes of one product."""
    packed: bytes = msgpack.packb({family: [*keys_] for family, keys_ in product.items()})
    return packed


def decode_product(blob: bytes) -> ProductKeys:
    """Read a product back; a damaged one has no keys."""
    try:
        content = msgpack.unpackb(blob)
        return {str(family): tuple(map(str, keys_)) for family, keys_ in content.items()}
    except (AttributeError, TypeError, ValueError, msgpack.UnpackException):
        log.error("product_unreadable")
        return {}
