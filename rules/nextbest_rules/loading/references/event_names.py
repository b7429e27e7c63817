"""The types of events that a catalog has, as far as its files tell, for others to refer to."""

from collections.abc import Mapping
from dataclasses import dataclass

from nextbest_rules.declarations import ValueType
from nextbest_rules.event_types import BUILT_IN
from nextbest_rules.loading.references.faults import Roots
from nextbest_rules.loading.references.names import Types, tells_if_there
from nextbest_rules.loading.yaml_nodes import MappingNode, ScalarNode, child, items_of, text_of

EVENTS = "events.yaml"


@dataclass(frozen=True, slots=True)
class KnownEvent:
    """A type of event. A property of type None has a faulty type, which fits every use."""

    properties: Types
    recorded: bool
    internal: bool = False


def known_events(roots: Roots) -> Mapping[str, KnownEvent] | None:
    """Return the types of events by name, or None if they cannot be told."""
    if not tells_if_there(roots, EVENTS, "events"):
        return None
    known = {
        name: KnownEvent(dict(item.properties), item.recorded, item.internal)
        for name, item in BUILT_IN.items()
    }
    for item in items_of(roots.get(EVENTS), "events"):
        name = text_of(item, "type")
        if name is not None:
            known[name.text] = _known(item, known.get(name.text))
    return known


def _known(item: MappingNode, built_in: KnownEvent | None) -> KnownEvent:
    said = child(item, "recorded")
    usual = built_in is None or built_in.recorded
    recorded = said.value if isinstance(said, ScalarNode) and isinstance(said.value, bool) else usual
    own = property_types(item)
    return KnownEvent({**own, **built_in.properties} if built_in else own, recorded)


def property_types(item: MappingNode) -> Types:
    """Return the properties that an entry declares; a faulty type becomes None, which fits every use."""
    types = {value_type.value: value_type for value_type in ValueType}
    listed = child(item, "properties")
    return {
        name: types.get(node.text) if isinstance(node, ScalarNode) else None
        for name, node in (listed.entries.items() if isinstance(listed, MappingNode) else ())
    }
