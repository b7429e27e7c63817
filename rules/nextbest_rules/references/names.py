"""What the files of a catalog declare, for others to refer to."""

import re
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import TypeAlias

from nextbest_rules.cel import Vocabulary
from nextbest_rules.declarations import ValueType
from nextbest_rules.references.faults import Roots, action_files, action_nodes
from nextbest_rules.yaml_nodes import (
    MappingNode,
    Node,
    ScalarNode,
    SequenceNode,
    child,
    each,
    items_of,
    text_of,
)

Types: TypeAlias = dict[str, ValueType | None]
Known: TypeAlias = frozenset[str] | None


class Names:
    """The declared names by kind. None: they cannot be told, for the file or list that has them is broken."""

    def __init__(self, roots: Roots) -> None:
        self._roots = roots
        self._head = roots.get("catalog.yaml")

    @cached_property
    def channels(self) -> Known:
        """The channels."""
        return self._listed("channels")

    @cached_property
    def purposes(self) -> Known:
        """The purposes of consent."""
        return self._listed("purposes")

    @cached_property
    def locales(self) -> Known:
        """The languages."""
        return self._listed("locales")

    @cached_property
    def brands(self) -> Known:
        """The ids of brands."""
        return self._ids("brands")

    @cached_property
    def goals(self) -> Known:
        """The ids of goals."""
        return self._ids("goals")

    @cached_property
    def attributes(self) -> Types | None:
        """The attributes of actions with their types."""
        return None if self._head is None else declared_types(self._head, "action_attributes")

    @cached_property
    def families(self) -> Known:
        """The families of affinity counters."""
        root = self._roots.get("features.yaml")
        return None if root is None else frozenset(_texts(items_of(root, "affinities"), "family"))

    @cached_property
    def actions(self) -> Known:
        """The ids of actions."""
        return self._of_actions(lambda action: _texts([action], "id"))

    @cached_property
    def issues(self) -> Known:
        """The issues that actions have."""
        return self._of_actions(lambda action: _texts([action], "issue"))

    @cached_property
    def groups(self) -> Known:
        """The groups that actions have."""
        return self._of_actions(lambda action: _texts([action], "group"))

    @cached_property
    def tags(self) -> Known:
        """The tags that actions have."""
        return self._of_actions(lambda action: _items(child(action, "tags")))

    def _listed(self, key: str) -> Known:
        if self._head is None:
            return None
        listed = child(self._head, key)
        if listed is not None and not isinstance(listed, SequenceNode):
            return None
        return frozenset(_items(listed))

    def _ids(self, key: str) -> Known:
        return None if self._head is None else frozenset(_texts(items_of(self._head, key), "id"))

    def _of_actions(self, names: Callable[[MappingNode], Iterable[str]]) -> Known:
        """Return names of actions. Those that could not be read may be the very ones that somebody means."""
        if any(root is None for _, root in action_files(self._roots)):
            return None
        return frozenset(name for _, action in action_nodes(self._roots) for name in names(action))


def _texts(items: Iterable[MappingNode], key: str) -> Iterable[str]:
    return [node.text for item in items if (node := text_of(item, key)) is not None]


def _items(listed: Node | None) -> Iterable[str]:
    return [node.text for node in each(listed, "*") if isinstance(node, ScalarNode)]


def is_usable(name: str) -> bool:
    """Tell whether expressions can mention a name, even if it is not one that the catalog may have."""
    return bool(_USABLE.fullmatch(name))


_USABLE = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


def declared_types(root: Node | None, section: str) -> Types:
    """Return the declared names of a section. A faulty type becomes None, which fits every use."""
    known = {value_type.value: value_type for value_type in ValueType}
    found: Types = {}
    for item in items_of(root, section):
        name, kind = text_of(item, "name"), text_of(item, "type")
        if name is not None and is_usable(name.text):
            found[name.text] = known.get(kind.text) if kind is not None else None
    return found


def vocabulary_of(roots: Roots) -> Vocabulary | None:
    """Return what expressions may mention, or None if a file that declares some of it cannot be read."""
    head, features, facts = (roots.get(name) for name in ("catalog.yaml", "features.yaml", "facts.yaml"))
    if head is None or features is None or facts is None:
        return None
    return Vocabulary(
        facts=declared_types(facts, "facts"),
        features=_customer_features(features),
        context=declared_types(facts, "context"),
        attributes=declared_types(head, "action_attributes"),
    )


def _customer_features(root: Node) -> Types:
    found: Types = {}
    for item in items_of(root, "features"):
        name, source = text_of(item, "name"), text_of(item, "source")
        elsewhere = source is not None and source.text in ("action", "context", "pair")
        if name is not None and is_usable(name.text) and not elsewhere:
            found[name.text] = ValueType.DOUBLE
    return found
