"""Check every expression of a catalog: that it is sound CEL, of the kind that its place wants."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from nextbest_rules.cel import Expression, Kind, Mention
from nextbest_rules.definitions import definitions
from nextbest_rules.diagnostics import Diagnostic
from nextbest_rules.expressions import CheckedExpressions, checked_expressions
from nextbest_rules.loading.references.faults import Faults, Roots, action_nodes
from nextbest_rules.loading.references.names import Known, Names, is_usable, vocabulary_of
from nextbest_rules.loading.references.rules import TIERS, own_conditions
from nextbest_rules.loading.scalar_places import locate
from nextbest_rules.loading.suggestions import suggestion
from nextbest_rules.loading.yaml_nodes import MappingNode, Node, ScalarNode, each, items_of, text_of

_ELEMENTS = {"tickets": "ticket", "purchases": "purchase", "events": "event"}
_POLICIES = "policies.yaml"
_PLACEMENTS = "placements.yaml"
_ABOUT_ACTIONS = (*(f"{tier}.*.require" for tier in TIERS), "do_not_contact.*.when")
_ABOUT_CUSTOMERS = (
    (_POLICIES, "contact_policy.quiet_hours.*.time_zone", Kind.STRING),
    (_POLICIES, "context_weights.*.when", Kind.BOOL),
    (_POLICIES, "context_weights.*.weight", Kind.NUMBER),
    (_PLACEMENTS, "placements.*.best_hour", Kind.INT),
    (_PLACEMENTS, "placements.*.time_zone", Kind.STRING),
)
_OF_REQUEST = frozenset({"context", "channel", "direction", "brand", "goal"})
_OF_ACTIONS = (("value", Kind.NUMBER), ("treatments.*.parameters.*", Kind.ANY))


@dataclass(frozen=True, slots=True)
class _Site:
    """An expression in its place: what kind it must be, and what it may read beside the customer."""

    file: str
    node: ScalarNode
    kind: Kind
    element: str | None = None
    about_action: bool = False
    about_request: bool = True
    group: str = ""

    @property
    def source(self) -> str:
        return self.node.text.strip()


def check_expressions(roots: Roots, texts: Mapping[str, str], names: Names) -> Faults:
    """Yield the faults of every condition and formula."""
    vocabulary = vocabulary_of(roots)
    if vocabulary is None:
        return
    named = _named(roots)
    conditions = ((name.field, site.source) for name, site in named.items() if name.root == "conditions")
    segments = (
        (name.field, site.source, site.group) for name, site in named.items() if name.root == "segments"
    )
    checked = checked_expressions(vocabulary, definitions(conditions, segments))
    checks = _Checks(checked, names, texts)
    for name, site in named.items():
        yield from checks.faults(site)
        if name in checked.cycles:
            yield checks.at(site, 0, f"goes round in a circle: {' → '.join(map(str, checked.cycles[name]))}")
    for site in _sites(roots):
        yield from checks.faults(site)


def _named(roots: Roots) -> dict[Mention, _Site]:
    """Return the conditions and segments that have a name. Of several with one name, the first counts."""
    found: dict[Mention, _Site] = {}
    for item in items_of(roots.get("conditions.yaml"), "conditions"):
        name, when = text_of(item, "name"), text_of(item, "when")
        if name is not None and when is not None and is_usable(name.text):
            site = _Site("conditions.yaml", when, Kind.BOOL, about_action=True)
            found.setdefault(Mention("conditions", name.text), site)
    for item in items_of(roots.get("segments.yaml"), "segments"):
        name, when, group = text_of(item, "id"), text_of(item, "when"), text_of(item, "group")
        if name is not None and when is not None and is_usable(name.text):
            site = _Site(
                "segments.yaml", when, Kind.BOOL, about_request=False, group=group.text if group else ""
            )
            found.setdefault(Mention("segments", name.text), site)
    return found


def _sites(roots: Roots) -> Iterator[_Site]:
    policies = roots.get(_POLICIES)
    for path in _ABOUT_ACTIONS:
        for node in _texts(policies, path):
            yield _Site(_POLICIES, node, Kind.BOOL, about_action=True)
    for file, path, kind in _ABOUT_CUSTOMERS:
        for node in _texts(roots.get(file), path):
            yield _Site(file, node, kind)
    for weights in each(roots.get(_PLACEMENTS), "placements.*.channels"):
        if isinstance(weights, MappingNode):
            for node in _texts(weights, "*"):
                yield _Site(_PLACEMENTS, node, Kind.NUMBER)
    for guard in items_of(policies, "guards"):
        yield from _guard_sites(guard)
    for file, action in action_nodes(roots):
        yield from _action_sites(file, action)


def _guard_sites(guard: MappingNode) -> Iterator[_Site]:
    over = text_of(guard, "over")
    element = _ELEMENTS.get(over.text) if over is not None else None
    for field, kind in (("when", Kind.BOOL), ("ended", Kind.TIMESTAMP)):
        for node in _texts(guard, field):
            yield _Site(_POLICIES, node, kind, element)


def _action_sites(file: str, action: MappingNode) -> Iterator[_Site]:
    for path, kind in _OF_ACTIONS:
        for node in _texts(action, path):
            yield _Site(file, node, kind)
    for own in own_conditions(action):
        if isinstance(own.require, ScalarNode) and isinstance(own.require.value, str):
            yield _Site(file, own.require, Kind.BOOL, about_action=True)


def _texts(owner: Node | None, path: str) -> Iterator[ScalarNode]:
    for node in each(owner, path):
        if isinstance(node, ScalarNode) and isinstance(node.value, str):
            yield node


@dataclass(frozen=True, slots=True)
class _Checks:
    """What expressions are checked against."""

    checked: CheckedExpressions
    names: Names
    texts: Mapping[str, str]

    def faults(self, site: _Site) -> Faults:
        """Yield the faults of one expression. An empty one is reported elsewhere."""
        if not site.source:
            return
        written = self.checked.as_written(site.source, site.kind, site.element)
        filled = self.checked.check(site.source, site.kind, site.element)
        if isinstance(filled, tuple):
            for fault in filled:
                yield self.at(site, _offset(site.source, fault.line, fault.column), fault.message)
        if isinstance(written, Expression):
            yield from self._unknown_arguments(site, written)
        if isinstance(filled, Expression):
            for mention in filled.mentions:
                if message := _out_of_place(site, mention):
                    yield self.at(site, max(site.source.find(str(mention)), 0), message)

    def _unknown_arguments(self, site: _Site, expression: Expression) -> Faults:
        """Yield the actions and channels that a function over the history names and nobody declares."""
        for call in expression.calls:
            for name, (message, declared) in zip(call.arguments, self._history(), strict=False):
                if name and declared is not None and name not in declared:
                    offset = max(site.source.find(name, call.offset), call.offset)
                    yield self.at(site, offset, message.format(name) + suggestion(name, declared))

    def _history(self) -> tuple[tuple[str, Known], tuple[str, Known]]:
        """Return what the first arguments of functions over the history must be."""
        return (
            ("no action has id '{}'", self.names.actions),
            ("channel '{}' is not declared in catalog.yaml", self.names.channels),
        )

    def at(self, site: _Site, offset: int, message: str) -> Diagnostic:
        """Return a fault at an offset of the expression."""
        text = site.node.text
        before = text[: len(text) - len(text.lstrip()) + offset]
        place = before.count("\n") + 1, len(before) - before.rfind("\n")
        return Diagnostic(site.file, *locate(site.node, *place, self.texts[site.file]), message)


def _offset(source: str, line: int, column: int) -> int:
    lines = source.split("\n")
    return sum(len(text) + 1 for text in lines[: line - 1]) + column - 1


def _out_of_place(site: _Site, mention: Mention) -> str:
    """Return why an expression may not read something where it stands, or nothing if it may."""
    if mention.root == "action" and not site.about_action:
        return f"{mention} means nothing here, where no single action is in question"
    if mention.root in _OF_REQUEST and not site.about_request:
        return f"{mention} means nothing here: a segment is about the customer, whoever asks"
    return ""
