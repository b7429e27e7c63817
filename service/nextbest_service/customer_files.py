"""Customers in files: read whole, checked against the catalog, every fault with its file and line.

A YAML file is a list of customers; a JSON Lines file holds one customer per line and is read line by line.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from pydantic import Field

from nextbest_rules import Catalog, Diagnostic
from nextbest_rules.shape import read_document
from nextbest_rules.strict_yaml import parse
from nextbest_rules.trials.state import CustomerState, StateError, read_state
from nextbest_rules.trials.state_documents import StateDocument
from nextbest_rules.yaml_nodes import MappingNode, Node, Place, ScalarNode, SequenceNode, find
from nextbest_service.store.keys import Identity

JSON_LINES = (".jsonl", ".ndjson")
YAML = (".yaml", ".yml")
MAX_YAML_BYTES = 4 * 1024 * 1024
MAX_LINE_BYTES = 1024 * 1024
MAX_FAULTS = 1000


class CustomerFileError(Exception):
    """Files of customers that must not be loaded. Carries their faults in order, the first `MAX_FAULTS`."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        super().__init__("\n".join(map(str, self.diagnostics)))


@dataclass(frozen=True, slots=True)
class CustomerEntry:
    """One customer of a file: every name of the person, and what is known of them."""

    identities: tuple[Identity, ...]
    state: CustomerState
    file: str
    place: Place


class CustomerDocument(StateDocument):
    """One customer of a file."""

    identities: list[str] = Field(
        min_length=1, description="Names of the person, as namespace:id, such as customer:4711."
    )


Entry: TypeAlias = CustomerEntry | Diagnostic
Watch: TypeAlias = Callable[[int], None]
"""Is told of the bytes read."""


def check_customers(paths: Sequence[Path], catalog: Catalog, now_ms: int, watch: Watch) -> int:
    """Read all files to their end and return the number of customers in them.

    Raises:
        CustomerFileError: something is wrong with them, a person who stands in them twice included.
    """
    faults, customers = [], 0
    for entry in _each_once(read_customers(paths, catalog, now_ms, watch)):
        if isinstance(entry, CustomerEntry):
            customers += 1
        else:
            faults.append(entry)
            if len(faults) == MAX_FAULTS:
                break
    if faults:
        raise CustomerFileError(faults)
    return customers


def read_customers(paths: Iterable[Path], catalog: Catalog, now_ms: int, watch: Watch) -> Iterator[Entry]:
    """Yield each customer of the files, or what is wrong instead. Relative times count from `now_ms`."""
    for path in paths:
        try:
            for root in _roots(path, watch):
                yield from (
                    [root] if isinstance(root, Diagnostic) else _entry(root, str(path), catalog, now_ms)
                )
        except OSError as error:
            yield Diagnostic(str(path), 1, 1, f"cannot be read: {error.strerror}")


def _roots(path: Path, watch: Watch) -> Iterator[Node | Diagnostic]:
    if path.suffix in JSON_LINES:
        yield from _json_roots(path, watch)
    elif path.suffix in YAML:
        yield from _yaml_roots(path, watch)
    else:
        yield Diagnostic(str(path), 1, 1, f"expected a file *{', *'.join((*YAML, *JSON_LINES))}")


def _yaml_roots(path: Path, watch: Watch) -> Iterator[Node | Diagnostic]:
    file, size = str(path), path.stat().st_size
    if size > MAX_YAML_BYTES:
        yield Diagnostic(file, 1, 1, f"larger than {MAX_YAML_BYTES >> 20} MiB; write JSON Lines (*.jsonl)")
        return
    try:
        root, faults = parse(path.read_text(encoding="utf-8-sig"), file)
    except UnicodeDecodeError as error:
        root, faults = None, [Diagnostic(file, _line_of(error), 1, "not UTF-8 text")]
    watch(size)
    if faults:
        yield from faults
    elif isinstance(root, SequenceNode):
        yield from root.items
    else:
        yield Diagnostic(file, 1, 1, "expected a list of customers")


