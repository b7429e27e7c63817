"""The figures of a decision as its record keeps them: what was made of all candidates.

One behind the other, all numbers little-endian: the mask of the candidates, one bit per action of the legend;
their propensities; value, lever and context weight, where they are others than the legend declares (a context
weight is declared as 1); which are pinned; what each propensity rests on; and the customer's counters of the
keys that candidates have.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nextbest_models.affinity import AffinityCounters, smallest
from nextbest_models.assembly import CandidateAssembler
from nextbest_service.decision_log.entries import LogFormatError
from nextbest_service.decisions.factors import Factors, Rows

Floats = NDArray[np.float32]
Levers = Mapping[tuple[str, str], Floats]

# What the kernels are compiled with.
COLUMNS = 4
"""What a counter is: its id, how many events, the day of the last of them, the sum of their values."""
EACH, ALIKE = 0, 1
"""Whether maturities follow for each candidate, or one for all."""


class Competition(NamedTuple):
    """Everything that passed the rules: its rows in the catalog, ascending, and its figures, all float32.

    `maturity` is what each propensity rests on (see `ladder.Maturity`), 0 in records of earlier versions.
    """

    rows: Rows
    propensity: Floats
    value: Floats
    lever: Floats
    context_weight: Floats
    pinned: NDArray[np.bool_]
    maturity: NDArray[np.int8]


class FigurePacker(NamedTuple):
    """Packs the figures of one generation's decisions.

    `values` and `levers` are those of the legend. Action `a` has the keys `keys[keys[a] : keys[a + 1]]`, all
    of them below `size`.
    """

    values: Floats
    levers: Levers
    keys: NDArray[np.int64]
    size: int
    kernel: Callable[..., NDArray[np.uint8]]

    @classmethod
    def of(cls, values: Floats, levers: Levers, assembler: CandidateAssembler) -> "FigurePacker":
        """Return the packer, ready to run: what it takes was compiled."""
        # Loaded here, because numba is slow to import and most commands pack nothing.
        from nextbest_service.decision_log.figure_kernels import packed_figures  # noqa: PLC0415

        packer = cls(values, levers, *_keys_by_action(assembler, len(values)), packed_figures)
        for writeable in (False, True):
            packer.pack(_nobody(writeable=writeable), next(iter(levers)), AffinityCounters.empty())
        return packer

    def pack(self, factors: Factors, brand_and_goal: tuple[str, str], counters: AffinityCounters) -> bytes:
        """Return the figures of a decision as bytes."""
        packed = self.kernel(
            factors.rows,
            factors.figures,
            factors.pinned,
            factors.maturity,
            (self.values, self.levers[brand_and_goal]),
            counters.table,
            self.keys,
            self.size,
        )
        return packed.tobytes()


def _nobody(*, writeable: bool) -> Factors:
    """Return the factors of no candidates; what models give all of them is kept by rankings, not to write."""
    nothing, flags, maturity = np.empty(0), np.empty(0, np.bool_), np.empty(0, np.int8)
    maturity.flags.writeable = writeable
    return Factors.of(
        rows=np.empty(0, np.intp),
        propensity=nothing,
        value=nothing,
        context_weight=nothing,
        lever=nothing,
        pinned=flags,
        maturity=maturity,
        strength=nothing,
    )


def read_figures(packed: bytes, values: Floats, levers: Floats) -> tuple[Competition, AffinityCounters]:
    """Return what was packed; `values` and `levers` are those that the legend declares for every action.

    Raises:
        LogFormatError: the bytes are no figures.
    """
    try:
        return _Reader(np.frombuffer(packed, np.uint8)).figures(values, levers)
    except (IndexError, ValueError) as error:
        raise LogFormatError("the figures of a decision cannot be read") from error


class _Reader:
    """Takes one part after the other."""

    def __init__(self, packed: NDArray[np.uint8]) -> None:
        self._packed, self._at = packed, 0

    def figures(self, values: Floats, levers: Floats) -> tuple[Competition, AffinityCounters]:
        rows = np.flatnonzero(self._flags(len(values)))
        size = len(rows)
        competition = Competition(
            rows=rows,
            propensity=self._numbers("<f4", size),
            value=self._changed(values[rows]),
            lever=self._changed(levers[rows]),
            context_weight=self._changed(np.ones(size, dtype=np.float32)),
            pinned=self._flags(size) if self._byte() else np.zeros(size, np.bool_),
            maturity=self._maturity(size),
        )
        counters = self._counters()
        if self._at != len(self._packed):
            raise ValueError
        return competition, counters

    def _maturity(self, size: int) -> NDArray[np.int8]:
        if self._byte() == ALIKE:
            return np.full(size, self._byte(), np.int8)
        return self._numbers("i1", size)

    def _changed(self, declared: Floats) -> Floats:
        if not self._byte():
            return declared
        other = self._flags(len(declared))
        figures = declared.copy()
        figures[other] = self._numbers("<f4", int(other.sum()))
        return figures

    def _counters(self) -> AffinityCounters:
        size = int(self._numbers("<u4", 1)[0])
        if not size:
            return AffinityCounters.empty()
        newest = int(self._numbers("<u2", 1)[0])
        gaps, counts, behind, totals = (
            self._numbers(f"<u{self._byte()}", size).astype(np.int64) for _ in range(COLUMNS)
        )
        columns = (counts, newest - behind, totals)
        return AffinityCounters(smallest(gaps.cumsum()), *(column.astype(np.uint16) for column in columns))

    def _flags(self, size: int) -> NDArray[np.bool_]:
        packed = self._numbers("u1", (size + 7) // 8)
        return np.unpackbits(packed, count=size, bitorder="little").view(np.bool_)

    def _byte(self) -> int:
        return int(self._numbers("u1", 1)[0])

    def _numbers(self, kind: str, size: int) -> NDArray[Any]:
        dtype = np.dtype(kind)
        end = self._at + size * dtype.itemsize
        found = self._packed[self._at : end]
        if len(found) != end - self._at:
            raise ValueError
        self._at = end
        return np.frombuffer(found.tobytes(), dtype)


def _keys_by_action(assembler: CandidateAssembler, actions: int) -> tuple[NDArray[np.int64], int]:
    """Return where each action's keys begin and the keys of all families; and what keys are below."""
    tables = [family.table for family in assembler.families]
    size = tables[0].size if tables else 0
    # One number for each pair of an action and its key; `size` itself stands for no key that counters have.
    pairs = [np.repeat(np.arange(actions), it.lengths) * (size + 1) + it.ids for it in tables]
    different = np.unique(np.concatenate([np.empty(0, np.int64), *pairs]))
    owners, keys = np.divmod(different, size + 1)
    real = keys < size
    begins = np.searchsorted(owners[real], np.arange(actions + 1)) + actions + 1
    return np.concatenate([begins, keys[real]]).astype(np.int64), size
