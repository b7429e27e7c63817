"""What each value of a column does to the trees' words, laid out so that one look-up and one row tell it.

The splits of a numerical column are sorted by threshold. A value fails a run of them from the first on, so
that the words they keep can be ANDed beforehand: a row for each `stride` splits, and what is left of the run
one by one. Missing and zero have rows of their own. A categorical column has one row for each kind of
category.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from nextbest_models.scoring.kernels import BLOCK, CATEGORICAL, NUMERICAL, Column, Tables, Words
from nextbest_models.scoring.model_text import UnsupportedModelError
from nextbest_models.scoring.trees import MISSING_NAN, MISSING_ZERO, Forest, Split

MAX_RUN_BYTES = 512 << 10
"""The rows of runs should stay in the processor's second cache, beside all else that a decision touches; a
longer stride makes them fewer."""
MAX_CATEGORY_BYTES = 64 << 20
_ALIGNMENT = 32


def tables_of(forest: Forest, run_bytes: int = MAX_RUN_BYTES) -> Tables:
    """Lay out the tables of a model; the rows of its runs take at most `run_bytes`, or one row per column.

    Raises:
        UnsupportedModelError: a column is both numerical and categorical, or has far too many categories.
    """
    splits: dict[int, list[Split]] = defaultdict(list)
    for split in forest.splits:
        splits[split.column].append(split)
    return _Layout(forest, splits, run_bytes).tables()


def word_type(leaves: int) -> np.dtype[Any]:
    """Return the smallest unsigned integer type with a bit for each leaf."""
    return np.dtype(next(f"u{size}" for size in (2, 4, 8) if leaves <= size * 8))


class _Layout:
    """Tables while they grow, column by column."""

    def __init__(self, forest: Forest, splits: dict[int, list[Split]], run_bytes: int) -> None:
        self._word = word_type(forest.leaves.shape[1])
        step = _ALIGNMENT // self._word.itemsize
        self._width = -(-forest.trees // step) * step
        self._splits = splits
        self._columns = np.zeros((forest.columns, len(Column._fields)), dtype=np.int64)
        rows = run_bytes // (self._width * self._word.itemsize)
        self._shift = _shift([len(it) for it in splits.values()], rows)
        self._thresholds: list[float] = []
        self._trees: list[int] = []
        self._keeps: list[int] = []
        self._rows: list[Words] = [self._keep_all()]
        self._category_rows: list[int] = []

    def tables(self) -> Tables:
        for column, splits in self._splits.items():
            categorical = [split.categories is not None for split in splits]
            if any(categorical) and not all(categorical):
                raise UnsupportedModelError(f"column {column} is numerical here and categorical there")
            add = self._add_categorical if any(categorical) else self._add_numerical
            self._columns[column] = add(splits)
        thresholds = np.array(self._thresholds, dtype=np.float64).reshape(-1, BLOCK)
        return Tables(
            columns=self._columns,
            thresholds=thresholds,
            fences=thresholds[:, -1].copy(),
            trees=np.array(self._trees, dtype=np.int32),
            keeps=np.array(self._keeps, dtype=self._word),
            table=np.array(self._rows, dtype=self._word),
            category_rows=np.array(self._category_rows, dtype=np.int32),
            shift=self._shift,
        )

    def _add_numerical(self, splits: Sequence[Split]) -> Column:
        ordered = sorted(splits, key=lambda split: split.threshold)
        begin, run = len(self._thresholds) // BLOCK, len(self._rows)
        filling = BLOCK - len(ordered) % BLOCK
        self._thresholds += [*(split.threshold for split in ordered), *[np.inf] * filling]
        self._trees += [*(split.tree for split in ordered), *[0] * filling]
        self._keeps += [*(self._word_of(split) for split in ordered), *[0] * filling]
        self._rows += self._runs(ordered)
        return Column(
            kind=NUMERICAL,
            begin=begin,
            end=len(self._thresholds) // BLOCK,
            run=run,
            missing=self._add_row(split for split in ordered if not _true_for_missing(split)),
            zero=self._add_row(split for split in ordered if not _true_for_zero(split)),
        )

    def _add_categorical(self, splits: Sequence[Split]) -> Column:
        known = [split.categories for split in splits if split.categories is not None]
        size = max((int(members[-1]) + 1 for members in known if len(members)), default=0)
        left = np.zeros((len(splits), size), dtype=np.bool_)
        for row, members in zip(left, known, strict=True):
            row[members] = True
        if not size:
            missing = self._add_row(splits)
            return Column(CATEGORICAL, missing=missing, zero=missing)
        kinds, kind_of = np.unique(left, axis=1, return_inverse=True)
        if kinds.shape[1] * self._width * self._word.itemsize > MAX_CATEGORY_BYTES:
            raise UnsupportedModelError("a column has too many categories")
        begin, missing = len(self._category_rows), self._add_row(splits)
        first = len(self._rows)
        for kind in kinds.T:
            self._add_row(split for split, is_left in zip(splits, kind, strict=True) if not is_left)
        self._category_rows += (kind_of.ravel() + first).tolist()
        end = len(self._category_rows)
        return Column(CATEGORICAL, begin, end, missing=missing, zero=self._category_rows[begin])

    def _runs(self, ordered: Sequence[Split]) -> Iterator[Words]:
        row, stride = self._keep_all(), 1 << self._shift
        yield row.copy()
        for count, split in enumerate(ordered, start=1):
            row[split.tree] &= self._word.type(self._word_of(split))
            if count % stride == 0:
                yield row.copy()

    def _add_row(self, failed: "Iterator[Split] | Sequence[Split]") -> int:
        row = self._keep_all()
        for split in failed:
            row[split.tree] &= self._word.type(self._word_of(split))
        self._rows.append(row)
        return len(self._rows) - 1

    def _keep_all(self) -> Words:
        return np.full(self._width, np.iinfo(self._word).max, dtype=self._word)

    def _word_of(self, split: Split) -> int:
        return split.keeps & int(np.iinfo(self._word).max)


def _true_for_missing(split: Split) -> bool:
    # Where NaN is not what a split takes for missing, LightGBM makes it zero.
    return split.default_left if split.missing == MISSING_NAN else _true_for_zero(split)


def _true_for_zero(split: Split) -> bool:
    return split.default_left if split.missing == MISSING_ZERO else split.threshold >= 0.0


def _shift(counts: Sequence[int], rows: int) -> int:
    """Return log2 of the smallest stride that needs no more rows; at the most, each run has one."""
    longest = max(counts, default=0).bit_length()
    return next(
        (shift for shift in range(longest) if sum((count >> shift) + 1 for count in counts) <= rows), longest
    )
