"""A LightGBM model as arrays: what each split asks, and which leaves a "no" rules out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nextbest_models.scoring.model_text import (
    Fields,
    ModelText,
    UnsupportedModelError,
    floats,
    integer,
    integers,
)

MAX_LEAVES = 64
"""A tree is one machine word."""
_CATEGORICAL, _DEFAULT_LEFT, _MISSING_SHIFT = 1, 2, 2
_KNOWN_DECISIONS = range(12)
_WORD_BITS = 32

MISSING_NONE, MISSING_ZERO, MISSING_NAN = range(3)
"""What a numerical split takes for missing, in LightGBM's own numbers."""


class Split(NamedTuple):
    """One inner node. Its test is true, and the way goes left, where a value is at most the threshold.

    keeps: the leaves that a false test leaves, one bit each: all but those of the left subtree.
    missing, default_left: which values count as missing, and whether they go left.
    categories: the categories that go left, None for a numerical split.
    """

    tree: int
    column: int
    keeps: int
    threshold: float
    missing: int
    default_left: bool
    categories: NDArray[np.intp] | None


@dataclass(frozen=True, slots=True)
class Forest:
    """All trees of a model.

    Trees stand output by output, and for each output in the model's order, which is the order of its sums.

    columns: how many columns the model takes. outputs: scores per row, each with as many trees as the others.
    objective: LightGBM's words for what the raw score means, empty for nothing.
    average: whether LightGBM divides raw scores by the number of iterations before it applies the objective.
    leaves: float64 [trees, most leaves], from left to right in each tree; 0 beyond a tree's own.
    leaf_counts: int64 [trees].
    """

    columns: int
    outputs: int
    objective: str
    average: bool
    splits: tuple[Split, ...]
    leaves: NDArray[np.float64]
    leaf_counts: NDArray[np.int64]

    @property
    def trees(self) -> int:
        """How many trees there are."""
        return len(self.leaves)

    @classmethod
    def parse(cls, text: str) -> "Forest":
        """Read the text of a model.

        Raises:
            UnsupportedModelError: with the reason why this model cannot be taken.
        """
        model = ModelText.parse(text)
        columns = integer(model.header, "max_feature_idx") + 1
        outputs = integer(model.header, "num_tree_per_iteration")
        if outputs < 1 or len(model.trees) % outputs:
            raise UnsupportedModelError("its last iteration is not whole")
        # In the text, the trees of an iteration stand together, one for each output.
        ordered = [fields for output in range(outputs) for fields in model.trees[output::outputs]]
        trees = [_Tree.of(number, fields, columns) for number, fields in enumerate(ordered)]
        leaves = np.zeros((len(trees), max(len(tree.leaves) for tree in trees)))
        for row, tree in zip(leaves, trees, strict=True):
            row[: len(tree.leaves)] = tree.leaves
        return cls(
            columns=columns,
            outputs=outputs,
            objective=model.header.get("objective", ""),
            average="average_output" in model.header,
            splits=tuple(split for tree in trees for split in tree.splits),
            leaves=leaves,
            leaf_counts=np.array([len(tree.leaves) for tree in trees], dtype=np.int64),
        )


class _Tree(NamedTuple):
    splits: Sequence[Split]
    leaves: Sequence[float]

    @classmethod
    def of(cls, number: int, fields: Fields, columns: int) -> "_Tree":
        count = integer(fields, "num_leaves")
        if not 1 <= count <= MAX_LEAVES:
            raise UnsupportedModelError(f"tree {number} has {count} leaves, more than {MAX_LEAVES}")
        if integer(fields, "is_linear"):
            raise UnsupportedModelError("its leaves are linear models")
        values = floats(fields, "leaf_value", count)
        nodes = _Nodes.of(fields, count - 1, columns)
        order: list[int] = []
        splits = list(nodes.walk(number, order)) if count > 1 else []
        if count > 1 and (sorted(order) != list(range(count)) or len(splits) != count - 1):
            raise UnsupportedModelError(f"tree {number} is no tree")
        return cls(splits, [values[leaf] for leaf in order] if count > 1 else values)


@dataclass(frozen=True, slots=True)
class _Nodes:
    """The inner nodes of one tree, as the text lists them. A child below 0 is the leaf `~child`."""

    columns: Sequence[int]
    thresholds: Sequence[float]
    decisions: Sequence[int]
    left: Sequence[int]
    right: Sequence[int]
    categories: Sequence[NDArray[np.intp]]

    @classmethod
    def of(cls, fields: Fields, count: int, columns: int) -> "_Nodes":
        nodes = cls(
            columns=integers(fields, "split_feature", count),
            thresholds=floats(fields, "threshold", count),
            decisions=integers(fields, "decision_type", count),
            left=integers(fields, "left_child", count),
            right=integers(fields, "right_child", count),
            categories=_categories(fields),
        )
        if not all(0 <= column < columns for column in nodes.columns):
            raise UnsupportedModelError("a split asks for a column that there is not")
        if any(np.isnan(nodes.thresholds)) or not all(it in _KNOWN_DECISIONS for it in nodes.decisions):
            raise UnsupportedModelError("a split decides in a way that is not known here")
        return nodes

    def walk(self, tree: int, order: list[int]) -> Iterator[Split]:
        """Yield the splits, and write down the leaves from left to right."""
        stack: list[tuple[int, int]] = [(0, -1)]
        seen = 0
        while stack:
            node, begin = stack.pop()
            if node < 0:
                order.append(~node)
            elif begin < 0:
                seen += 1
                if node >= len(self.columns) or seen > len(self.columns):
                    raise UnsupportedModelError(f"tree {tree} is no tree")
                # The left subtree; this node again, with the place where that began; the right subtree.
                stack += [(self.right[node], -1), (node, len(order)), (self.left[node], -1)]
            else:
                yield self._split(tree, node, begin, len(order))

    def _split(self, tree: int, node: int, begin: int, end: int) -> Split:
        left = ((1 << (end - begin)) - 1) << begin
        decision, categories = self.decisions[node], None
        if decision & _CATEGORICAL:
            number = self.thresholds[node]
            if number not in range(len(self.categories)):
                raise UnsupportedModelError("a split names categories that there are not")
            categories = self.categories[int(number)]
        return Split(
            tree=tree,
            column=self.columns[node],
            keeps=~left & ((1 << MAX_LEAVES) - 1),
            threshold=self.thresholds[node],
            missing=decision >> _MISSING_SHIFT,
            default_left=bool(decision & _DEFAULT_LEFT),
            categories=categories,
        )


def _categories(fields: Fields) -> list[NDArray[np.intp]]:
    """Return the sets of categories of one tree, from bits in words of 32."""
    count = integer(fields, "num_cat")
    if not count:
        return []
    bounds = integers(fields, "cat_boundaries", count + 1)
    words = integers(fields, "cat_threshold", bounds[-1])
    if bounds[0] or sorted(bounds) != bounds or not all(0 <= word < 1 << _WORD_BITS for word in words):
        raise UnsupportedModelError("its sets of categories are in no order")
    return [_members(words[begin:end]) for begin, end in pairwise(bounds)]


def _members(words: Sequence[int]) -> NDArray[np.intp]:
    bits = np.array(words, dtype="<u4").view(np.uint8)
    return np.flatnonzero(np.unpackbits(bits, bitorder="little"))
