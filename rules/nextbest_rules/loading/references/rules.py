"""Where the rules of a catalog stand: in policies.yaml, and with the actions they are about."""

from collections.abc import Iterator
from dataclasses import dataclass

from nextbest_rules.loading.references.faults import Roots
from nextbest_rules.loading.yaml_nodes import MappingNode, Node, Place, ScalarNode, child, each, text_of

TIERS = ("eligibility", "applicability", "suitability")
_SECTIONS = (
    *("consent", "do_not_contact", "guards", *TIERS),
    *("suppression.*", "contact_policy.*", "context_weights"),
)


@dataclass(frozen=True, slots=True)
class OwnCondition:
    """A condition of one action: its rule id, written or by position, where that stands, and its text."""

    id: str
    place: Place
    require: Node | None


def policy_rules(roots: Roots) -> Iterator[MappingNode]:
    """Yield every rule of policies.yaml."""
    for section in _SECTIONS:
        for rule in each(roots.get("policies.yaml"), f"{section}.*"):
            if isinstance(rule, MappingNode):
                yield rule


def own_conditions(action: MappingNode) -> Iterator[OwnCondition]:
    """Yield the conditions of an action's own."""
    for tier in TIERS:
        listed = child(action, tier)
        if listed is not None:
            for position, item in enumerate(each(listed, "*"), start=1):
                yield _own_condition(action, tier, position, item)


def _own_condition(action: MappingNode, tier: str, position: int, item: Node) -> OwnCondition:
    name, owner = text_of(item, "id"), text_of(action, "id")
    require = item if isinstance(item, ScalarNode) else child(item, "require")
    if name is not None:
        return OwnCondition(name.text, name.place, require)
    return OwnCondition(own_condition_id(owner.text if owner else "", tier, position), item.place, require)


def own_condition_id(action_id: str, stage: str, position: int) -> str:
    """Return the rule id of an action's condition that was given none. Positions count from 1."""
    return f"{action_id}.{stage}.{position}"
