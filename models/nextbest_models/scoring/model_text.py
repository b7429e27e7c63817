"""LightGBM's text of a model, taken apart into fields. What is not fully understood is refused."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

_VERSION = "v4"
_HEADER = frozenset(
    {
        "version",
        "num_class",
        "num_tree_per_iteration",
        "label_index",
        "max_feature_idx",
        "objective",
        "average_output",
        "feature_names",
        "monotone_constraints",
        "feature_infos",
        "tree_sizes",
    }
)
_TREE = frozenset(
    {
        "num_leaves",
        "num_cat",
        "split_feature",
        "split_gain",
        "threshold",
        "decision_type",
        "left_child",
        "right_child",
        "leaf_value",
        "leaf_weight",
        "leaf_count",
        "internal_value",
        "internal_weight",
        "internal_count",
        "cat_boundaries",
        "cat_threshold",
        "is_linear",
        "leaf_const",
        "num_features",
        "leaf_features",
        "leaf_coeff",
        "shrinkage",
    }
)

Fields = Mapping[str, str]


class UnsupportedModelError(Exception):
    """A model cannot be scored exactly here; the message says why. LightGBM itself may well take it."""


@dataclass(frozen=True, slots=True)
class ModelText:
    """A model's header and its trees, each a mapping from a field's name to its text."""

    header: Fields
    trees: tuple[Fields, ...]

    @classmethod
    def parse(cls, text: str) -> "ModelText":
        """Take a model apart along its own table of tree sizes, as LightGBM does.

        Raises:
            UnsupportedModelError: there is a field, a version or an order that is not known here.
        """
        head, separator, body = text.partition("\n\nTree=0\n")
        first, *lines = head.split("\n")
        if first != "tree" or not separator:
            raise UnsupportedModelError("the text does not begin like a model with trees")
        header = _fields(lines, _HEADER)
        if header.get("version") != _VERSION:
            raise UnsupportedModelError(f"its format is not {_VERSION}")
        return cls(header, tuple(_trees("Tree=0\n" + body, header.get("tree_sizes", ""))))


def integer(fields: Fields, name: str) -> int:
    """Return a field that is one integer.

    Raises:
        UnsupportedModelError: it is missing or no integer.
    """
    (value,) = integers(fields, name, 1)
    return value


def integers(fields: Fields, name: str, count: int) -> list[int]:
    """Return a field of exactly `count` integers; raises as `integer` does."""
    try:
        values = [int(word) for word in _words(fields, name, count)]
    except ValueError as error:
        raise UnsupportedModelError(f"{name} is not made of integers") from error
    return values


def floats(fields: Fields, name: str, count: int) -> list[float]:
    """Return a field of exactly `count` numbers; raises as `integer` does."""
    try:
        values = [float(word) for word in _words(fields, name, count)]
    except ValueError as error:
        raise UnsupportedModelError(f"{name} is not made of numbers") from error
    return values


def _words(fields: Fields, name: str, count: int) -> list[str]:
    words = fields[name].split(" ") if fields.get(name) else []
    if len(words) != count:
        raise UnsupportedModelError(f"{name} has {len(words)} values where {count} belong")
    return words


def _trees(body: str, sizes: str) -> Iterator[Fields]:
    """Yield the trees' fields. All of this part is ASCII, so that bytes are characters."""
    begin = 0
    for number, size in enumerate(integers({"tree_sizes": sizes}, "tree_sizes", sizes.count(" ") + 1)):
        first, *lines = body[begin : begin + size].rstrip("\n").split("\n")
        if first != f"Tree={number}":
            raise UnsupportedModelError(f"tree {number} is not where tree_sizes has it")
        yield _fields(lines, _TREE)
        begin += size
    if not body[begin:].startswith("end of trees\n"):
        raise UnsupportedModelError("there is more than tree_sizes tells of")


def _fields(lines: Iterable[str], known: frozenset[str]) -> Fields:
    fields: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition("=")
        if name not in known or name in fields:
            raise UnsupportedModelError("it has a field that is not known here, or one twice")
        fields[name] = value
    return fields
