"""Check selectors: that they name what some action has, and that exclusive ones mean several actions."""

from collections.abc import Iterable, Iterator, Mapping

from nextbest_rules.declarations import SCALAR_TYPES
from nextbest_rules.loading.references.declared import fits
from nextbest_rules.loading.references.faults import (
    Faults,
    Roots,
    action_nodes,
    fault_at,
    unknown,
    unknown_name,
)
from nextbest_rules.loading.references.names import Names, Types
from nextbest_rules.loading.references.rules import TIERS
from nextbest_rules.loading.yaml_nodes import MappingNode, Node, SequenceNode, child, each, plain

_SELECTORS = (
    ("catalog.yaml", "brands.*.levers.*.applies_to"),
    ("catalog.yaml", "goals.*.levers.*.applies_to"),
    ("policies.yaml", "consent.*.applies_to"),
    ("policies.yaml", "do_not_contact.*.applies_to"),
    ("policies.yaml", "guards.*.hold"),
    ("policies.yaml", "guards.*.promote.*.applies_to"),
    *(("policies.yaml", f"{tier}.*.applies_to") for tier in TIERS),
    ("policies.yaml", "suppression.*.*.applies_to"),
    ("policies.yaml", "contact_policy.*.*.applies_to"),
    ("policies.yaml", "contact_policy.caps.*.counts"),
    ("policies.yaml", "context_weights.*.applies_to"),
    ("experiments.yaml", "holdouts.*.applies_to"),
    ("experiments.yaml", "experiments.*.arms.*.levers.*.applies_to"),
    ("experiments.yaml", "experiments.*.arms.*.withhold"),
)
_PARTS = (("issues", "issue"), ("groups", "group"), ("tags", "tag"), ("actions", "id"))


def check_selectors(roots: Roots, names: Names) -> Faults:
    """Yield every reference of a selector to nothing."""
    for file, path in _SELECTORS:
        for selector in each(roots.get(file), path):
            yield from _selector(file, selector, names)
            excepted = child(selector, "but_not")
            if excepted is not None:
                yield from _selector(file, excepted, names)
    yield from _exclusive(roots, names)


def _selector(file: str, selector: Node, names: Names) -> Faults:
    for part, key in _PARTS:
        for item in each(selector, f"{part}.*"):
            yield from unknown(file, item, getattr(names, part), f"no action has {key} '{{}}'")
    yield from attribute_faults(file, child(selector, "attributes"), names.attributes)


def attribute_faults(file: str, attributes: Node | None, types: Types | None) -> Faults:
    """Yield the faults of a mapping from attribute to a value, or to a list of values."""
    if not isinstance(attributes, MappingNode):
        return
    for name, node in attributes.entries.items():
        message = "attribute '{}' is not declared in catalog.yaml"
        yield from unknown_name(file, attributes.keys[name], name, types, message)
        value_type = types.get(name) if types is not None else None
        for value in node.items if isinstance(node, SequenceNode) else [node]:
            if value_type in SCALAR_TYPES and not fits(plain(value), value_type):
                yield fault_at(file, value.place, f"attribute '{name}' is of type {value_type}")


def _exclusive(roots: Roots, names: Names) -> Faults:
    """Yield the rules of mutual exclusion that fewer than two actions match."""
    selectors = list(each(roots.get("policies.yaml"), "suppression.exclusive.*.applies_to"))
    if not selectors or names.actions is None:
        return
    actions = [plain(action) for _, action in action_nodes(roots)]
    for selector in selectors:
        if any(_selector("policies.yaml", selector, names)):
            continue
        count = sum(1 for _ in _matching(plain(selector), actions))
        if count < 2:  # noqa: PLR2004 - it takes two to exclude each other
            message = (
                f"at least two actions must exclude each other; {'only one' if count else 'none'} matches"
            )
            yield fault_at("policies.yaml", selector.place, message)


def _matching(selector: object, actions: Iterable[object]) -> Iterator[object]:
    return (action for action in actions if isinstance(action, dict) and _matches(selector, action))


def _matches(selector: object, action: Mapping[str, object]) -> bool:
    """Tell whether a selector as written means an action as written. What is malformed matches nothing."""
    if not isinstance(selector, dict):
        return False
    attributes, own = selector.get("attributes") or {}, action.get("attributes") or {}
    if not isinstance(attributes, dict) or not isinstance(own, dict):
        return False
    return (
        all(_has(selector.get(part), [action.get(key)]) for part, key in _FIELDS)
        and _has(selector.get("tags"), action.get("tags") or [])
        and all(_has(values, [own.get(name)]) for name, values in attributes.items())
        and not (selector.get("but_not") and _matches(selector["but_not"], action))
    )


_FIELDS = (("types", "type"), ("issues", "issue"), ("groups", "group"), ("actions", "id"))


def _has(wanted: object, values: object) -> bool:
    if wanted is None:
        return True
    return isinstance(wanted, list) and isinstance(values, list) and any(value in wanted for value in values)
