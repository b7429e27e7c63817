"""Times as suites and customer states write them: an instant, or how far from now."""

from dataclasses import dataclass
from typing import Annotated, Literal, LiteralString

from pydantic import PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from nextbest_rules.dates import instant_ms
from nextbest_rules.durations import PATTERN, duration_ms
from nextbest_rules.loading.documents.fields import WRONG_KIND

NEVER: Literal["never"] = "never"
_NOW = "now"
_EXPECTED: LiteralString = "a time such as 2026-03-02T10:00:00Z, -3d (three days before now), +2h or now"


@dataclass(frozen=True, slots=True)
class Moment:
    """A time in milliseconds: since the Unix epoch, or if `relative`, since the clock that it is read by."""

    ms: int
    relative: bool

    def at(self, now_ms: int) -> int:
        """Return the time as Unix milliseconds."""
        return now_ms + self.ms if self.relative else self.ms


def parse_moment(text: str) -> Moment:
    """Read an instant with a zone, a signed duration such as `-3d` or `+1d12h`, or `now`.

    Raises:
        ValueError: the text is none of these.
    """
    if text == _NOW:
        return Moment(0, relative=True)
    if text[:1] in ("+", "-"):
        offset = duration_ms(text[1:])
        return Moment(-offset if text[0] == "-" else offset, relative=True)
    return Moment(instant_ms(text), relative=False)


def _moment(value: object) -> Moment:
    if not isinstance(value, str):
        raise PydanticCustomError(WRONG_KIND, _EXPECTED)
    return parse_moment(value)


def _moment_or_never(value: object) -> Moment | Literal["never"]:
    return NEVER if value == NEVER else _moment(value)


_INSTANT = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+(Z|[+-][0-9]{2}:[0-9]{2})"
_TIME = f"{_NOW}|[+-]{PATTERN}|{_INSTANT}"
MomentField = Annotated[
    Moment, PlainValidator(_moment), WithJsonSchema({"type": "string", "pattern": f"^({_TIME})$"})
]
"""A field that holds a time."""
MomentOrNever = Annotated[
    Moment | Literal["never"],
    PlainValidator(_moment_or_never),
    WithJsonSchema({"type": "string", "pattern": f"^({NEVER}|{_TIME})$"}),
]
"""A field that holds a time, or says that there is none."""
