"""The fields of a row of products: which affinity keys each one touches."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from nextbest_rules import Catalog
from nextbest_service.bulk.cells import CellError, keys_of, text_of
from nextbest_service.bulk.layouts import Put

MAX_BYTES = 64
MAX_KEYS = 64
_AFFINITY = "affinities."


@dataclass(slots=True)
class Product:
    """One product, and the affinity keys that it touches by family."""

    id: str = ""
    keys: dict[str, tuple[str, ...]] = field(default_factory=dict)


class ProductFields:
    """Where the cells of a row of products go. Families may stand without their prefix."""

    message = Product
    first: tuple[str, ...] = ()
    needed: tuple[str, ...] = ("product_id",)
    line = ""

    def __init__(self, catalog: Catalog, time_of: Callable[[object], int]) -> None:
        del time_of
        self._families = {item.family for item in catalog.affinities}

    def tells_whom(self, name: str) -> bool:
        """Tell whether a field says whom, or what, a row is about."""
        return name == "product_id"

    def put(self, name: str) -> Put[Product] | None:
        """Return what puts a cell into a field, None where there is no such field."""
        family = name.removeprefix(_AFFINITY)
        if name == "product_id":
            return _put_id
        return _keys(family) if family in self._families else None

    def names(self) -> Iterable[str]:
        """Return the names of fields, for suggestions."""
        return ("product_id", *self._families)


def _put_id(product: Product, cell: object) -> None:
    product.id = text_of(cell)
    if not 1 <= len(product.id.encode()) <= MAX_BYTES:
        raise CellError(f"1 to {MAX_BYTES} bytes")


def _keys(family: str) -> Put[Product]:
    def put(product: Product, cell: object) -> None:
        keys = tuple(dict.fromkeys(key for key in keys_of(cell) if key))
        if len(keys) > MAX_KEYS or any(len(key.encode()) > MAX_BYTES for key in keys):
            raise CellError(f"at most {MAX_KEYS} keys of {MAX_BYTES} bytes each")
        if keys:
            product.keys[family] = keys

    return put
