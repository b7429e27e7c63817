"""From rows to messages: what each column of a file puts into the message of its row."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

from nextbest_rules.loading.suggestions import suggestion
from nextbest_service.bulk.cells import CellError
from nextbest_service.bulk.mapping import Mapping

M = TypeVar("M")
Put: TypeAlias = Callable[[M, Any], None]
"""Puts a cell into a message. Raises CellError where it does not fit, or ValueError, TypeError."""

MAX_LAYOUTS = 1000


class Fields(Protocol[M]):
    """The fields of one kind of rows."""

    @property
    def message(self) -> Callable[[], M]:
        """What makes an empty message."""
        ...

    @property
    def first(self) -> Sequence[str]:
        """Fields that others need to be read: their cells come first."""
        ...

    @property
    def needed(self) -> Sequence[str]:
        """Fields without which no row means anything."""
        ...

    @property
    def line(self) -> str:
        """How fields begin that hold one line of something larger; empty where no row is a line."""
        ...

    def tells_whom(self, name: str) -> bool:
        """Tell whether a field says whom, or what, a row is about."""
        ...

    def put(self, name: str) -> Put[M] | None:
        """Return what puts a cell into a field, None where there is no such field."""
        ...

    def names(self) -> Iterable[str]:
        """Return the names of fields, for suggestions."""
        ...


class ColumnError(Exception):
    """A cell that does not fit its field, or a column that is none."""

    def __init__(self, field: str, description: str) -> None:
        super().__init__(f"{field}: {description}")
        self.field = field
        self.description = description


@dataclass(frozen=True, slots=True)
class Layout(Generic[M]):
    """What the columns of a row put into its message, and what is wrong with the columns."""

    puts: tuple[tuple[int, str, Put[M]], ...]
    faults: tuple[ColumnError, ...]
    fields: frozenset[str]
    whom: tuple[int, ...] = ()
    """The columns that say whom a row is about."""
    line_puts: tuple[tuple[int, str, Put[M]], ...] = ()
    """Those of a line."""
    whole: Callable[[Sequence[Any]], object] | None = None
    """Returns the cells that all lines of one thing have in common; None where rows are no lines."""


class Layouts(Generic[M]):
    """The layouts of a file: one, or as many as its rows have sets of columns."""

    def __init__(self, fields: Fields[M], mapping: Mapping) -> None:
        self._fields = fields
        self._mapping = mapping
        self._constants = tuple(self._constant_puts())
        self._known: dict[tuple[str, ...], Layout[M]] = {}

    def of(self, columns: tuple[str, ...]) -> Layout[M]:
        """Return the layout of rows with these columns."""
        layout = self._known.get(columns)
        if layout is None:
            layout = self._compiled(columns)
            if len(self._known) < MAX_LAYOUTS:
                self._known[columns] = layout
        return layout

    def faults(self, columns: tuple[str, ...]) -> tuple[ColumnError, ...]:
        """Return what is wrong with the columns of a file whose rows all have the same."""
        layout = self.of(columns)
        told = layout.fields | self._mapping.constants.keys()
        missing = (name for name in self._fields.needed if name not in told)
        return (*layout.faults, *(ColumnError(name, "no column holds this field") for name in missing))

    def whom(self, columns: tuple[str, ...], cells: Sequence[Any]) -> str:
        """Return what rows about the same customer have in common; empty where a row does not say."""
        told = (cells[index] for index in self.of(columns).whom)
        return next((str(cell) for cell in told if cell is not None and cell != ""), "")

    def message(self, columns: tuple[str, ...], cells: Sequence[Any]) -> M:
        """Return the message of a row.

        Raises:
            ColumnError: a column is not known, or a cell does not fit; the first one counts.
        """
        layout = self.of(columns)
        if layout.faults:
            raise layout.faults[0]
        message = self._fields.message()
        for cell, name, put in self._constants:
            _put(message, name, put, cell)
        _put_all(message, layout.puts, cells)
        return message

    def line(self, columns: tuple[str, ...], cells: Sequence[Any]) -> M:
        """Return a message with nothing but the line that a row holds.

        Raises:
            ColumnError: a cell does not fit.
        """
        message = self._fields.message()
        _put_all(message, self.of(columns).line_puts, cells)
        return message

    def _compiled(self, columns: tuple[str, ...]) -> Layout[M]:
        puts, faults = [], []
        for index, column in enumerate(columns):
            name = self._mapping.columns.get(column, column)
            if name is None:
                continue
            put = self._fields.put(name)
            if put is None:
                faults.append(ColumnError(column, f"no such field{suggestion(name, self._fields.names())}"))
            else:
                puts.append((index, name, put))
        puts.sort(key=lambda put: self._rank(put[1]))
        layout = Layout(
            tuple(puts),
            tuple(faults),
            frozenset(name for _, name, _ in puts),
            tuple(sorted(index for index, name, _ in puts if self._fields.tells_whom(name))),
        )
        line = self._fields.line
        of_line = tuple(put for put in puts if line and put[1].startswith(line))
        common = [index for index, name, _ in puts if not (line and name.startswith(line))]
        if faults or not of_line or not common:
            return layout
        return replace(layout, line_puts=of_line, whole=itemgetter(*common))

    def _rank(self, name: str) -> int:
        first = self._fields.first
        return first.index(name) if name in first else len(first)

    def _constant_puts(self) -> Iterable[tuple[Any, str, Put[M]]]:
        for name, value in self._mapping.constants.items():
            put = self._fields.put(name)
            if put is None:
                hint = suggestion(name, self._fields.names())
                raise ColumnError(f"constants.{name}", f"no such field{hint}")
            yield value, name, put


def _put_all(message: M, puts: Iterable[tuple[int, str, Put[M]]], cells: Sequence[Any]) -> None:
    for index, name, put in puts:
        cell = cells[index]
        if cell is not None and cell != "":
            _put(message, name, put, cell)


def _put(message: M, name: str, put: Put[M], cell: object) -> None:
    try:
        put(message, cell)
    except CellError as error:
        raise ColumnError(name, str(error)) from None
    except (TypeError, ValueError, AttributeError, KeyError):
        raise ColumnError(name, "not what the field holds") from None
