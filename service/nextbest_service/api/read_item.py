"""Reads what events and outcomes have in common: who says so, when, what else."""

from collections.abc import Callable, Collection, Mapping

from nextbest.v1 import value_pb2
from nextbest_rules import ValueType
from nextbest_rules.declarations import FactValue
from nextbest_service.api.findings import Findings
from nextbest_service.api.read_value import MOST, read_value

MAX_ID_BYTES = 64
MAX_PROPERTIES = 64
MAX_NAME_BYTES = 64


def check_id(text: str, path: str, findings: Findings) -> None:
    """Note an id or a source that is empty or too long."""
    findings.require(1 <= len(text.encode()) <= MAX_ID_BYTES, path, f"1 to {MAX_ID_BYTES} bytes")


def check_text(text: str, most: int, path: str, findings: Findings) -> None:
    """Note a text that is too long."""
    findings.require(len(text.encode()) <= most, path, f"at most {most:,} bytes")


def check_amount(number: float, path: str, findings: Findings) -> None:
    """Note an amount that is negative, not finite, or beyond all measure."""
    findings.require(0.0 <= number <= MOST, path, "a finite number, not negative, at most 10^15")


def read_properties(
    messages: Mapping[str, value_pb2.Value],
    types_of: Callable[[str], Collection[ValueType]],
    path: str,
    findings: Findings,
) -> dict[str, FactValue]:
    """Return properties in their declared types; `types_of` gives none for a name that is not declared."""
    if not findings.require(len(messages) <= MAX_PROPERTIES, path, f"at most {MAX_PROPERTIES} entries"):
        return {}
    properties: dict[str, FactValue] = {}
    for name in messages:
        place = f'{path}["{name[:MAX_NAME_BYTES]}"]'
        types = types_of(name)
        if not types:
            findings.reject(place, "the catalog declares no such property")
            continue
        value = read_value(messages[name], types, place, findings)
        if value is not None:
            properties[name] = value
    return properties
