"""Check what ties the files of a catalog together: unique ids, known references, sound conditions.

Works on the trees, not on the documents, so that a fault in one entry does not hide those of the others.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeAlias

from nextbest_rules.conditions import Condition, ConditionChecker
from nextbest_rules.declarations import SCALAR_TYPES, ValueType, conform
from nextbest_rules.diagnostics import Diagnostic
from nextbest_rules.scalar_places import locate
from nextbest_rules.vocabulary import ACTION_FIELDS, Vocabulary
from nextbest_rules.yaml_nodes import (
    MappingNode,
    Node,
    ScalarNode,
    SequenceNode,
    child,
    items_of,
    plain,
    text_of,
)

Roots: TypeAlias = Mapping[str, Node | None]
Types: TypeAlias = dict[str, ValueType | None]
Faults: TypeAlias = Iterator[Diagnostic]


def check(roots: Roots, texts: Mapping[str, str]) -> Faults:
    """Yield every fault between entries and between files."""
    yield from _duplicates(roots)
    yield from _defaults(roots.get("facts.yaml"))
    yield from _attribute_names(roots.get("catalog.yaml"))
    yield from _actions(roots)
    yield from _placements(roots)
    yield from _selectors(roots)
    yield from _conditions(roots, texts)


def _fault(file: str, node: Node, message: str) -> Diagnostic:
    return Diagnostic(file, node.place.line, node.place.column, message)


def _action_files(roots: Roots) -> list[tuple[str, Node | None]]:
    return [(file, root) for file, root in sorted(roots.items()) if file.startswith("actions/")]


def _all_actions(roots: Roots) -> list[tuple[str, MappingNode]]:
    return [(file, item) for file, root in _action_files(roots) for item in items_of(root, "actions")]


# --- unique ids


def _duplicates(roots: Roots) -> Faults:
    actions = _all_actions(roots)
    if not actions:
        yield Diagnostic("actions", 1, 1, "the catalog has no actions")
    yield from _repeated("action", "id", actions)
    for what, file, section, key in (
        ("action attribute", "catalog.yaml", "action_attributes", "name"),
        ("affinity family", "features.yaml", "affinities", "family"),
        ("feature", "features.yaml", "features", "name"),
        ("fact", "facts.yaml", "facts", "name"),
        ("context value", "facts.yaml", "context", "name"),
        ("placement", "placements.yaml", "placements", "id"),
        ("rule", "policies.yaml", "eligibility", "id"),
    ):
        yield from _repeated(what, key, [(file, item) for item in items_of(roots.get(file), section)])


def _repeated(what: str, key: str, items: Iterable[tuple[str, MappingNode]]) -> Faults:
    first: dict[str, str] = {}
    for file, item in items:
        node = text_of(item, key)
        if node is None:
            continue
        if node.text in first:
            yield _fault(file, node, f"duplicate {what} '{node.text}', first at {first[node.text]}")
        first.setdefault(node.text, f"{file}:{node.place.line}:{node.place.column}")


# --- declarations


def _types(root: Node | None, section: str) -> Types:
    """Return the declared names. A faulty type becomes None, which fits every use."""
    known = {value_type.value: value_type for value_type in ValueType}
    found: Types = {}
    for item in items_of(root, section):
        name, kind = text_of(item, "name"), text_of(item, "type")
        if name is not None and name.text.isidentifier():
            found[name.text] = known.get(kind.text) if kind is not None else None
    return found


def _customer_features(root: Node | None) -> Types:
    found: Types = {}
    for item in items_of(root, "features"):
        name, source = text_of(item, "name"), text_of(item, "source")
        elsewhere = source is not None and source.text in ("action", "context", "pair")
        if name is not None and name.text.isidentifier() and not elsewhere:
            found[name.text] = ValueType.DOUBLE
    return found


def _defaults(root: Node | None) -> Faults:
    for section in ("facts", "context"):
        types = _types(root, section)
        for item in items_of(root, section):
            name, default = text_of(item, "name"), item.entries.get("default")
            value_type = types.get(name.text) if name is not None else None
            if default is not None and value_type is not None and not _fits(plain(default), value_type):
                yield _fault("facts.yaml", default, f"the default is not of type {value_type}")


def _fits(value: object, value_type: ValueType) -> bool:
    try:
        conform(value, value_type)
    except ValueError:
        return False
    return True


def _attribute_names(root: Node | None) -> Faults:
    for item in items_of(root, "action_attributes"):
        name = text_of(item, "name")
        if name is not None and name.text in ACTION_FIELDS:
            yield _fault("catalog.yaml", name, f"'{name.text}' is a field that every action has")


# --- actions and placements


def _actions(roots: Roots) -> Faults:
    head = roots.get("catalog.yaml")
    types = _types(head, "action_attributes") if head is not None else None
    channels = _channels(head)
    features = roots.get("features.yaml")
    families = {node.text for item in items_of(features, "affinities") if (node := text_of(item, "family"))}
    for file, action in _all_actions(roots):
        if types is not None:
            yield from _attributes(file, child(action, "attributes"), types)
        if channels:
            yield from _known(file, child(action, "channels"), channels, "channel '{}' is not declared")
        if features is not None:
            yield from _families(file, child(action, "affinity"), families)


def _channels(head: Node | None) -> frozenset[str]:
    listed = child(head, "channels") if head is not None else None
    return frozenset(str(item) for item in plain(listed)) if isinstance(listed, SequenceNode) else frozenset()  # type: ignore[attr-defined]


def _known(file: str, listed: Node | None, known: frozenset[str], message: str) -> Faults:
    for item in listed.items if isinstance(listed, SequenceNode) else ():
        if isinstance(item, ScalarNode) and item.text not in known:
            yield _fault(file, item, message.format(item.text))


def _attributes(file: str, attributes: Node | None, types: Types) -> Faults:
    if not isinstance(attributes, MappingNode):
        return
    for name, node in attributes.entries.items():
        if name not in types:
            place = attributes.keys[name]
            yield Diagnostic(
                file, place.line, place.column, f"attribute '{name}' is not declared in catalog.yaml"
            )
            continue
        value_type = types[name]
        values = node.items if isinstance(node, SequenceNode) else [node]
        for value in values:
            if value_type in SCALAR_TYPES and not _fits(plain(value), value_type):
                yield _fault(file, value, f"attribute '{name}' is of type {value_type}")


def _families(file: str, affinity: Node | None, families: set[str]) -> Faults:
    if not isinstance(affinity, MappingNode):
        return
    for family in affinity.entries:
        if family not in families:
            place = affinity.keys[family]
            message = f"affinity family '{family}' is not declared in features.yaml"
            yield Diagnostic(file, place.line, place.column, message)


def _placements(roots: Roots) -> Faults:
    channels = _channels(roots.get("catalog.yaml"))
    for placement in items_of(roots.get("placements.yaml"), "placements"):
        channel = text_of(placement, "channel")
        if channels and channel is not None and channel.text not in channels:
            yield _fault("placements.yaml", channel, f"channel '{channel.text}' is not declared")


# --- rules


def _selectors(roots: Roots) -> Faults:
    actions = _all_actions(roots)
    head = roots.get("catalog.yaml")
    unreadable = any(root is None for _, root in _action_files(roots))
    for rule in items_of(roots.get("policies.yaml"), "eligibility"):
        selector = child(rule, "applies_to")
        if not isinstance(selector, MappingNode):
            continue
        if head is not None:
            types = _types(head, "action_attributes")
            yield from _attributes("policies.yaml", selector.entries.get("attributes"), types)
        # Actions that could not be read may be the very ones that a rule means.
        for part, key in (
            (("issues", "issue"), ("groups", "group"), ("actions", "id")) if not unreadable else ()
        ):
            known = frozenset(node.text for _, action in actions if (node := text_of(action, key)))
            yield from _known(
                "policies.yaml", selector.entries.get(part), known, f"no action has {key} '{{}}'"
            )


def _conditions(roots: Roots, texts: Mapping[str, str]) -> Faults:
    needed = ("catalog.yaml", "features.yaml", "facts.yaml")
    if any(roots.get(file) is None for file in needed):
        return
    check_condition = ConditionChecker(_vocabulary(roots)).check
    for rule in items_of(roots.get("policies.yaml"), "eligibility"):
        source = text_of(rule, "require")
        if source is not None and source.text.strip():
            yield from _condition("policies.yaml", source, texts["policies.yaml"], check_condition)


def _vocabulary(roots: Roots) -> Vocabulary:
    facts = roots.get("facts.yaml")
    return Vocabulary(
        facts=_types(facts, "facts"),
        features=_customer_features(roots.get("features.yaml")),
        context=_types(facts, "context"),
        attributes=_types(roots.get("catalog.yaml"), "action_attributes"),
    )


def _condition(file: str, node: ScalarNode, text: str, check_condition: Callable[[str], object]) -> Faults:
    result = check_condition(node.text)
    if isinstance(result, Condition):
        return
    assert isinstance(result, tuple)
    for fault in result:
        line, column = locate(node, fault.line, fault.column, text)
        yield Diagnostic(file, line, column, fault.message)
