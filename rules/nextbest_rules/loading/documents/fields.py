"""The values of fields: what is accepted, how a fault is worded, what an editor is told."""

import re
from collections.abc import Callable
from typing import Annotated, Any, Literal, LiteralString, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from nextbest_rules import dates, durations
from nextbest_rules.policies import MOST_WEIGHT

_ID = r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}"
_NAME = r"[a-z][a-z0-9_]{0,63}"
_LOCALE = r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?"
_TIME_OF_DAY = r"(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)"
_INSTANT = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+(Z|[+-][0-9]{2}:[0-9]{2})"
_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_CEL_RESERVED = frozenset(
    {"as", "break", "const", "continue", "else", "false", "for", "function", "if", "import", "in", "let"}
    | {"loop", "namespace", "null", "package", "return", "true", "var", "void", "while"}
)
_MAX_EXPRESSION = 4_096
WRONG_KIND = "wrong_kind"
"""The type of pydantic errors that say what was expected in place of what was found."""
_MAX_DURATION = "10y"


class Document(BaseModel):
    """A part of a catalog file: exactly the declared fields, exactly their types."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, populate_by_name=False)


def pattern(regex: str) -> WithJsonSchema:
    """Return the JSON Schema of texts that match a regular expression as a whole."""
    return WithJsonSchema({"type": "string", "pattern": f"^{regex}$"})


def matching(regex: str, fault: str) -> AfterValidator:
    """Return what refuses texts that do not match as a whole; `{}` in the fault stands for the text."""
    compiled = re.compile(regex)

    def validate(text: str) -> str:
        if not compiled.fullmatch(text):
            raise ValueError(fault.format(text))
        return text

    return AfterValidator(validate)


def _not_reserved(text: str) -> str:
    if text in _CEL_RESERVED:
        raise ValueError(f"'{text}' is a reserved word of conditions")
    return text


def _text(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be empty")
    return text


def _expression(text: str) -> str:
    if len(text) > _MAX_EXPRESSION:
        raise ValueError(f"an expression has at most {_MAX_EXPRESSION:,} characters")
    return _text(text).strip()


def _other_than(expected: LiteralString) -> PydanticCustomError:
    """Return the error for a value of the wrong kind; whoever reports it adds what was found."""
    return PydanticCustomError(WRONG_KIND, expected)


def _read(read: Callable[[str], int], expected: LiteralString) -> PlainValidator:
    def validate(value: object) -> int:
        if not isinstance(value, str):
            raise _other_than(expected)
        return read(value)

    return PlainValidator(validate)


def _instant(read: Callable[[str], int]) -> PlainValidator:
    return _read(read, "a date (2017-10-30) or a date-time with a zone")


def _duration(zero: str) -> PlainValidator:
    def read(text: str) -> int:
        duration = durations.duration_ms(text)
        if not duration:
            raise ValueError(zero)
        if duration > durations.duration_ms(_MAX_DURATION):
            raise ValueError(f"{text} is longer than {_MAX_DURATION}")
        return duration

    return _read(read, "a duration with its unit, such as 30d, 36h or 1d12h")


def _minute(text: str) -> int:
    if not re.fullmatch(_TIME_OF_DAY, text):
        raise ValueError(f"'{text}' is not a time of day like 21:00")
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)


def _zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"unknown time zone '{text}'; zones are named like Asia/Ho_Chi_Minh") from None
    return text


def _scalar(value: object) -> object:
    if not isinstance(value, str | int | float | bool):
        raise _other_than("text, a number, true or false")
    return value


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number_or_formula(value: object) -> float | str:
    """Read a number, or a formula. A number in quotes is a slip of the pen, not a formula."""
    if isinstance(value, str):
        try:
            float(value)
        except ValueError:
            return _expression(value)
        raise ValueError("write the number without quotes")
    if not _is_number(value):
        raise _other_than("a number, or a formula in CEL")
    assert isinstance(value, int | float)
    return float(value)


def _not_negative(value: float | str) -> float | str:
    if isinstance(value, float) and value < 0:
        raise ValueError("must be at least 0")
    return value


def _weight(value: float | str) -> float | str:
    if isinstance(value, float) and not 0 < value <= MOST_WEIGHT:
        raise ValueError(f"must be above 0 and at most {MOST_WEIGHT:,.0f}")
    return value


def _formula(value: object) -> str:
    """Read a formula. A number, true or false stands for itself."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if _is_number(value):
        return repr(value)
    if not isinstance(value, str):
        raise _other_than("a formula in CEL")
    return _expression(value)


