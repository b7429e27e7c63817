"""Check one file's tree against its document model, with the place of every fault."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from nextbest_rules.diagnostics import Diagnostic
from nextbest_rules.documents import Document
from nextbest_rules.yaml_nodes import MappingNode, Node, Place, find, plain

AnyDocument = TypeVar("AnyDocument", bound=Document)

_EXPECTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
}


def read_document(
    model: type[AnyDocument], root: Node, file: str
) -> tuple[AnyDocument | None, list[Diagnostic]]:
    """Return the file as `model`, or None and every place where it differs from that shape."""
    try:
        return model.model_validate(plain(root)), []
    except ValidationError as error:
        return None, [_diagnostic(details, root, file) for details in error.errors(include_url=False)]


def _diagnostic(details: ErrorDetails, root: Node, file: str) -> Diagnostic:
    path = [step for step in details["loc"] if step != "[key]"]
    place = _key_place(root, path) if details["type"] == "extra_forbidden" else None
    place = place or find(root, path).place
    return Diagnostic(file, place.line, place.column, _message(details))


def _key_place(root: Node, path: Sequence[str | int]) -> Place | None:
    parent = find(root, path[:-1])
    return parent.keys.get(str(path[-1])) if isinstance(parent, MappingNode) else None


def _message(details: ErrorDetails) -> str:
    field, kind = details["loc"][-1] if details["loc"] else "", details["type"]
    if kind in _EXPECTED:
        return f"expected {_EXPECTED[kind]}, found {_kind_of(details['input'])}"
    return _MESSAGES.get(kind, _other)(details, str(field))


def _kind_of(value: object) -> str:
    match value:
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case str():
            return "text"
        case int() | float():
            return f"the number {value}"
        case list():
            return "a list"
        case _:
            return "a mapping"


def _other(details: ErrorDetails, _field: str) -> str:
    return details["msg"].removeprefix("Value error, ").removeprefix("Input should be ")


def _literal(details: ErrorDetails, _field: str) -> str:
    return f"expected {details['ctx']['expected']}"


def _bound(word: str, key: str) -> Callable[[ErrorDetails, str], str]:
    def message(details: ErrorDetails, _field: str) -> str:
        return f"must be {word} {details['ctx'][key]:g}"

    return message


_MESSAGES: dict[str, Callable[[ErrorDetails, str], str]] = {
    "missing": lambda _details, field: f"field '{field}' is missing",
    "extra_forbidden": lambda _details, field: f"unknown field '{field}'",
    "literal_error": _literal,
    "too_short": lambda _details, _field: "must not be empty",
    "greater_than": _bound("above", "gt"),
    "greater_than_equal": _bound("at least", "ge"),
    "less_than_equal": _bound("at most", "le"),
}
