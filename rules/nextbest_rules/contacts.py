"""A contact history in columns: most of it is never looked at, so a record is made when somebody does."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, overload

from nextbest_rules.records import Contact

SHARED = 7
"""How many texts a combination has: all fields of a contact but its time and its decision."""


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

    __slots__ = ("_made", "_rows", "at_ms", "columns")

    def __init__(self, columns: Columns) -> None:
        self.columns = columns
        self.at_ms: Sequence[int] = columns.at_ms
        self._rows: Sequence[int] = range(len(columns.at_ms))
        self._made: list[Contact | None] = [None] * len(columns.at_ms)

    @classmethod
    def none(cls) -> "Contacts":
        """Return the history of somebody whom nobody ever contacted."""
        return cls(Columns((), (), None, (), b"", (), None))

    def joined(self, others: Iterable[Contact]) -> "Contacts":
        """Return the history with some contacts more; of equally new ones they come last."""
        made = [*self._made, *others]
        at_ms = [*self.at_ms, *(contact.at_ms for contact in made[len(self._made) :] if contact)]
        order = sorted(range(len(at_ms)), key=at_ms.__getitem__, reverse=True)
        rows = [*self._rows, *range(len(self._rows), len(made))]
        joined = Contacts(self.columns)
        joined.at_ms = [*map(at_ms.__getitem__, order)]
        joined._rows = [*map(rows.__getitem__, order)]
        joined._made = [*map(made.__getitem__, order)]
        return joined

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
        row, columns = self._rows[place], self.columns
        combination = row if columns.combinations is None else columns.combinations[row]
        action, outcome, *others = columns.shared(combination)
        made = tuple.__new__(Contact, (action, outcome, columns.at_ms[row], *others, columns.decision(row)))
        self._made[place] = made
        return made