def _line_of(error: UnicodeDecodeError) -> int:
    return error.object[: error.start].count(b"\n") + 1


def _json_roots(path: Path, watch: Watch) -> Iterator[Node | Diagnostic]:
    with path.open("rb") as lines:
        number = 0
        while line := lines.readline(MAX_LINE_BYTES + 1):
            number += 1
            watch(len(line))
            if len(line) > MAX_LINE_BYTES:
                yield Diagnostic(str(path), number, 1, f"longer than {MAX_LINE_BYTES >> 20} MiB")
                return
            if line.strip():
                yield _json_root(line, str(path), number)


def _json_root(line: bytes, file: str, number: int) -> Node | Diagnostic:
    try:
        value = json.loads(line, object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        return Diagnostic(file, number, error.colno, f"not valid JSON: {error.msg}")
    except RecursionError:
        return Diagnostic(file, number, 1, "nested too deeply")
    except ValueError as error:  # not UTF-8 text too
        return Diagnostic(file, number, 1, f"not valid JSON: {error}")
    return _tree(value, Place(number, 1, 0))


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    entries = dict(pairs)
    if len(entries) < len(pairs):
        raise ValueError("a key stands twice in one object")
    return entries


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not a value")


def _tree(value: object, place: Place) -> Node:
    """Return a JSON value as a tree, all of it at one place: a line of JSON Lines is one customer."""
    if isinstance(value, dict):
        entries = {key: _tree(entry, place) for key, entry in value.items()}
        return MappingNode(place, entries, dict.fromkeys(entries, place))
    if isinstance(value, list):
        return SequenceNode(place, [_tree(item, place) for item in value])
    assert value is None or isinstance(value, str | int | float)
    return ScalarNode(place, value, str(value), "", 0)


def _entry(root: Node, file: str, catalog: Catalog, now_ms: int) -> Iterator[Entry]:
    document, faults = read_document(CustomerDocument, root, file)
    if document is None:
        yield from faults
        return
    identities = [*map(_identity, document.identities)]
    faults += _own_faults(identities, document, root, file)
    try:
        state = read_state(document, catalog, now_ms)
    except StateError as error:
        yield from (*faults, *error.diagnostics(root, file))
        return
    named = tuple(identity for identity in identities if isinstance(identity, Identity))
    if faults:
        yield from faults
    else:
        yield CustomerEntry(named, state, file, root.place)


def _own_faults(
    identities: Iterable[Identity | str], document: CustomerDocument, root: Node, file: str
) -> Iterator[Diagnostic]:
    for index, identity in enumerate(identities):
        if isinstance(identity, str):
            yield _fault(find(root, ("identities", index)).place, file, identity)
    if document.unreadable:
        place = find(root, ("unreadable",)).place
        yield _fault(place, file, "only customers of policy tests have unreadable parts")


def _identity(text: str) -> Identity | str:
    """Return a person's name, or what is wrong with it."""
    namespace, separator, name = text.partition(":")
    if not separator:
        return "expected namespace:id, such as customer:4711"
    problems = Identity(namespace, name).faults
    if problems:
        return "; ".join(f"{field}: {problem}" for field, problem in problems.items())
    return Identity(namespace.lower(), name)


def _each_once(entries: Iterable[Entry]) -> Iterator[Entry]:
    """Pass the entries on, and report who stands in the files twice: one state would replace the other."""
    seen: dict[Identity, tuple[str, Place]] = {}
    for entry in entries:
        if isinstance(entry, CustomerEntry):
            here = entry.file, entry.place
            for file, place in {seen.setdefault(name, here) for name in entry.identities} - {here}:
                yield _fault(entry.place, entry.file, f"the same person stands at {file}:{place.line} too")
        yield entry


def _fault(place: Place, file: str, message: str) -> Diagnostic:
    return Diagnostic(file, place.line, place.column, message)
