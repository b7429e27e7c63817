"""From a place inside a scalar's value back to its place in the YAML text."""

import re
from collections.abc import Iterator

from nextbest_rules.loading.yaml_nodes import ScalarNode

_ESCAPE = re.compile(r"\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)", re.DOTALL)
# Escapes of double-quoted text that stand for white space or for nothing at all.
_BLANK_ESCAPE = re.compile(r"\\(?:[ntrvfNLP_ \t\n]|x(?:09|0[aAbBcCdD]|20|85|[aA]0)|u00(?:09|0[aA]|0[dD]|20))")


def locate(node: ScalarNode, line: int, column: int, text: str) -> tuple[int, int]:
    """Return the file's (line, column) of the character at (line, column) of the scalar's value.

    Styles of YAML fold lines, strip indents and double quotes, but none adds or drops a visible character.
    So the n-th visible character of the value is the n-th visible one of the text.
    """
    offset = _offset_in_value(node.text, line, column)
    visible = sum(not character.isspace() for character in node.text[:offset])
    on_character = offset < len(node.text) and not node.text[offset].isspace()
    places = list(_visible_offsets(node, text))
    if on_character:
        return _line_and_column(text, places[visible][0])
    if not visible:
        return node.place.line, node.place.column
    return _line_and_column(text, places[visible - 1][1])


def _offset_in_value(value: str, line: int, column: int) -> int:
    start = 0
    for _ in range(line - 1):
        start = value.find("\n", start) + 1
    return min(start + column - 1, len(value))


def _line_and_column(text: str, offset: int) -> tuple[int, int]:
    before = text[:offset]
    return before.count("\n") + 1, len(before) - before.rfind("\n")


def _visible_offsets(node: ScalarNode, text: str) -> Iterator[tuple[int, int]]:
    """Yield, for each visible character of the value, where it starts and ends in the text."""
    start, end = _content(node, text)
    while start < end:
        length = _length_at(text, start, node.style)
        if not _is_blank(text[start : start + length], node.style):
            yield start, start + length
        start += length


def _content(node: ScalarNode, text: str) -> tuple[int, int]:
    """Return where the scalar's content lies: without its quotes or the header of its block."""
    start = node.place.offset
    if node.style in ("|", ">"):
        return text.index("\n", start) + 1, node.end
    if node.style:
        return start + 1, node.end - 1
    return start, node.end


def _length_at(text: str, start: int, style: str) -> int:
    if style == '"' and (escape := _ESCAPE.match(text, start)):
        return len(escape.group())
    if style == "'" and text.startswith("''", start):
        return 2
    return 1


def _is_blank(piece: str, style: str) -> bool:
    if style == '"' and piece.startswith("\\"):
        return bool(_BLANK_ESCAPE.fullmatch(piece))
    return piece.isspace()