def _weighted_keys(value: object) -> tuple[tuple[str, float], ...]:
    """Read `[key, key]` or `{key: weight}`."""
    if isinstance(value, list) and all(isinstance(key, str) for key in value):
        if len(set(value)) < len(value):
            raise ValueError("a key is listed twice")
        return tuple((key, 1.0) for key in value)
    if isinstance(value, dict) and all(_is_number(weight) and weight > 0 for weight in value.values()):
        return tuple((key, float(weight)) for key, weight in value.items())
    raise ValueError("expected a list of text keys, or a mapping from key to weight above 0")


Item = TypeVar("Item")


def _once(items: list[Item]) -> list[Item]:
    seen: set[tuple[type, Item]] = set()
    for item in items:
        # True is 1 in Python, not in a catalog.
        if (type(item), item) in seen:
            raise ValueError(f"'{item}' is listed twice")
        seen.add((type(item), item))
    return items


_NO_ZERO = "a duration of 0 would mean never or always; leave it out"
_NO_ZERO_WINDOW = "a window of 0 would mean never or always; leave the rule out, or say max: 0"

Id = Annotated[
    str,
    matching(_ID, "an id has 1 to 128 letters, digits and _ . : - and starts with a letter or digit"),
    pattern(_ID),
]
Name = Annotated[
    str,
    matching(_NAME, "a name has 1 to 64 lower-case letters, digits and _ and starts with a letter"),
    AfterValidator(_not_reserved),
    pattern(_NAME),
]
Text = Annotated[str, AfterValidator(_text), WithJsonSchema({"type": "string", "minLength": 1})]
Expression = Annotated[
    str,
    AfterValidator(_expression),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": _MAX_EXPRESSION}),
]
Formula = Annotated[
    str,
    PlainValidator(_formula),
    WithJsonSchema({"type": ["string", "number", "boolean"], "minLength": 1, "maxLength": _MAX_EXPRESSION}),
]
NumberOrFormula = Annotated[
    float | str,
    PlainValidator(_number_or_formula),
    AfterValidator(_not_negative),
    WithJsonSchema({"type": ["number", "string"], "minimum": 0, "maxLength": _MAX_EXPRESSION}),
]
WeightOrFormula = Annotated[
    float | str,
    PlainValidator(_number_or_formula),
    AfterValidator(_weight),
    WithJsonSchema(
        {
            "type": ["number", "string"],
            "exclusiveMinimum": 0,
            "maximum": MOST_WEIGHT,
            "maxLength": _MAX_EXPRESSION,
        }
    ),
]
Instant = Annotated[int, _instant(dates.instant_ms), pattern(_INSTANT)]
Start = Annotated[int, _instant(dates.start_ms), pattern(f"({_DATE}|{_INSTANT})")]
End = Annotated[int, _instant(dates.end_ms), pattern(f"({_DATE}|{_INSTANT})")]
Duration = Annotated[int, _duration(_NO_ZERO), pattern(durations.PATTERN)]
CapWindow = Annotated[int, _duration(_NO_ZERO_WINDOW), pattern(durations.PATTERN)]
TimeOfDay = Annotated[int, _read(_minute, "a time of day like 21:00"), pattern(_TIME_OF_DAY)]
Zone = Annotated[str, AfterValidator(_zone)]
Locale = Annotated[
    str, matching(_LOCALE, "'{}' is not a language tag like en, vi or pt-BR"), pattern(_LOCALE)
]
Attribute = Annotated[Any, PlainValidator(_scalar), WithJsonSchema({"type": ["string", "number", "boolean"]})]
WeightedKeys = Annotated[
    tuple[tuple[str, float], ...],
    PlainValidator(_weighted_keys),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
                {"type": "object", "additionalProperties": {"type": "number", "exclusiveMinimum": 0}},
            ]
        }
    ),
]
NonNegative = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=0)]
Unique = Annotated[list[Item], AfterValidator(_once), Field(json_schema_extra={"uniqueItems": True})]
"""A list that names nothing twice."""

Distinct = Annotated[Unique[Item], Field(min_length=1)]
"""A list that names something, and nothing twice."""

ActionTypeName = Literal["OFFER", "SERVICE", "INFORMATION"]
DirectionName = Literal["INBOUND", "OUTBOUND"]
ScalarTypeName = Literal["string", "int", "double", "bool"]
ValueTypeName = Literal[
    "string", "int", "double", "bool", "timestamp", "list<string>", "list<int>", "list<double>"
]
UnknownModeName = Literal["deny", "allow"]
FailModeName = Literal["open", "closed"]
DayName = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DimensionName = Literal["action", "group", "issue", "type", "channel", "brand"]
RecordsName = Literal["tickets", "purchases", "events", "contacts"]
OutcomeName = Literal[
    "DELIVERED",
    "DISPLAYED",
    "OPENED",
    "CLICKED",
    "ACCEPTED",
    "REJECTED",
    "DISMISSED",
    "CONVERTED",
    "FAILED",
    "WITHHELD",
    "UNSUBSCRIBED",
]
