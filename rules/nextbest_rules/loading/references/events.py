"""Check the types of events: what they set, clear and end must be there and fit."""

from collections.abc import Iterator

from nextbest_rules.declarations import ValueType
from nextbest_rules.event_types import BUILT_IN
from nextbest_rules.loading.references.event_names import EVENTS, KnownEvent, known_events, property_types
from nextbest_rules.loading.references.faults import Faults, Roots, fault_at, unknown, unknown_name
from nextbest_rules.loading.references.names import Names, Types
from nextbest_rules.loading.yaml_nodes import MappingNode, Place, ScalarNode, child, each, items_of, text_of

PROPERTIES = "properties."
_SOURCES = {
    **dict.fromkeys(("subject", "channel", "brand"), ValueType.STRING),
    "time": ValueType.TIMESTAMP,
    "amount": ValueType.DOUBLE,
}
_NO_FACT = "fact '{}' is not declared in facts.yaml"


def check_events(roots: Roots, names: Names) -> Faults:
    """Yield the faults of the types of events beyond their shape."""
    known = known_events(roots)
    for item in items_of(roots.get(EVENTS), "events"):
        name = text_of(item, "type")
        own = known.get(name.text) if known is not None and name is not None else None
        if name is None or own is None:
            continue
        yield from _built_in(item, name)
        yield from _sets(item, name.text, own, names.facts)
        yield from _clears(item, names.facts)
        ends = text_of(item, "ends")
        if ends is not None and known is not None:
            yield from unknown(EVENTS, ends, known.keys(), "no type of event is called '{}'")
            if ends.text in known and not known[ends.text].recorded:
                yield fault_at(EVENTS, ends.place, f"'{ends.text}' is not recorded, so there is none to end")


def _built_in(item: MappingNode, name: ScalarNode) -> Faults:
    """Yield what contradicts the type of this name that every catalog knows."""
    built_in = BUILT_IN.get(name.text)
    if built_in is None:
        return
    if built_in.internal:
        yield fault_at(EVENTS, name.place, f"'{name.text}' is made by the service itself")
    ends = text_of(item, "ends")
    if ends is not None and built_in.ends not in ("", ends.text):
        yield fault_at(EVENTS, ends.place, f"'{name.text}' ends '{built_in.ends}' in every catalog")
    listed = child(item, "properties")
    for name_, declared in property_types(item).items():
        meant = built_in.properties.get(name_)
        if meant is not None and declared not in (None, meant) and isinstance(listed, MappingNode):
            message = f"property '{name_}' of '{name.text}' is of type {meant} in every catalog"
            yield fault_at(EVENTS, listed.entries[name_].place, message)


def _sets(item: MappingNode, type_name: str, own: KnownEvent, facts: Types | None) -> Faults:
    for fact, place, source in _set_facts(item):
        if facts is not None:
            yield from unknown_name(EVENTS, place, fact, facts.keys(), _NO_FACT)
        asked = source.text.removeprefix(PROPERTIES)
        if source.text.startswith(PROPERTIES):
            message = f"'{type_name}' has no property '{{}}'"
            yield from unknown_name(EVENTS, source.place, asked, own.properties.keys(), message)
        given = own.properties.get(asked) if source.text.startswith(PROPERTIES) else _SOURCES.get(source.text)
        wanted = (facts or {}).get(fact)
        if given is not None and wanted is not None and not _takes(wanted, given):
            message = f"'{source.text}' is of type {given}, and fact '{fact}' of type {wanted}"
            yield fault_at(EVENTS, source.place, message)


def _set_facts(item: MappingNode) -> Iterator[tuple[str, Place, ScalarNode]]:
    listed = child(item, "sets")
    if isinstance(listed, MappingNode):
        for fact, source in listed.entries.items():
            if isinstance(source, ScalarNode):
                yield fact, listed.keys[fact], source


def _takes(wanted: ValueType, given: ValueType) -> bool:
    """Tell whether a fact takes values of a type. A whole number is as good as a double."""
    return wanted is given or (wanted is ValueType.DOUBLE and given is ValueType.INT)


def _clears(item: MappingNode, facts: Types | None) -> Faults:
    set_by_it = {fact for fact, _, _ in _set_facts(item)}
    for node in each(item, "clears.*"):
        if facts is not None:
            yield from unknown(EVENTS, node, facts.keys(), _NO_FACT)
        if isinstance(node, ScalarNode) and node.text in set_by_it:
            yield fault_at(EVENTS, node.place, f"fact '{node.text}' is both set and cleared")
