"""What the files of a catalog declare, for others to refer to."""

import re
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import TypeAlias

from nextbest_rules.cel import Vocabulary
from nextbest_rules.declarations import ValueType
from nextbest_rules.loading.references.faults import Roots, action_files, action_nodes
from nextbest_rules.loading.yaml_nodes import (
    MappingNode,
    Node,
    Place,
    ScalarNode,
    SequenceNode,
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
        known = _tells(self._head, "action_attributes")
        return declared_types(self._head, "action_attributes") if known else None

    @cached_property
    def facts(self) -> Types | None:
        """The facts of a customer with their types."""
        root = self._roots.get("facts.yaml")
        return declared_types(root, "facts") if _tells(root, "facts") else None

    @cached_property
    def families(self) -> Known:
        """The families of affinity counters."""
        root = self._roots.get("features.yaml")
        return (
            frozenset(_texts(items_of(root, "affinities"), "family")) if _tells(root, "affinities") else None
        )

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
        return self._of_actions(lambda action: _items(action, "tags.*"))

    def _listed(self, key: str) -> Known:
        return frozenset(_items(self._head, f"{key}.*")) if _tells(self._head, key) else None

    def _ids(self, key: str) -> Known:
        return frozenset(_texts(items_of(self._head, key), "id")) if _tells(self._head, key) else None

    def _of_actions(self, names: Callable[[MappingNode], Iterable[str]]) -> Known:
        """Return names of actions. Those that could not be read may be the very ones that somebody means."""
        if not all(_tells(root, "actions") for _, root in action_files(self._roots)):
            return None
        return frozenset(name for _, action in action_nodes(self._roots) for name in names(action))


def _texts(items: Iterable[MappingNode], key: str) -> Iterable[str]:
    return [node.text for item in items if (node := text_of(item, key)) is not None]


def _items(owner: Node | None, path: str) -> Iterable[str]:
    return [node.text for node in each(owner, path) if isinstance(node, ScalarNode)]


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
    if not all(_tells(roots.get(file), section) for file, section in _VOCABULARY):
        return None
    if not all(tells_if_there(roots, f"{section}.yaml", section) for section in ("conditions", "segments")):
        return None
    return Vocabulary(
        facts=declared_types(roots["facts.yaml"], "facts"),
        features=_customer_features(roots["features.yaml"]),
        context=declared_types(roots["facts.yaml"], "context"),
        attributes=declared_types(roots["catalog.yaml"], "action_attributes"),
    )


_VOCABULARY = (
    ("catalog.yaml", "action_attributes"),
    ("features.yaml", "features"),
    ("facts.yaml", "facts"),
    ("facts.yaml", "context"),
)


def tells_if_there(roots: Roots, file: str, section: str) -> bool:
    """Tell whether an optional file is absent, or what it lists in a section is a list."""
    return file not in roots or _tells(roots[file], section)


def _tells(root: Node | None, section: str) -> bool:
    """Tell whether a file is there, and what it lists in a section is a list. No section is an empty one."""
    return isinstance(root, MappingNode) and isinstance(root.entries.get(section, _EMPTY), SequenceNode)


_EMPTY = SequenceNode(Place(1, 1, 0), [])


def _customer_features(root: Node | None) -> Types:
    found: Types = {}
    for item in items_of(root, "features"):
        name, source = text_of(item, "name"), text_of(item, "source")
        elsewhere = source is not None and source.text in ("action", "context", "pair")
        if name is not None and is_usable(name.text) and not elsewhere:
            found[name.text] = ValueType.DOUBLE
    return found
