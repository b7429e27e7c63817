"""Check one file's tree against its document model, with the place of every fault."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar, get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from nextbest_rules.diagnostics import Diagnostic
from nextbest_rules.loading.documents.fields import WRONG_KIND, Document
from nextbest_rules.loading.suggestions import suggestion
from nextbest_rules.loading.yaml_nodes import MappingNode, Node, Place, find, plain

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
        return None, [_diagnostic(details, model, root, file) for details in error.errors(include_url=False)]


def _diagnostic(details: ErrorDetails, model: type[Document], root: Node, file: str) -> Diagnostic:
    path = [step for step in details["loc"] if not _is_tag(step)]
    if details["type"] == "extra_forbidden":
        place = _key_place(root, path) or find(root, path).place
        message = f"unknown field '{path[-1]}'{suggestion(str(path[-1]), _fields_at(model, path[:-1]))}"
    else:
        place, message = find(root, path).place, _message(details)
    return Diagnostic(file, place.line, place.column, message)


def _is_tag(step: str | int) -> bool:
    """Tell whether a step leads to a key, or into one member of a union, rather than into the tree."""
    return isinstance(step, str) and step.startswith("[")


def _key_place(root: Node, path: Sequence[str | int]) -> Place | None:
    parent = find(root, path[:-1])
    return parent.keys.get(str(path[-1])) if isinstance(parent, MappingNode) else None


def _fields_at(model: type[Document], path: Iterable[str | int]) -> set[str]:
    """Return the fields that may stand at a path."""
    models = {model}
    for step in path:
        below = {found for owner in models for found in _documents_below(owner, step)}
        models = below or models
    return {field.alias or name for owner in models for name, field in owner.model_fields.items()}


def _documents_below(model: type[Document], step: str | int) -> Iterator[type[Document]]:
    for name, field in model.model_fields.items():
        if step == (field.alias or name):
            yield from _documents_in(field.annotation)


def _documents_in(annotation: object) -> Iterator[type[Document]]:
    if isinstance(annotation, type) and issubclass(annotation, Document):
        yield annotation
    for part in get_args(annotation):
        yield from _documents_in(part)


def _message(details: ErrorDetails) -> str:
    field, kind = details["loc"][-1] if details["loc"] else "", details["type"]
    expected = details["msg"] if kind == WRONG_KIND else _EXPECTED.get(kind)
    if expected is not None:
        return f"expected {expected}, found {_kind_of(details['input'])}"
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
    found = details["input"]
    options = str(details["ctx"]["expected"])
    known = options.replace("'", "").replace(" or ", ", ").split(", ")
    hint = suggestion(found, known) if isinstance(found, str) else ""
    return f"expected {options}{hint}"


def _bound(word: str, key: str) -> Callable[[ErrorDetails, str], str]:
    def message(details: ErrorDetails, _field: str) -> str:
        return f"must be {word} {details['ctx'][key]:g}"

    return message


_MESSAGES: dict[str, Callable[[ErrorDetails, str], str]] = {
    "missing": lambda _details, field: f"field '{field}' is missing",
    "literal_error": _literal,
    "too_short": lambda _details, _field: "must not be empty",
    "greater_than": _bound("above", "gt"),
    "greater_than_equal": _bound("at least", "ge"),
    "less_than_equal": _bound("at most", "le"),
}
