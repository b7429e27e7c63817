"""Loads the product book: which affinity keys each product touches."""

from collections.abc import Sequence
from dataclasses import dataclass

from nextbest_service.bulk.product_fields import Product
from nextbest_service.bulk.results import Result
from nextbest_service.customers.incoming import Status
from nextbest_service.errors import FieldViolation, InvalidRequestError
from nextbest_service.store.connection import Store
from nextbest_service.store.products import product_commands
from nextbest_service.store.replies import checked


@dataclass(frozen=True, slots=True)
class ProductLoader:
    """Writes products into the book; what it held of them is replaced."""

    store: Store

    async def load(self, messages: Sequence[Product]) -> list[Result]:
        """Load products and return what became of each."""
        named = {product.id: product.keys for product in messages if product.id}
        if named:
            for reply in await self.store.run([*product_commands(named)]):
                checked(reply)
        missing = InvalidRequestError([FieldViolation("product_id", "is needed")])
        return [Status.APPLIED if product.id else missing for product in messages]
