"""Check the streams, and that features count what there is."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from nextbest_rules.declarations import ValueType
from nextbest_rules.loading.references.event_names import EVENTS, KnownEvent, known_events
from nextbest_rules.loading.references.events import PROPERTIES
from nextbest_rules.loading.references.faults import Faults, Roots, fault_at, unknown, unknown_name
from nextbest_rules.loading.references.names import Names, tells_if_there
from nextbest_rules.loading.yaml_nodes import (
    MappingNode,
    Node,
    Place,
    ScalarNode,
    child,
    each,
    items_of,
    text_of,
)

_Events: TypeAlias = Mapping[str, KnownEvent] | None
_Told: TypeAlias = Mapping[str, frozenset[ValueType | None]] | None
_TEXTS = frozenset({ValueType.STRING})
_COUNTABLE = frozenset({ValueType.INT, ValueType.DOUBLE, ValueType.BOOL, ValueType.STRING})
_TEXT_SOURCES = frozenset({"subject", "channel", "brand"})
_FEATURES = "features.yaml"
_DEFINITIONS = ("affinities.*.definition", "features.*.definition")
_DISTINCT = "distinct"


def check_streams(roots: Roots, names: Names) -> Faults:
    """Yield the faults of streams, and of features that count what no stream has."""
    known = known_events(roots)
    for item in items_of(roots.get(EVENTS), "streams"):
        yield from _events(item, known)
        told = _told(item, known)
        where = child(item, "where")
        for asked, place in where.keys.items() if isinstance(where, MappingNode) else ():
            yield from _property(asked, place, told, _TEXTS, "only texts can be asked for")
        for node in each(item, "where.brand.*") if names.brands else ():
            yield from unknown(EVENTS, node, names.brands, "no brand has id '{}'")
        for source in _values_of(item).values():
            yield from _property(source.text, source.place, told, _COUNTABLE, "that cannot be counted")
    yield from _counted(roots, known)


def _events(item: MappingNode, known: _Events) -> Faults:
    for node in each(item, "events.*"):
        if known is not None:
            yield from unknown(EVENTS, node, known.keys(), "no type of event is called '{}'")
        own = known.get(node.text) if known is not None and isinstance(node, ScalarNode) else None
        if own is not None and own.internal:
            yield fault_at(EVENTS, node.place, "the service makes these itself: features cannot count them")


def _told(item: MappingNode, known: _Events) -> _Told:
    """Return the types of what the events of a stream may tell, or None if one of them is not known."""
    listed = [node.text for node in each(item, "events.*") if isinstance(node, ScalarNode)]
    if known is None or not known.keys() >= set(listed):
        return None
    names = {name for event in listed for name in known[event].properties}
    return {
        name: frozenset(known[event].properties[name] for event in listed if name in known[event].properties)
        for name in names
    }


def _property(source: str, place: Place, told: _Told, taken: Collection[ValueType], but: str) -> Faults:
    """Yield what is wrong with a source that names a property."""
    if not source.startswith(PROPERTIES) or told is None:
        return
    name = source.removeprefix(PROPERTIES)
    yield from unknown_name(EVENTS, place, name, told.keys(), "no event of the stream has a property '{}'")
    for kind in told.get(name, ()):
        if kind is not None and kind not in taken:
            yield fault_at(EVENTS, place, f"'{source}' is of type {kind}, and {but}")


# --- what features count


@dataclass(frozen=True, slots=True)
class _Stream:
    """What features may count of a stream: the names of its values, and of those that are texts."""

    values: Collection[str]
    texts: Collection[str]


def _counted(roots: Roots, known: _Events) -> Faults:
    """Yield each stream, and each value of a stream, that a definition names and nobody declares."""
    if not tells_if_there(roots, EVENTS, "streams"):
        return
    streams: dict[str, _Stream] = {}
    for item in items_of(roots.get(EVENTS), "streams"):
        name = text_of(item, "name")
        if name is not None:
            streams.setdefault(name.text, _stream(item, known))
    for path in _DEFINITIONS:
        for definition in each(roots.get(_FEATURES), path):
            yield from _definition(definition, streams)


def _definition(definition: Node, streams: Mapping[str, _Stream]) -> Faults:
    of, value = text_of(definition, "of"), text_of(definition, "value")
    if of is None:
        return
    yield from unknown(_FEATURES, of, streams.keys(), "stream '{}' is not declared in events.yaml")
    stream = streams.get(of.text)
    if stream is None or value is None:
        return
    yield from unknown(_FEATURES, value, stream.values, f"stream '{of.text}' has no value '{{}}'")
    aggregate = text_of(definition, "aggregate")
    if value.text in stream.texts and (aggregate is None or aggregate.text != _DISTINCT):
        yield fault_at(_FEATURES, value.place, f"'{value.text}' is a text: only {_DISTINCT} can count it")


def _stream(item: MappingNode, known: _Events) -> _Stream:
    values, told = _values_of(item), _told(item, known) or {}
    texts = [name for name, source in values.items() if _is_text(source.text, told)]
    return _Stream(values.keys(), texts)


def _is_text(source: str, told: Mapping[str, frozenset[ValueType | None]]) -> bool:
    kinds = told.get(source.removeprefix(PROPERTIES), frozenset()) if source.startswith(PROPERTIES) else ()
    return source in _TEXT_SOURCES or ValueType.STRING in kinds


def _values_of(item: MappingNode) -> Mapping[str, ScalarNode]:
    listed = child(item, "values")
    entries = listed.entries if isinstance(listed, MappingNode) else {}
    return {name: node for name, node in entries.items() if isinstance(node, ScalarNode)}
