"""Strings and bytes."""

import functools
import operator
from collections.abc import Callable
from typing import Final

import re2

from nextbest_rules.cel.kinds import BOOL, BYTES, INT, STRING
from nextbest_rules.cel.overloads import Overload, Overloads
from nextbest_rules.cel.values import Unevaluable

MAX_LENGTH: Final = 65_536
"""The longest string, bytes or list that + makes."""
MAX_PATTERN: Final = 256
"""The longest regular expression, in characters."""

TOO_LONG: Final = Unevaluable(f"the result of + is longer than {MAX_LENGTH:,}")
_LONG_PATTERN: Final = Unevaluable(f"the regular expression is longer than {MAX_PATTERN} characters")
_OPTIONS: Final = re2.Options()
_OPTIONS.log_errors = False


@functools.lru_cache(maxsize=4_096)
def searcher(pattern: str) -> Callable[[bytes], object | None] | Unevaluable:
    """Return what finds a regular expression of RE2 in a text in UTF-8, which RE2 is quickest with."""
    if len(pattern) > MAX_PATTERN:
        return _LONG_PATTERN
    try:
        return re2.compile(pattern.encode(), _OPTIONS).search  # type: ignore[no-any-return]
    except re2.error as error:
        return Unevaluable(f"bad regular expression: {_as_text(error.args[0])}")


def _as_text(message: bytes | str) -> str:
    return message.decode(errors="replace") if isinstance(message, bytes) else message


def _matches(text: str, pattern: str) -> bool | Unevaluable:
    search = searcher(pattern)
    return search if isinstance(search, Unevaluable) else search(text.encode()) is not None


def _concatenate(left: str, right: str) -> str | Unevaluable:
    return TOO_LONG if len(left) + len(right) > MAX_LENGTH else left + right


def _contains(text: str, part: str) -> bool:
    return part in text


OVERLOADS: Overloads = {
    ("_+_", ("string", "string")): Overload(STRING, _concatenate),
    ("_+_", ("bytes", "bytes")): Overload(BYTES, _concatenate),
    ("contains", ("string", "string")): Overload(BOOL, _contains, "({1} in {0})"),
    ("startsWith", ("string", "string")): Overload(BOOL, str.startswith, "{0}.startswith({1})"),
    ("endsWith", ("string", "string")): Overload(BOOL, str.endswith, "{0}.endswith({1})"),
    ("matches", ("string", "string")): Overload(BOOL, _matches),
    ("size", ("string",)): Overload(INT, len, "len({0})"),
    ("size", ("bytes",)): Overload(INT, len, "len({0})"),
    ("size", ("map",)): Overload(INT, len, "len({0})"),
    ("size", ("list",)): Overload(INT, len, "len({0})"),
    ("!_", ("bool",)): Overload(BOOL, operator.not_, "(not {0})"),
}
