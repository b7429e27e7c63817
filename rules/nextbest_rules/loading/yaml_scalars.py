"""Plain YAML scalars as the YAML 1.2 core schema reads them: `NO`, `on` and `yes` are text."""

import re

from nextbest_rules.loading.yaml_nodes import Scalar

_CONSTANTS: dict[str, Scalar] = {
    "": None,
    "~": None,
    **dict.fromkeys(("null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
# An integer with leading zeros stays text: it is an identifier whose zeros somebody meant.
_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]*)\Z")
_FLOAT = re.compile(r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?\Z")
_NOT_FINITE = re.compile(r"(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\Z")
_NUMBER_START = frozenset("-+.0123456789")
_INT64_DIGITS = 20


class ScalarError(ValueError):
    """A plain scalar that stands for no value a catalog may hold."""


def resolve(text: str) -> Scalar:
    """Return the value of a plain scalar.

    Raises:
        ScalarError: the number is not finite or does not fit 64 bits.
    """
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if text[0] not in _NUMBER_START:
        return text
    return _number(text)


def _number(text: str) -> Scalar:
    if _NOT_FINITE.match(text):
        raise ScalarError(f"{text} is not a finite number")
    if _INT.match(text):
        return _integer(text)
    if not _FLOAT.match(text):
        return text
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise ScalarError("this number is too large")
    return value


def _integer(text: str) -> int:
    if len(text) > _INT64_DIGITS or not -(2**63) <= int(text) < 2**63:
        raise ScalarError("this integer does not fit 64 bits; quote it if it is an id")
    return int(text)
