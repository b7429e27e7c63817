"""Faults that know their path in a document, and so their place in its file."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from nextbest_rules.diagnostics import Diagnostic
from nextbest_rules.loading.suggestions import suggestion
from nextbest_rules.loading.yaml_nodes import MappingNode, Node, find

Path: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class PathFault:
    """One fault, by the path to it; `at_key` points at the last step's key instead of at its value."""

    path: Path
    message: str
    at_key: bool = False

    def located(self, root: Node, file: str) -> Diagnostic:
        """Return the fault with its place in the file that `root` is the tree of."""
        place = find(root, self.path).place
        parent = find(root, self.path[:-1]) if self.at_key else None
        if isinstance(parent, MappingNode):
            place = parent.keys.get(str(self.path[-1]), place)
        return Diagnostic(file, place.line, place.column, self.message)


def unknown(what: str, name: str, known: Iterable[str]) -> str:
    """Say that a name is not declared, and which one may have been meant."""
    return f"unknown {what} '{name}'{suggestion(name, known)}"
