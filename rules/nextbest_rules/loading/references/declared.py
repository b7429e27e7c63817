"""Check declarations: defaults that fit their type, names that are free, choices that are declared."""

from nextbest_rules.cel.vocabulary import ACTION_FIELDS
from nextbest_rules.declarations import ValueType, conform
from nextbest_rules.loading.references.faults import Faults, Roots, fault_at, unknown
from nextbest_rules.loading.references.names import Names, declared_types
from nextbest_rules.loading.yaml_nodes import Node, ScalarNode, child, items_of, plain, text_of


def check_declarations(roots: Roots, names: Names) -> Faults:
    """Yield the faults of catalog.yaml and facts.yaml beyond their shape."""
    yield from _defaults(roots.get("facts.yaml"))
    head = roots.get("catalog.yaml")
    if head is not None:
        yield from _attribute_names(head)
        yield from _default_of(head, "brand", names.brands)
        yield from _default_of(head, "goal", names.goals)


def fits(value: object, value_type: ValueType) -> bool:
    """Tell whether a value is of a declared type."""
    try:
        conform(value, value_type)
    except ValueError:
        return False
    return True


def _defaults(root: Node | None) -> Faults:
    for section in ("facts", "context"):
        types = declared_types(root, section)
        for item in items_of(root, section):
            name, default = text_of(item, "name"), child(item, "default")
            value_type = types.get(name.text) if name is not None else None
            if default is not None and value_type is not None and not fits(plain(default), value_type):
                yield fault_at("facts.yaml", default.place, f"the default is not of type {value_type}")


def _attribute_names(head: Node) -> Faults:
    for item in items_of(head, "action_attributes"):
        name = text_of(item, "name")
        if name is not None and name.text in ACTION_FIELDS:
            yield fault_at("catalog.yaml", name.place, f"'{name.text}' is a field that every action has")


def _default_of(head: Node, kind: str, known: frozenset[str] | None) -> Faults:
    chosen = child(head, f"default_{kind}")
    if isinstance(chosen, ScalarNode) and chosen.value:
        yield from unknown("catalog.yaml", chosen, known, f"no {kind} has id '{{}}'")
