"""Customers in files: read whole, checked against the catalog, every fault with its file and line.

A YAML file is a list of customers; a JSON Lines file holds one customer per line and is read line by line.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from typing import TypeAlias

from pydantic import Field, ValidationError

from nextbest_rules import Catalog, Diagnostic
from nextbest_rules.loading.shape import read_document
from nextbest_rules.loading.strict_yaml import parse
from nextbest_rules.loading.yaml_nodes import (
    MappingNode,
    Node,
    Place,
    ScalarNode,
    SequenceNode,
    child,
    find,
    plain,
)
from nextbest_rules.trials.state import CustomerState, StateError, read_state
from nextbest_rules.trials.state_documents import StateDocument
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


@dataclass(frozen=True, slots=True)
class _Item:
    """One customer as it stands in a file; `tree` is made only where faults need their places."""

    value: object
    file: str
    place: Place
    tree: Callable[[], Node]


Read: TypeAlias = Callable[[_Item], Iterator[Entry]]
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


def read_states(paths: Iterable[Path], catalog: Catalog, now_ms: int) -> Iterator[CustomerEntry]:
    """Yield the customers of files that were checked.

    Raises:
        CustomerFileError: a file has changed since, and for the worse.
    """
    for entry in read_customers(paths, catalog, now_ms, lambda _: None):
        if isinstance(entry, Diagnostic):
            raise CustomerFileError([entry])
        yield entry


def read_customers(paths: Iterable[Path], catalog: Catalog, now_ms: int, watch: Watch) -> Iterator[Entry]:
    """Yield each customer of the files, or what is wrong instead. Relative times count from `now_ms`."""
    for path in paths:
        read = partial(_entries, catalog=catalog, now_ms=now_ms)
        try:
            if path.suffix in JSON_LINES:
                yield from _json_entries(path, read, watch)
            elif path.suffix in YAML:
                yield from _yaml_entries(path, read, watch)
            else:
                yield Diagnostic(str(path), 1, 1, f"expected a file *{', *'.join((*YAML, *JSON_LINES))}")
        except OSError as error:
            yield Diagnostic(str(path), 1, 1, f"cannot be read: {error.strerror}")


def _yaml_entries(path: Path, read: Read, watch: Watch) -> Iterator[Entry]:
    file, size = str(path), path.stat().st_size
    if size > MAX_YAML_BYTES:
        yield Diagnostic(file, 1, 1, f"larger than {MAX_YAML_BYTES >> 20} MiB; write JSON Lines (*.jsonl)")
        return
    try:
        root, faults = parse(path.read_text(encoding="utf-8-sig"), file)
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        root, faults = None, [Diagnostic(file, line, 1, "not UTF-8 text")]
    watch(size)
    if faults:
        yield from faults
    elif isinstance(root, SequenceNode):
        for node in root.items:
            yield from read(_Item(plain(node), file, node.place, partial(_itself, node)))
    else:
        yield Diagnostic(file, 1, 1, "expected a list of customers")


def _json_entries(path: Path, read: Read, watch: Watch) -> Iterator[Entry]:
    with path.open("rb") as lines:
        for number in count(1):
            line = lines.readline(MAX_LINE_BYTES + 1)
            watch(len(line))
            if len(line) > MAX_LINE_BYTES:
                yield Diagnostic(str(path), number, 1, f"longer than {MAX_LINE_BYTES >> 20} MiB")
            if not 0 < len(line) <= MAX_LINE_BYTES:
                return
            if line.strip():
                value = _json_value(line, str(path), number)
                tree = partial(_line_tree, value, line, number)
                item = _Item(value, str(path), Place(number, 1, 0), tree)
                yield from [value] if isinstance(value, Diagnostic) else read(item)


def _json_value(line: bytes, file: str, number: int) -> object:
    """Return the value on a line, or what is wrong with it."""
    try:
        value = json.loads(line.decode(), object_pairs_hook=_unique, parse_constant=_refuse_constant)
        json.dumps(value, ensure_ascii=False).encode()  # fails for escapes that are half a character
    except json.JSONDecodeError as error:
        return Diagnostic(file, number, error.colno, f"not valid JSON: {error.msg}")
    except RecursionError:
        return Diagnostic(file, number, 1, "nested too deeply")
    except UnicodeError:
        return Diagnostic(file, number, 1, "not UTF-8 text")
    except ValueError as error:
        return Diagnostic(file, number, 1, f"not valid JSON: {error}")
    return value


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    entries = dict(pairs)
    if len(entries) < len(pairs):
        raise ValueError("a key stands twice in one object")
    return entries


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not a value")


def _itself(node: Node) -> Node:
    return node


def _line_tree(value: object, line: bytes, number: int) -> Node:
    """Return the tree of a line. Nearly every JSON is YAML, and YAML's tree knows the columns."""
    shape, _ = parse(line.decode(), "")
    return _tree(value, number, shape)


def _tree(value: object, number: int, shape: Node | None) -> Node:
    place = Place(number, shape.place.column if shape else 1, 0)
    if isinstance(value, dict):
        entries = {key: _tree(entry, number, shape and child(shape, key)) for key, entry in value.items()}
        return MappingNode(place, entries, {key: entry.place for key, entry in entries.items()})
    if isinstance(value, list):
        items = [_tree(item, number, shape and child(shape, index)) for index, item in enumerate(value)]
        return SequenceNode(place, items)
    assert value is None or isinstance(value, str | int | float)
    return ScalarNode(place, value, str(value), "", 0)


def _entries(item: _Item, catalog: Catalog, now_ms: int) -> Iterator[Entry]:
    try:
        document = CustomerDocument.model_validate(item.value)
    except ValidationError:
        yield from read_document(CustomerDocument, item.tree(), item.file)[1]
        return
    identities = [*map(_identity, document.identities)]
    faults = [*_own_faults(identities, document, item)]
    try:
        state = read_state(document, catalog, now_ms)
    except StateError as error:
        yield from (*faults, *error.diagnostics(item.tree(), item.file))
        return
    named = tuple(identity for identity in identities if isinstance(identity, Identity))
    if faults:
        yield from faults
    else:
        yield CustomerEntry(named, state, item.file, item.place)


def _own_faults(
    identities: Iterable[Identity | str], document: CustomerDocument, item: _Item
) -> Iterator[Diagnostic]:
    for index, identity in enumerate(identities):
        if isinstance(identity, str):
            yield _fault(find(item.tree(), ("identities", index)).place, item.file, identity)
    if document.unreadable:
        place = find(item.tree(), ("unreadable",)).place
        yield _fault(place, item.file, "only customers of policy tests have unreadable parts")


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
