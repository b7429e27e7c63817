"""The tables of the reference guides, made from the schemas.

`python tests/unit/rules/format_tables.py` writes them.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from nextbest_rules.catalog import EventType
from nextbest_rules.event_types import BUILT_IN
from nextbest_rules.loading.documents import events, fields, head
from nextbest_rules.loading.json_schema import schemas
from nextbest_rules.trials.moments import MomentField, MomentOrNever

_GUIDES = Path(__file__).parents[3] / "docs" / "guides"
GUIDE = _GUIDES / "catalog-format.md"
TESTS_GUIDE = _GUIDES / "policy-tests.md"
MARKED = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
_PATTERNS = {
    TypeAdapter(kind).json_schema()["pattern"]: word
    for kind, word in (
        (fields.Id, "id"),
        (fields.Name, "name"),
        (events.EventTypeName, "type of event"),
        (events.FactSource, "source"),
        (events.ValueSource, "source"),
        (head.NamespaceName, "name"),
        (fields.Duration, "duration"),
        (fields.TimeOfDay, "time of day"),
        (fields.Locale, "language tag"),
        (fields.Instant, "date-time"),
        (fields.Start, "date or date-time"),
        (MomentField, "time"),
        (MomentOrNever, "time or `never`"),
    )
}
_SCHEMAS = schemas()
_NAMES = {"Exception": "Selector", "Emphasis": "Goal or brand"}
_SHOWN_ONCE = ("Selector", "Exception")
_WORDS = {"string": "text", "boolean": "true or false", "integer": "whole number", "object": "mapping"}


def refreshed(guide: str) -> str:
    """Return the guide with its tables as they should be."""
    return MARKED.sub(lambda match: f"{match[1]}{tables(match[2])}\n{match[3]}", guide)


def tables(kind: str) -> str:
    """Return the tables of one kind of file, or of what stands in many places: a selector, a rule."""
    rules = _SCHEMAS["policies"]["$defs"]
    common = {name: shape for name, shape in rules["Condition"]["properties"].items() if name != "require"}
    if kind == "selector":
        return _table("", rules["Selector"])
    if kind == "rule":
        return _table(
            "", {**rules["Condition"], "description": "Every rule has these.", "properties": common}
        )
    if kind == "built_in":
        return _built_in()
    schema = _SCHEMAS[kind]
    top = [_table("", schema)] if "properties" in schema else []
    parts = [name for name in _in_order(schema, schema) if name not in _SHOWN_ONCE]
    return "\n".join(top + [_table(name, schema["$defs"][name], common) for name in parts])


def _built_in() -> str:
    head = ["| type | properties | recorded | what it means |", "|---|---|---|---|"]
    return "\n".join(head + [_event_row(item) for item in BUILT_IN.values()] + [""])


def _event_row(item: EventType) -> str:
    properties = [f"`{name}`" for name in (*item.properties, *(["answer"] if item.answers else []))]
    notes = [item.description]
    if item.ends:
        notes.append(f"It ends `{item.ends}`.")
    if item.internal:
        notes.append("The service makes it itself; it cannot be sent.")
    cells = f"`{item.type}`", ", ".join(properties), "yes" if item.recorded else "", " ".join(notes)
    return f"| {' | '.join(cells)} |"


def _in_order(schema: dict[str, Any], part: object) -> Iterator[str]:
    """Yield the definitions that a part leads to, each once, in the order of its fields."""
    seen: dict[str, None] = {}
    waiting = [part]
    while waiting:
        found = waiting.pop(0)
        if isinstance(found, list):
            waiting = found + waiting
        elif isinstance(found, dict):
            name = str(found.get("$ref", "")).removeprefix("#/$defs/")
            if name and name not in seen:
                seen[name] = None
                waiting.append(schema["$defs"][name])
            waiting = [value for key, value in found.items() if key != "$defs"] + waiting
    yield from seen


def _table(name: str, definition: dict[str, Any], shown: Mapping[str, object] | None = None) -> str:
    """Return one table, without the fields that were shown already."""
    title = f"**{_spaced(name)}**: " if name else ""
    required = definition.get("required", ())
    rows = [
        _row(field, shape, needed=field in required)
        for field, shape in definition["properties"].items()
        if not shown or shown.get(field) != shape
    ]
    head = ["| field | value | if absent | meaning |", "|---|---|---|---|"] if rows else []
    return "\n".join([f"{title}{definition['description']}", "", *head, *rows, *([""] if rows else [])])


def _row(field: str, shape: dict[str, Any], *, needed: bool) -> str:
    cells = (f"`{field}`", _value(shape), _default(shape, needed=needed), _escaped(shape["description"]))
    return f"| {' | '.join(cells)} |"


def _spaced(name: str) -> str:
    return _NAMES.get(name) or re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower().capitalize()


def _escaped(text: str) -> str:
    return text.replace("|", r"\|").replace("<", "&lt;")


def _value(shape: dict[str, Any]) -> str:
    """Say in few words what a field takes."""
    if "$ref" in shape:
        return _spaced(shape["$ref"].removeprefix("#/$defs/")).lower()
    options = shape.get("oneOf") or shape.get("anyOf") or shape.get("allOf")
    if options:
        return " or ".join(_value(option) for option in options)
    if "enum" in shape:
        return ", ".join(f"`{value}`" for value in shape["enum"])
    if "const" in shape:
        return f"`{shape['const']}`"
    return _simple(shape)


def _simple(shape: dict[str, Any]) -> str:
    kind = shape.get("type")
    if kind == "array":
        return f"{'any of' if 'enum' in shape['items'] else 'list of'} {_value(shape['items'])}"
    if kind == "object":
        inner = shape.get("additionalProperties") or next(
            iter(shape.get("patternProperties", {}).values()), True
        )
        return "mapping" if inner is True else f"mapping to {_value(inner)}"
    if "maxLength" in shape:
        return {"string": "CEL"}.get(
            str(kind),
            "number or CEL" if shape.keys() & {"minimum", "exclusiveMinimum"} else "CEL or a constant",
        )
    if isinstance(kind, list):
        return ", ".join(_WORDS.get(word, word) for word in kind)
    if kind is None:
        return "a value of the type"
    return _PATTERNS.get(shape.get("pattern", ""), _number(shape) or _WORDS.get(kind, kind))


def _number(shape: dict[str, Any]) -> str:
    bounds = {
        "minimum": "at least",
        "exclusiveMinimum": "above",
        "maximum": "at most",
    }
    word = {"integer": "whole number", "number": "number"}.get(shape["type"], "")
    said = ", ".join(f"{words} {shape[key]:,}" for key, words in bounds.items() if key in shape)
    return f"{word}, {said}" if word and said else word


def _default(shape: dict[str, Any], *, needed: bool) -> str:
    if needed:
        return "*needed*"
    default = shape.get("default")
    if default is None:
        return ""
    if isinstance(default, bool):
        return "`true`" if default else "`false`"
    return f"`[{', '.join(default)}]`" if isinstance(default, list) else f"`{default}`"


if __name__ == "__main__":
    for guide in (GUIDE, TESTS_GUIDE):
        guide.write_text(refreshed(guide.read_text()))
