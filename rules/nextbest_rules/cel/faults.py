"""Why an expression is refused, in the words of the catalog."""

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from nextbest_rules.cel.environment import PACKAGE
from nextbest_rules.cel.functions import display_name
from nextbest_rules.cel.reading import Refusal
from nextbest_rules.cel.vocabulary import Names

MAX_SOURCE: Final = 4_096
"""The longest expression, in characters."""
MAX_NESTING: Final = 32
"""How deep the reference engine's parser goes."""
_ENGINE_FAULT: Final = re.compile(r"^ERROR: <input>:(-?\d+):(-?\d+): (.*)$", re.MULTILINE)
_STATUS: Final = re.compile(r"^[A-Z_]+: | \[[A-Z_]+\]$")
_TOO_DEEP: Final = re.compile(r"recursion (?:limit|depth)")
_UNDEFINED_FIELD: Final = re.compile(
    rf"undefined field '(?P<field>\w+)' not found in struct '{PACKAGE}\.(?P<root>\w+)'"
)
_UNDECLARED: Final = re.compile(r"undeclared reference to '(?P<name>[^']+)'")
_NO_OVERLOAD: Final = re.compile(
    r"found no matching overload for '(?P<function>[^']+)' applied to '\((?P<types>.*)\)'"
)
_ARITHMETIC: Final = frozenset("+-*/%")


@dataclass(frozen=True, slots=True)
class ExpressionFault:
    """Why an expression is refused. Line and column count from 1 within the expression's own text."""

    line: int
    column: int
    message: str


def source_fault(source: str) -> ExpressionFault | None:
    """Return why a text is not even read: it is too long, or no text at all."""
    if len(source) > MAX_SOURCE:
        return ExpressionFault(1, 1, f"the expression is longer than {MAX_SOURCE:,} characters")
    try:
        source.encode()
    except UnicodeEncodeError as error:
        return fault_of(source, Refusal(error.start, "half a surrogate pair is no character"))
    return None


def fault_of(source: str, refusal: Refusal) -> ExpressionFault:
    """Return a refusal with its place as line and column."""
    before = source[: refusal.offset]
    return ExpressionFault(before.count("\n") + 1, refusal.offset - before.rfind("\n"), refusal.message)


def engine_faults(
    text: str, names: Names, fields: Mapping[str, Iterable[str]]
) -> tuple[ExpressionFault, ...]:
    """Return the faults that the reference engine has found, each once.

    `fields` are those of records and roots.
    """
    found = _ENGINE_FAULT.findall(_STATUS.sub("", text))
    if not found:
        found = [("1", "1", _STATUS.sub("", text).splitlines()[0])]
    faults = (
        ExpressionFault(max(int(line), 1), max(int(column), 1), _reword(message, names, fields))
        for line, column, message in found
    )
    return tuple(dict.fromkeys(faults))


def _reword(message: str, names: Names, fields: Mapping[str, Iterable[str]]) -> str:
    if _TOO_DEEP.search(message):
        return f"the expression is nested more than {MAX_NESTING} levels deep"
    if match := _UNDEFINED_FIELD.match(message):
        root, field = match["root"].lower(), match["field"]
        return f"{root}.{field} is not declared{_suggestion(field, fields.get(root, ()))}"
    if match := _UNDECLARED.match(message):
        return f"unknown name '{match['name']}'{_suggestion(match['name'], names.all())}"
    if match := _NO_OVERLOAD.match(message):
        return _reword_operands(display_name(match["function"]), match["types"])
    return message.partition(" expecting {")[0].replace("Syntax error", "syntax error")


def _suggestion(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, sorted(known), n=1)
    return f"; did you mean '{close[0]}'?" if close else ""


def _reword_operands(function: str, types: str) -> str:
    hint = ""
    if function in _ARITHMETIC and set(types.split(", ")) == {"int", "double"}:
        hint = "; write whole numbers as 1.0 beside a double, or convert with double(…)"
    return f"'{function}' does not take ({types.replace(PACKAGE + '.', '')}){hint}"
