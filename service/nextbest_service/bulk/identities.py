"""Names of persons in rows: a column per namespace, or texts and objects that tell the namespace."""

from collections.abc import Callable, Iterable
from typing import Any, Protocol

from nextbest_rules import Catalog
from nextbest_service.bulk.cells import CellError, json_of, text_of


class Named(Protocol):
    """A draft of something about a person: `identities` are namespaces and ids."""

    identities: list[tuple[str, str]]


PREFIX = "identities."


def is_identity(name: str, catalog: Catalog) -> bool:
    """Tell whether a field holds names of a person."""
    return (
        name in {"identity", "identities"}
        or name.startswith(PREFIX)
        or name.lower() in {namespace.name for namespace in catalog.namespaces}
    )


def identity_put(name: str, catalog: Catalog) -> Callable[[Any, Any], None] | None:
    """Return what puts a cell of a field into the identities of a message, None where it is no such field."""
    if name == "identity":
        return _put_text
    if name == "identities":
        return _put_list
    if not is_identity(name, catalog):
        return None
    namespace = name.removeprefix(PREFIX)

    def put(message: Named, cell: object) -> None:
        message.identities.append((namespace, text_of(cell)))

    return put


def identity_names(catalog: Catalog) -> Iterable[str]:
    """Return the fields that hold names of persons."""
    return ("identity", "identities", *(PREFIX + item.name for item in catalog.namespaces))


def _put_text(message: Named, cell: object) -> None:
    namespace, separator, id_ = text_of(cell).partition(":")
    if not separator:
        raise CellError("expected namespace:id, such as customer:4711")
    message.identities.append((namespace, id_))


def _put_list(message: Named, cell: object) -> None:
    items = json_of(cell)
    if not isinstance(items, list):
        raise CellError('expected a list of texts such as "customer:4711"')
    for item in items:
        if isinstance(item, dict) and item.keys() == {"namespace", "id"}:
            message.identities.append((text_of(item["namespace"]), text_of(item["id"])))
        else:
            _put_text(message, item)
