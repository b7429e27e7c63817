"""The fields of a row of a batch: whom it is about, and what it says of its own question."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from nextbest_rules import Catalog, ValueType
from nextbest_service.bulk.cells import CellError, flag_of, keys_of, number_of, text_of
from nextbest_service.bulk.identities import identity_names, identity_put, is_identity
from nextbest_service.bulk.layouts import Put

CONTEXT = "context."
OWN = ("channel", "brand", "goal", "locale")
Scalar = str | float | bool | tuple[str, ...]


@dataclass(slots=True)
class Draft:
    """What one row says. `namespace` and `id` are one name of the person, `identities` are others.

    `own` are the fields of `OWN` by name, `context` values by key, in the types that messages have.
    """

    namespace: str = ""
    id: str = ""
    identities: list[tuple[str, str]] = field(default_factory=list)
    own: dict[str, str] = field(default_factory=dict)
    context: dict[str, Scalar] = field(default_factory=dict)

    @property
    def names(self) -> list[tuple[str, str]]:
        """All names, as (namespace, id), in the order of the fields."""
        told = [(self.namespace, self.id)] if self.namespace or self.id else []
        return told + self.identities


class RowFields:
    """Where the cells of a row of a batch go."""

    message = Draft
    first: tuple[str, ...] = ()
    needed: tuple[str, ...] = ()
    line = ""

    def __init__(self, catalog: Catalog, time_of: Callable[[object], int]) -> None:
        self._catalog = catalog
        self._time_of = time_of

    def tells_whom(self, name: str) -> bool:
        """Tell whether a field says whom a row is about."""
        return name == "id" or is_identity(name, self._catalog)

    def put(self, name: str) -> Put[Draft] | None:
        """Return what puts a cell into a field, None where there is no such field."""
        if name in {"namespace", "id"}:
            return _attribute(name)
        if name in OWN:
            return _own(name)
        return identity_put(name, self._catalog) or self._context(name)

    def names(self) -> Iterable[str]:
        """Return the names of fields, for suggestions."""
        yield from ("namespace", "id", *OWN)
        yield from identity_names(self._catalog)
        yield from (CONTEXT + key for key in self._catalog.context.declarations)

    def _context(self, name: str) -> Put[Draft] | None:
        key = name.removeprefix(CONTEXT)
        if key == name or key not in self._catalog.context.declarations:
            return None
        read = context_reader(self._catalog, key, self._time_of)

        def put(draft: Draft, cell: object) -> None:
            draft.context[key] = read(cell)

        return put


def context_reader(
    catalog: Catalog, key: str, time_of: Callable[[object], int]
) -> Callable[[object], Scalar]:
    """Return what reads cells of a context's declared type as messages have them: times in milliseconds.

    Raises:
        KeyError: the catalog declares no such context.
    """
    match catalog.context.declarations[key].type:
        case ValueType.BOOL:
            return flag_of
        case ValueType.INT | ValueType.DOUBLE:
            return number_of
        case ValueType.TIMESTAMP:
            return lambda cell: float(time_of(cell))
        case ValueType.STRINGS:
            return keys_of
        case ValueType.STRING:
            return text_of
        case _:
            raise CellError("a context of this type cannot be given")


def _attribute(name: str) -> Put[Draft]:
    def put(draft: Draft, cell: object) -> None:
        setattr(draft, name, text_of(cell))

    return put


def _own(name: str) -> Put[Draft]:
    def put(draft: Draft, cell: object) -> None:
        draft.own[name] = text_of(cell)

    return put
