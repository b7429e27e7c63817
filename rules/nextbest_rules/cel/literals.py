"""Literals that no run of an expression could make sense of, found before it runs."""

from collections.abc import Callable
from difflib import get_close_matches
from typing import Final

from nextbest_rules.cel.civil import BAD_ZONE, ZONED, find_zone
from nextbest_rules.cel.nodes import Constant, Node
from nextbest_rules.cel.texts import searcher
from nextbest_rules.cel.times import parse_duration, parse_timestamp
from nextbest_rules.cel.values import Unevaluable
from nextbest_rules.records import OUTCOMES, RESERVED

_PARSERS: Final[dict[str, Callable[[str], object]]] = {
    "timestamp": parse_timestamp,
    "duration": parse_duration,
    "matches": searcher,
}


def literal_fault(function: str, arguments: tuple[Node, ...]) -> str | None:
    """Return what is wrong with the last argument of a call, if that is a text written out."""
    match arguments:
        case (*_, Constant(_, str() as text)):
            return _fault(function, text, len(arguments))
    return None


def _fault(function: str, text: str, count: int) -> str | None:
    if function in _PARSERS:
        parsed = _PARSERS[function](text)
        return parsed.reason if isinstance(parsed, Unevaluable) else None
    if function in ZONED and count > 1 and find_zone(text) is BAD_ZONE:
        return "unknown time zone"
    return None


def outcome_fault(outcome: str | None) -> str | None:
    """Return what is wrong with the outcome that a call asks for."""
    if not outcome or outcome in OUTCOMES or outcome == RESERVED:
        return None
    close = get_close_matches(outcome.upper(), sorted(OUTCOMES), n=1)
    return f"unknown outcome '{outcome}'" + (f"; did you mean '{close[0]}'?" if close else "")
