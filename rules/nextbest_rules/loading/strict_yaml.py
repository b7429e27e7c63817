"""YAML without its traps: one document, unique text keys, no anchors, tags, merges or bombs."""

from dataclasses import dataclass, field

import yaml

from nextbest_rules.diagnostics import Diagnostic
from nextbest_rules.loading.yaml_nodes import MappingNode, Node, Place, Scalar, ScalarNode, SequenceNode
from nextbest_rules.loading.yaml_scalars import ScalarError, resolve

MAX_DEPTH = 32
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def parse(text: str, file: str) -> tuple[Node | None, list[Diagnostic]]:
    """Parse one file as a stream of events, so that nothing is built from what is not allowed.

    Returns:
        The tree, or None if the text is not YAML at all, and every fault found on the way.
    """
    composer = _Composer(file)
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            composer.take(event)
    except _UnreadableError:
        return None, composer.faults
    except yaml.YAMLError as error:
        return None, [*composer.faults, _syntax_fault(error, text, file)]
    return composer.root, composer.faults


def _syntax_fault(error: yaml.YAMLError, text: str, file: str) -> Diagnostic:
    if isinstance(error, yaml.reader.ReaderError):
        before = text[: error.position]
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        return Diagnostic(file, line, column, "this character is not allowed in YAML")
    assert isinstance(error, yaml.MarkedYAMLError)
    mark = error.problem_mark
    context = f"{error.context}: " if error.context else ""
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    return Diagnostic(file, line, column, f"not valid YAML: {context}{error.problem or 'unreadable'}")


class _UnreadableError(Exception):
    """A structure with no sensible reading: the rest of the file would only give follow-up faults."""


@dataclass(slots=True)
class _Composer:
    """Builds the tree from the parser's events with its own stack, so that depth costs no recursion."""

    file: str
    root: Node | None = None
    faults: list[Diagnostic] = field(default_factory=list)
    _open: list[SequenceNode | MappingNode] = field(default_factory=list)
    # One entry per open mapping or list: the key whose value comes next, None where a key must come first.
    _keys: list[tuple[str, Place] | None] = field(default_factory=list)
    _documents: int = 0
    # A catalog says the same words a thousand times: each is kept once.
    _words: dict[str, str] = field(default_factory=dict)

    def take(self, event: yaml.Event) -> None:
        """Take in the parser's next event."""
        match event:
            case yaml.ScalarEvent():
                self._refuse_anchor_and_tag(event)
                self._take_scalar(event)
            case yaml.MappingStartEvent():
                self._refuse_anchor_and_tag(event)
                self._enter(MappingNode(_place(event), {}, {}))
            case yaml.SequenceStartEvent():
                self._refuse_anchor_and_tag(event)
                self._enter(SequenceNode(_place(event), []))
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                self._leave()
            case yaml.AliasEvent():
                self._fault(_place(event), "aliases are not allowed; write the value out")
                self._take_node(ScalarNode(_place(event), None, "", "", _end(event)))
            case yaml.DocumentStartEvent():
                self._start_document(event)

    def _start_document(self, event: yaml.Event) -> None:
        self._documents += 1
        if self._documents > 1:
            self._fault(_place(event), "a catalog file holds one document")
            raise _UnreadableError

    def _refuse_anchor_and_tag(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> None:
        if event.anchor is not None:
            self._fault(_place(event), f"anchors are not allowed: &{event.anchor}")
        if event.tag is not None:
            self._fault(_place(event), f"tags are not allowed: {event.tag}")

    def _take_scalar(self, event: yaml.ScalarEvent) -> None:
        place, text = _place(event), self._words.setdefault(event.value, event.value)
        if self._keys and self._keys[-1] is None:
            self._take_key(text, place, plain=not event.style)
            return
        value: Scalar = text
        if not event.style:
            try:
                value = resolve(text)
            except ScalarError as error:
                self._fault(place, str(error))
                value = None  # so that nothing takes it for a text
        self._take_node(ScalarNode(place, value, text, event.style or "", _end(event)))

    def _take_key(self, key: str, place: Place, *, plain: bool) -> None:
        if plain and key == "<<":
            self._fault(place, "merge keys are not allowed; write the fields out")
        self._keys[-1] = (key, place)

    def _enter(self, node: SequenceNode | MappingNode) -> None:
        if len(self._open) >= MAX_DEPTH:
            self._fault(node.place, f"nested deeper than {MAX_DEPTH} levels")
            raise _UnreadableError
        self._take_node(node)
        self._open.append(node)
        self._keys.append(_IN_LIST if isinstance(node, SequenceNode) else None)

    def _leave(self) -> None:
        self._open.pop()
        self._keys.pop()

    def _take_node(self, node: Node) -> None:
        if not self._open:
            self.root = self.root or node
            return
        parent = self._open[-1]
        if isinstance(parent, SequenceNode):
            parent.items.append(node)
        else:
            self._put(parent, node)

    def _put(self, parent: MappingNode, node: Node) -> None:
        entry = self._keys[-1]
        if entry is None:
            self._fault(node.place, "a key must be text")
            raise _UnreadableError
        key, place = entry
        self._keys[-1] = None
        if key in parent.entries:
            self._fault(place, f"duplicate key '{key}', first on line {parent.keys[key].line}")
            return
        parent.entries[key] = node
        parent.keys[key] = place

    def _fault(self, place: Place, message: str) -> None:
        self.faults.append(Diagnostic(self.file, place.line, place.column, message))


_IN_LIST = ("", Place(1, 1, 0))
"""Stands for the key of what a list holds, which has none."""


def _place(event: yaml.Event) -> Place:
    mark = event.start_mark
    assert mark is not None, "the parser marks every event"
    return Place(mark.line + 1, mark.column + 1, mark.index)


def _end(event: yaml.Event) -> int:
    assert event.end_mark is not None, "the parser marks every event"
    return event.end_mark.index
