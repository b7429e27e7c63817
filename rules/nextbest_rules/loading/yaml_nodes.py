"""The tree of one YAML file: values that know their place in the text."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

Scalar: TypeAlias = str | int | float | bool | None


class Place(NamedTuple):
    """A position in a text: line and column count from 1, the offset from 0, all in characters."""

    line: int
    column: int
    offset: int


@dataclass(frozen=True, slots=True)
class ScalarNode:
    """A single value. `style` is YAML's indicator: `|`, `>`, a quote, or empty for a plain scalar."""

    place: Place
    value: Scalar
    text: str
    style: str
    end: int


@dataclass(frozen=True, slots=True)
class SequenceNode:
    """A list."""

    place: Place
    items: "list[Node]"


@dataclass(frozen=True, slots=True)
class MappingNode:
    """A mapping with text keys. `keys` holds the place of each key."""

    place: Place
    entries: "dict[str, Node]"
    keys: dict[str, Place]


Node: TypeAlias = ScalarNode | SequenceNode | MappingNode


def plain(node: Node) -> object:
    """Return the node's value as ordinary Python data."""
    if isinstance(node, ScalarNode):
        return node.value
    if isinstance(node, MappingNode):
        return {key: plain(value) for key, value in node.entries.items()}
    return [plain(item) for item in node.items]


def child(node: Node, step: str | int) -> Node | None:
    """Return the value under a key or index, or None where there is none."""
    if isinstance(node, MappingNode) and isinstance(step, str):
        return node.entries.get(step)
    if isinstance(node, SequenceNode) and isinstance(step, int) and step < len(node.items):
        return node.items[step]
    return None


def find(node: Node, path: Sequence[str | int]) -> Node:
    """Return the node at `path`, or the deepest one on the way to it."""
    for step in path:
        below = child(node, step)
        if below is None:
            return node
        node = below
    return node


def items_of(node: Node | None, key: str) -> list[MappingNode]:
    """Return the mappings in the list under `key`, whatever else is wrong with the file."""
    listed = child(node, key) if node is not None else None
    if not isinstance(listed, SequenceNode):
        return []
    return [item for item in listed.items if isinstance(item, MappingNode)]


def each(node: Node | None, path: str) -> Iterator[Node]:
    """Yield the nodes at a path such as `guards.*.promote.*.lever`; `*` is any entry of a list or mapping."""
    found = [node] if node is not None else []
    for step in path.split("."):
        found = [below for owner in found for below in _below(owner, step)]
    yield from found


def _below(node: Node, step: str) -> Iterable[Node]:
    if step == "*":
        return node.items if isinstance(node, SequenceNode) else _values(node)
    found = child(node, step)
    return () if found is None else (found,)


def _values(node: Node) -> Iterable[Node]:
    return node.entries.values() if isinstance(node, MappingNode) else ()


def text_of(node: Node | None, key: str) -> ScalarNode | None:
    """Return the text scalar under `key`, or None where there is none."""
    found = child(node, key) if node is not None else None
    return found if isinstance(found, ScalarNode) and isinstance(found.value, str) else None
