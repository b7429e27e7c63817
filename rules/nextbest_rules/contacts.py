"""A contact history in columns: most of it is never looked at, so a record is made when somebody does."""

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import NamedTuple, overload

from nextbest_rules.records import Contact

SHARED = 7
"""How many texts a combination has: all fields of a contact but its time and its decision."""
_PLACES = {name: place for place, name in enumerate(("action", "outcome", *Contact._fields[3:-1]))}


class Columns(NamedTuple):
    """What contacts are made of, newest first. Nothing in it is checked again.

    texts: every text that occurs in a combination, once. cells: for each combination its `SHARED` places in
    `texts`: action, outcome, channel, brand, type, issue, group. combinations: of each contact, None where
    each has its own. at_ms: of each contact. ids: of decisions, 16 bytes each. names: of decisions that are
    not of that kind. decisions: of each contact its place in both of them, None where each has its own.
    """

    texts: Sequence[str]
    cells: Sequence[int]
    combinations: Sequence[int] | None
    at_ms: Sequence[int]
    ids: bytes
    names: Sequence[str]
    decisions: Sequence[int] | None

    def shared(self, combination: int) -> Sequence[str]:
        """Return the texts of a combination, in the order of `cells`."""
        texts, begin = self.texts, SHARED * combination
        return [texts[place] for place in self.cells[begin : begin + SHARED]]

    def decision(self, contact: int) -> str:
        """Return the id of a contact's decision."""
        place = contact if self.decisions is None else self.decisions[contact]
        id_ = self.ids[16 * place : 16 * place + 16]
        return id_.hex() if id_ else self.names[place - len(self.ids) // 16]

    def mentions(self, decision: str) -> bool:
        """Tell whether any contact may be one of a decision; where this says no, there is none."""
        if self.names:
            return True
        try:
            return bytes.fromhex(decision) in self.ids
        except ValueError:
            return False


class Contacts(Sequence[Contact]):
    """A contact history, newest first, that reads like a tuple of its records.

    `at_ms` are their times, `columns` what those are made of that were stored: see `Columns`.
    """

    __slots__ = ("_by_outcome", "_made", "_read", "_rows", "at_ms", "columns")

    def __init__(self, columns: Columns) -> None:
        self.columns = columns
        self.at_ms: Sequence[int] = columns.at_ms
        self._rows: Sequence[int] | None = None  # of each contact its place in the columns
        self._made: list[Contact | None] = [None] * len(columns.at_ms)
        self._read: dict[str, Sequence[Hashable]] = {}
        self._by_outcome: Mapping[str, list[int]] | None = None

    @classmethod
    def of(cls, contacts: Sequence[Contact]) -> "Contacts":
        """Return a contact history that may have come as a tuple of records."""
        if isinstance(contacts, cls):
            return contacts
        return cls.none()._holding(contacts)  # noqa: SLF001 - its own

    @classmethod
    def none(cls) -> "Contacts":
        """Return the history of somebody whom nobody ever contacted."""
        return cls(Columns((), (), None, (), b"", (), None))

    def joined(self, others: Iterable[Contact]) -> "Contacts":
        """Return the history with some contacts more; of equally new ones they come last."""
        made = [*self._made, *others]
        at_ms = [*self.at_ms, *(contact.at_ms for contact in made[len(self._made) :] if contact)]
        order = sorted(range(len(at_ms)), key=at_ms.__getitem__, reverse=True)
        rows = [*(self._rows or range(len(self._made))), *range(len(self._made), len(made))]
        joined = Contacts(self.columns)
        joined.at_ms = [*map(at_ms.__getitem__, order)]
        joined._rows = [*map(rows.__getitem__, order)]
        joined._made = [*map(made.__getitem__, order)]
        return joined

    def _holding(self, records: Sequence[Contact]) -> "Contacts":
        self._made, self._rows = [*records], range(len(records))
        self.at_ms = [contact.at_ms for contact in records]
        return self

    def column(self, field: str) -> Sequence[Hashable]:
        """Return what tells the texts of one field apart, contact by contact; `text` reads it."""
        found = self._read.get(field)
        if found is None:
            found = self._read[field] = self._column(field)
        return found

    def text(self, mark: Hashable) -> str:
        """Return the text that something in a column stands for."""
        return self.columns.texts[mark] if type(mark) is int else mark  # type: ignore[return-value]

    @property
    def by_outcome(self) -> Mapping[str, list[int]]:
        """Where the contacts with each outcome stand, ascending."""
        found = self._by_outcome
        if found is None:
            places: dict[Hashable, list[int]] = {}
            for place, mark in enumerate(self.column("outcome")):
                if mark in places:
                    places[mark].append(place)
                else:
                    places[mark] = [place]
            found = self._by_outcome = {self.text(mark): own for mark, own in places.items()}
        return found

    @property
    def propositions(self) -> Sequence[Hashable] | None:
        """What tells decisions apart, contact by contact; None where each has its own or none at all."""
        columns = self.columns
        if self._rows is None and (columns.decisions is None or "" not in columns.names):
            return columns.decisions
        found = self._read.get("decision")
        if found is None:
            found = [contact.decision or place for place, contact in enumerate(self)]
            self._read["decision"] = found
        return found

    def _column(self, field: str) -> Sequence[Hashable]:
        columns, own = self.columns, attrgetter(field)
        if not columns.at_ms:
            return [*map(own, self._made)]
        stored: Sequence[Hashable] = columns.cells[_PLACES[field] :: SHARED]
        if columns.combinations is not None:
            stored = [*map(stored.__getitem__, columns.combinations)]
        if self._rows is None:
            return stored
        size, rows = len(stored), zip(self._rows, self._made, strict=True)
        return [self.text(stored[row]) if row < size else own(made) for row, made in rows]

    def __len__(self) -> int:
        return len(self._made)

    def __iter__(self) -> Iterator[Contact]:
        for place, contact in enumerate(self._made):
            yield contact or self._contact(place)

    @overload
    def __getitem__(self, place: int) -> Contact: ...

    @overload
    def __getitem__(self, place: slice) -> tuple[Contact, ...]: ...

    def __getitem__(self, place: int | slice) -> Contact | tuple[Contact, ...]:
        if isinstance(place, slice):
            return tuple([self[one] for one in range(len(self))[place]])
        return self._made[place] or self._contact(range(len(self))[place])

    def __eq__(self, other: object) -> bool:
        return tuple(self) == tuple(other) if isinstance(other, Contacts | tuple) else NotImplemented

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return repr(tuple(self))

    def _contact(self, place: int) -> Contact:
        columns, row = self.columns, place if self._rows is None else self._rows[place]
        combination = row if columns.combinations is None else columns.combinations[row]
        action, outcome, *others = columns.shared(combination)
        made = tuple.__new__(Contact, (action, outcome, columns.at_ms[row], *others, columns.decision(row)))
        self._made[place] = made
        return made
