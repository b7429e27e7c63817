"""Where the things of a catalog stand in its files."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from nextbest_rules.loading.sources import read_sources
from nextbest_rules.loading.strict_yaml import parse
from nextbest_rules.loading.yaml_nodes import Node, ScalarNode, child, each, text_of

Roots: TypeAlias = Mapping[str, Node | None]
_Found: TypeAlias = Iterator[tuple[str, str, Node]]
_CONDITIONS = ("when", "require")
_TIERS = ("eligibility", "applicability", "suitability")
_NAMED = (
    ("fact", "facts.yaml", "facts.*", "name"),
    ("context value", "facts.yaml", "context.*", "name"),
    ("attribute", "catalog.yaml", "action_attributes.*", "name"),
    ("goal", "catalog.yaml", "goals.*", "id"),
    ("brand", "catalog.yaml", "brands.*", "id"),
    ("placement", "placements.yaml", "placements.*", "id"),
    ("named condition", "conditions.yaml", "conditions.*", "name"),
    ("segment", "segments.yaml", "segments.*", "id"),
    ("event type", "events.yaml", "events.*", "type"),
    ("stream", "events.yaml", "streams.*", "name"),
)


@dataclass(frozen=True, slots=True, order=True)
class Location:
    """A place of a file; line and column count from 1."""

    file: str
    line: int = 1
    column: int = 1


@dataclass(frozen=True, slots=True)
class Places:
    """The place of each thing, by its kind and name."""

    locations: Mapping[tuple[str, str], Location]

    @classmethod
    def of(cls, roots: Roots) -> "Places":
        """Return the places in the trees of a catalog's files, by file name."""
        locations: dict[tuple[str, str], Location] = {}
        for file, root in roots.items():
            if root is not None:
                for kind, name, node in _things(file, root):
                    location = Location(file, node.place.line, node.place.column)
                    locations.setdefault((kind, name), location)
        return cls(locations)

    def of_thing(self, kind: str, name: str) -> Location:
        """Return the place of a thing; the catalog's first file for what no file shows."""
        return self.locations.get((kind, name), Location("catalog.yaml"))

    def of_condition(self, rule_id: str) -> Location:
        """Return the place of a rule's condition, or of the rule if it is not written out."""
        return self.locations.get(("condition", rule_id)) or self.of_thing("rule", rule_id)


def read_places(directory: Path) -> Places:
    """Return the places in the files of a catalog directory."""
    sources, _ = read_sources(directory)
    return Places.of({source.file: parse(source.text, source.file)[0] for source in sources})


def _things(file: str, root: Node) -> _Found:
    for kind, home, path, key in _NAMED:
        if file == home:
            for item in each(root, path):
                named = text_of(item, key)
                if named is not None:
                    yield kind, named.text, named
    if file == "catalog.yaml":
        yield from (("purpose", item.text, item) for item in _scalars(root, "purposes.*"))
    if file == "conditions.yaml":
        yield from _named_conditions(root)
    if file == "policies.yaml":
        yield from _rules(root)
    if file.startswith("actions/"):
        for action in each(root, "*"):
            yield from _of_action(action)


def _scalars(node: Node, path: str) -> Iterator[ScalarNode]:
    return (found for found in each(node, path) if isinstance(found, ScalarNode))


def _named_conditions(root: Node) -> _Found:
    for item in each(root, "conditions.*"):
        named, when = text_of(item, "name"), child(item, "when")
        if named is not None and when is not None:
            yield "condition", f"conditions.{named.text}", when


def _rules(node: Node) -> _Found:
    """Find rules wherever they stand: every mapping with an id is one."""
    named = text_of(node, "id")
    if named is not None:
        yield from _rule(named.text, named, node)
    for entry in each(node, "*"):
        yield from _rules(entry)


def _rule(rule_id: str, place: Node, node: Node) -> _Found:
    yield "rule", rule_id, place
    for key in _CONDITIONS:
        condition = child(node, key)
        if condition is not None:
            yield "condition", rule_id, condition
    for number, promotion in enumerate(each(node, "promote.*"), start=1):
        yield "promotion", f"{rule_id}.promote.{number}", promotion


def _of_action(action: Node) -> _Found:
    named = text_of(action, "id")
    if named is None:
        return
    yield "action", named.text, named
    yield from (("tag", tag.text, tag) for tag in _scalars(action, "tags.*"))
    for tier in _TIERS:
        for number, condition in enumerate(each(action, f"{tier}.*"), start=1):
            own_id = text_of(condition, "id")
            name = own_id.text if own_id else f"{named.text}.{tier}.{number}"
            yield from _rule(name, own_id or condition, condition)
