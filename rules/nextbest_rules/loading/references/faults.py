"""The pieces that every check between entries and between files is made of."""

from collections.abc import Collection, Iterator, Mapping
from typing import TypeAlias

from nextbest_rules.diagnostics import Diagnostic
from nextbest_rules.loading.suggestions import suggestion
from nextbest_rules.loading.yaml_nodes import MappingNode, Node, Place, ScalarNode, items_of

Roots: TypeAlias = Mapping[str, Node | None]
Faults: TypeAlias = Iterator[Diagnostic]


def fault_at(file: str, place: Place, message: str) -> Diagnostic:
    """Return a fault at a place."""
    return Diagnostic(file, place.line, place.column, message)


def address(file: str, place: Place) -> str:
    """Return a place as messages name it."""
    return f"{file}:{place.line}:{place.column}"


def unknown(file: str, node: Node, known: Collection[str] | None, message: str) -> Faults:
    """Yield a fault if the node is a text that is not `known`. None: what is known cannot be told."""
    if isinstance(node, ScalarNode) and isinstance(node.value, str):
        yield from unknown_name(file, node.place, node.value, known, message)


def unknown_name(file: str, place: Place, name: str, known: Collection[str] | None, message: str) -> Faults:
    """Yield a fault if the name is not `known`, with the one that may have been meant."""
    if known is not None and name not in known:
        yield fault_at(file, place, message.format(name) + suggestion(name, known))


def action_files(roots: Roots) -> list[tuple[str, Node | None]]:
    """Return the files of actions by name."""
    return [(file, root) for file, root in sorted(roots.items()) if file.startswith("actions/")]


def action_nodes(roots: Roots) -> Iterator[tuple[str, MappingNode]]:
    """Yield every action with its file."""
    return ((file, item) for file, root in action_files(roots) for item in items_of(root, "actions"))
