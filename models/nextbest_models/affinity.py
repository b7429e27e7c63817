"""Sparse counters of what a customer touched: the stuff that pair features are made of."""

from collections.abc import Iterable, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

MAX_COUNT: int = np.iinfo(np.uint16).max

KeyIds: TypeAlias = NDArray[np.uint16] | NDArray[np.uint32]
AffinityKey: TypeAlias = tuple[str, str]
_Columns: TypeAlias = tuple[KeyIds, NDArray[np.uint16], NDArray[np.uint16], NDArray[np.uint16]]


class AffinityKeysError(ValueError):
    """A list of affinity keys cannot be a dictionary: a key stands in it twice."""


class AffinityKeys:
    """The dictionary (family, key) <-> small integer id.

    Ids count up from 0 in the order of adding. They are stored with every customer, so an id never changes
    its meaning: `extended` makes a larger dictionary in which all old ids stay. Immutable.
    """

    __slots__ = ("_ids", "_keys")

    def __init__(self, keys: Iterable[AffinityKey] = ()) -> None:
        self._keys = tuple((family, key) for family, key in keys)
        self._ids = {key: number for number, key in enumerate(self._keys)}
        if len(self._ids) != len(self._keys):
            raise AffinityKeysError("an affinity key stands in the dictionary twice")

    def __len__(self) -> int:
        return len(self._keys)

    def stored(self, ids: NDArray[np.int64]) -> KeyIds:
        """Return ids in the smallest integer type that holds all of this dictionary."""
        return ids.astype(np.uint16) if len(self) <= np.iinfo(np.uint16).max + 1 else ids.astype(np.uint32)

    def extended(self, keys: Iterable[AffinityKey]) -> "AffinityKeys":
        """Return a dictionary with the unknown ones of `keys` added behind the known ones, in their order."""
        added = dict.fromkeys(key for key in keys if key not in self._ids)
        return AffinityKeys((*self._keys, *added)) if added else self

    def ids_for(self, family: str, keys: Sequence[str]) -> NDArray[np.int64]:
        """Return the id of each key, -1 for a key the dictionary does not know."""
        return np.array([self._ids.get((family, key), -1) for key in keys], dtype=np.int64)

    def key(self, key_id: int) -> AffinityKey:
        """Return the family and key of an id that the dictionary gave."""
        return self._keys[key_id]

    def to_plain(self) -> list[list[str]]:
        """Return `[family, key]` pairs in the order of ids, fit for JSON and msgpack."""
        return [[family, key] for family, key in self._keys]

    @classmethod
    def from_plain(cls, pairs: Iterable[Sequence[str]]) -> "AffinityKeys":
        """Read back what `to_plain` gave."""
        return cls((family, key) for family, key in pairs)


class AffinityCounters:
    """One customer's sparse counters: a row for each key ever touched, ascending by key id. Immutable.

    counts: uint16, events that touched the key; stays at 65,535.
    last_days: uint16, day of the last of them, in days since 1970-01-01 UTC.
    totals: uint16, sum of the family's value over them, in the family's units; stays at 65,535.

    They are kept as the columns or as the table that they came as, and one is made of the other when needed.
    """

    __slots__ = ("_columns", "_table")

    def __init__(
        self,
        ids: KeyIds,
        counts: NDArray[np.uint16],
        last_days: NDArray[np.uint16],
        totals: NDArray[np.uint16],
    ) -> None:
        self._columns: _Columns | None = (ids, counts, last_days, totals)
        self._table: NDArray[np.int64] | None = None

    @classmethod
    def empty(cls) -> "AffinityCounters":
        """Return the counters of somebody who touched nothing."""
        return cls(*(np.empty(0, dtype=np.uint16) for _ in range(4)))

    @classmethod
    def of(cls, table: NDArray[np.int64]) -> "AffinityCounters":
        """Return the counters of a table, which is kept: see `table`."""
        made = cls.__new__(cls)
        made._columns, made._table = None, table  # noqa: SLF001 - its own
        return made

    @property
    def table(self) -> NDArray[np.int64]:
        """All columns as int64 [4, keys], contiguous: ids, counts, last days, totals. Not to be changed."""
        if self._table is None:
            ids, *statistics = self._all
            table = np.empty((4, len(ids)), dtype=np.int64)
            table[0], (table[1], table[2], table[3]) = ids, statistics
            self._table = table
        return self._table

    @property
    def ids(self) -> KeyIds:
        """The ids of the keys, uint16 where all of them fit, else uint32."""
        return self._all[0]

    @property
    def counts(self) -> NDArray[np.uint16]:
        """How many events touched each key."""
        return self._all[1]

    @property
    def last_days(self) -> NDArray[np.uint16]:
        """The day of the last event of each key."""
        return self._all[2]

    @property
    def totals(self) -> NDArray[np.uint16]:
        """The sum of the family's value of each key."""
        return self._all[3]

    @property
    def statistics(self) -> tuple[NDArray[np.uint16], NDArray[np.uint16], NDArray[np.uint16]]:
        """One column per statistic, in the order in which the constructor takes them after `ids`."""
        return self._all[1:]

    @property
    def _all(self) -> "_Columns":
        if self._columns is None:
            ids, *statistics = self.table
            counts, last_days, totals = (column.astype(np.uint16) for column in statistics)
            self._columns = smallest(ids), counts, last_days, totals
        return self._columns

    def __len__(self) -> int:
        return len(self._all[0]) if self._table is None else self._table.shape[1]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, AffinityCounters):
            return NotImplemented
        pairs = zip((self.ids, *self.statistics), (other.ids, *other.statistics), strict=True)
        return all(np.array_equal(one, two) for one, two in pairs)

    def __hash__(self) -> int:
        return hash(tuple(self.ids.tolist()))

    def only(self, wanted: NDArray[np.bool_]) -> "AffinityCounters":
        """Return the counters that have a flag."""
        return AffinityCounters(self.ids[wanted], *(column[wanted] for column in self.statistics))

    @property
    def nbytes(self) -> int:
        """Size of the bare columns in bytes."""
        return sum(column.nbytes for column in self._all)


def smallest(ids: NDArray[np.int64]) -> KeyIds:
    """Return ascending key ids in the smallest integer type that holds them."""
    if len(ids) and ids[-1] > MAX_COUNT:
        return ids.astype(np.uint32)
    return ids.astype(np.uint16)
