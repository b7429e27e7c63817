"""Check that nothing has the name of something else of its kind."""

from collections.abc import Iterable, Iterator
from typing import TypeAlias

from nextbest_rules.diagnostics import Diagnostic
from nextbest_rules.loading.references.faults import Faults, Roots, action_nodes, address, fault_at
from nextbest_rules.loading.references.rules import own_conditions, policy_rules
from nextbest_rules.loading.yaml_nodes import MappingNode, Node, Place, child, items_of, text_of

Named: TypeAlias = tuple[str, str, Place]
"""A name with its file and place."""

_KINDS = (
    ("action attribute", "catalog.yaml", "action_attributes", "name"),
    ("brand", "catalog.yaml", "brands", "id"),
    ("goal", "catalog.yaml", "goals", "id"),
    ("namespace", "catalog.yaml", "namespaces", "name"),
    ("affinity family", "features.yaml", "affinities", "family"),
    ("feature", "features.yaml", "features", "name"),
    ("fact", "facts.yaml", "facts", "name"),
    ("context value", "facts.yaml", "context", "name"),
    ("placement", "placements.yaml", "placements", "id"),
    ("condition", "conditions.yaml", "conditions", "name"),
    ("segment", "segments.yaml", "segments", "id"),
    ("event type", "events.yaml", "events", "type"),
    ("stream", "events.yaml", "streams", "name"),
)


def check_identity(roots: Roots) -> Faults:
    """Yield every repeated name, and a fault for a catalog without actions."""
    actions = list(action_nodes(roots))
    if not actions:
        yield Diagnostic("actions", 1, 1, "the catalog has no actions")
    yield from _repeated("action", _named("id", actions))
    yield from _repeated("rule", _rules(roots))
    for what, file, section, key in _KINDS:
        yield from _repeated(what, _named(key, _entries(file, roots.get(file), section)))
    for file, action in actions:
        if child(action, "treatments") is not None:
            yield from _repeated("treatment", _named("id", _entries(file, action, "treatments")))


def _entries(file: str, owner: Node | None, section: str) -> list[tuple[str, MappingNode]]:
    return [(file, item) for item in items_of(owner, section)]


def _named(key: str, items: Iterable[tuple[str, MappingNode]]) -> Iterator[Named]:
    for file, item in items:
        node = text_of(item, key)
        if node is not None:
            yield node.text, file, node.place


def _rules(roots: Roots) -> Iterator[Named]:
    yield from _named("id", (("policies.yaml", rule) for rule in policy_rules(roots)))
    for file, action in action_nodes(roots):
        for own in own_conditions(action):
            yield own.id, file, own.place


def _repeated(what: str, names: Iterable[Named]) -> Faults:
    first: dict[str, str] = {}
    for name, file, place in names:
        if name in first:
            yield fault_at(file, place, f"duplicate {what} '{name}', first at {first[name]}")
        first.setdefault(name, address(file, place))
