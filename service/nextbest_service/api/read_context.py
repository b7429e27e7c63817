"""Reads the context of a request: every entry in the map and of the type that the catalog declares."""

import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from nextbest.v1 import value_pb2
from nextbest_rules import Catalog, ValueType
from nextbest_service.api.findings import Findings

MAX_ENTRIES = 64
MAX_KEY_BYTES = 64
MAX_TEXT_BYTES = 1024
MAX_LIST_ITEMS = 256
LARGEST_EXACT_INTEGER = 2**53

_SHORT = MAX_TEXT_BYTES // 4
"""No text of so many characters has too many bytes."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST_MS = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // timedelta(milliseconds=1)
_EARLIEST_MS = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // timedelta(milliseconds=1)
_MAP_OF = {
    ValueType.STRING: "strings",
    ValueType.INT: "numbers",
    ValueType.DOUBLE: "numbers",
    ValueType.TIMESTAMP: "numbers",
    ValueType.BOOL: "flags",
    ValueType.STRINGS: "lists",
}


class ContextReader:
    """Reads contexts as one catalog declares them."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        declared = {
            key: declaration.type
            for key, declaration in catalog.context.declarations.items()
            if len(key.encode()) <= MAX_KEY_BYTES
        }
        self._texts, self._doubles, self._flags = (
            frozenset(key for key, kind in declared.items() if kind is plain)
            for plain in (ValueType.STRING, ValueType.DOUBLE, ValueType.BOOL)
        )

    def read(self, message: value_pb2.Context, findings: Findings) -> dict[str, object]:
        """Return a context in its declared types; what is wrong with it goes to `findings`.

        What is plainly right is taken at once. Protobuf's maps are read faster by key than by `.items()`.
        """
        strings, texts = message.strings, self._texts
        others = len(message.numbers) + len(message.flags) + len(message.lists)
        if len(strings) + others > MAX_ENTRIES:
            findings.reject("context", f"at most {MAX_ENTRIES} entries")
            return {}
        context: dict[str, object] = {}
        for key in strings:
            text = strings[key]
            if key in texts and len(text) <= _SHORT:
                context[key] = text
            else:
                self._check("strings", key, text, context, findings)
        if others:
            self._read_others(message, context, findings)
        return context

    def _read_others(
        self, message: value_pb2.Context, context: dict[str, object], findings: Findings
    ) -> None:
        numbers, flags, lists = message.numbers, message.flags, message.lists
        for key in numbers:
            number = numbers[key]
            if key in self._doubles and math.isfinite(number) and key not in context:
                context[key] = number
            else:
                self._check("numbers", key, number, context, findings)
        for key in flags:
            if key in self._flags and key not in context:
                context[key] = flags[key]
            else:
                self._check("flags", key, flags[key], context, findings)
        for key in lists:
            self._check("lists", key, lists[key], context, findings)

    def _check(
        self, map_name: str, key: str, value: object, context: dict[str, object], findings: Findings
    ) -> None:
        """Take an entry if it is right."""
        problems = list(_problems(self._catalog, map_name, key, value))
        if not problems and key in context:
            problems = [("", "the key stands in two maps")]
        for suffix, problem in problems:
            findings.reject(f'context.{map_name}["{key[:MAX_KEY_BYTES]}"]{suffix}', problem)
        context[key] = None if problems else _converted(self._catalog, key, value)


def _problems(catalog: Catalog, map_name: str, key: str, value: object) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with an entry, as (path behind the entry's own, description)."""
    declared = catalog.context.declarations.get(key)
    if len(key.encode()) > MAX_KEY_BYTES:
        yield "", f"a key has at most {MAX_KEY_BYTES} bytes"
    elif declared is None:
        yield "", "the catalog declares no such context"
    elif _MAP_OF.get(declared.type) != map_name:
        yield "", f"declared as {declared.type}: it belongs into {_MAP_OF.get(declared.type, 'no map')}"
    elif isinstance(value, str):
        yield from _text_problems("", value)
    elif isinstance(value, value_pb2.StringList):
        yield from _list_problems(value)
    elif isinstance(value, float):
        yield from _number_problems(declared.type, value)


def _text_problems(suffix: str, text: str) -> Iterator[tuple[str, str]]:
    if len(text.encode()) > MAX_TEXT_BYTES:
        yield suffix, f"at most {MAX_TEXT_BYTES:,} bytes"


def _list_problems(texts: value_pb2.StringList) -> Iterator[tuple[str, str]]:
    if len(texts.values) > MAX_LIST_ITEMS:
        yield "", f"at most {MAX_LIST_ITEMS} items"
        return
    for index, text in enumerate(texts.values):
        yield from _text_problems(f"[{index}]", text)


def _number_problems(declared: ValueType, number: float) -> Iterator[tuple[str, str]]:
    if not math.isfinite(number):
        yield "", "must be a finite number"
    elif declared is ValueType.DOUBLE:
        return
    elif not number.is_integer() or abs(number) >= LARGEST_EXACT_INTEGER:
        yield "", "must be a whole number below 2^53 in size"
    elif declared is ValueType.TIMESTAMP and not _EARLIEST_MS <= number <= _LATEST_MS:
        yield "", "not a time between the years 1 and 9999"


def _converted(catalog: Catalog, key: str, value: object) -> object:
    """Return a sound entry's value in its declared type."""
    if isinstance(value, value_pb2.StringList):
        return list(value.values)
    if not isinstance(value, float):
        return value
    match catalog.context.declarations[key].type:
        case ValueType.INT:
            return int(value)
        case ValueType.TIMESTAMP:
            return _EPOCH + timedelta(milliseconds=value)
        case _:
            return value
