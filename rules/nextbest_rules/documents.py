"""The shape of each catalog file: strict pydantic models of what people write."""

import re
from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainValidator, model_validator
from pydantic_core import PydanticCustomError

from nextbest_rules import dates

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}\Z")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}\Z")
_CEL_RESERVED = frozenset(
    {
        "as",
        "break",
        "const",
        "continue",
        "else",
        "false",
        "for",
        "function",
        "if",
        "import",
        "in",
        "let",
        "loop",
    }
    | {"namespace", "null", "package", "return", "true", "var", "void", "while"}
)
_MAX_CONDITION = 4_096


def _id(text: str) -> str:
    if not _ID.match(text):
        raise ValueError("an id has 1 to 128 letters, digits and _ . : - and starts with a letter or digit")
    return text


def _name(text: str) -> str:
    if not _NAME.match(text):
        raise ValueError("a name has 1 to 64 lower-case letters, digits and _ and starts with a letter")
    if text in _CEL_RESERVED:
        raise ValueError(f"'{text}' is a reserved word of conditions")
    return text


def _text(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be empty")
    return text


def _condition(text: str) -> str:
    if len(text) > _MAX_CONDITION:
        raise ValueError(f"a condition has at most {_MAX_CONDITION:,} characters")
    return _text(text)


def _time(read: Callable[[str], int]) -> PlainValidator:
    def validate(value: object) -> int:
        if not isinstance(value, str):
            raise PydanticCustomError("time", "expected a date (2017-10-30) or a date-time with a zone")
        return read(value)

    return PlainValidator(validate)


def _scalar(value: object) -> object:
    if not isinstance(value, str | int | float | bool):
        raise PydanticCustomError("scalar", "expected text, a number, true or false")
    return value


def _weighted_keys(value: object) -> tuple[tuple[str, float], ...]:
    """Read `[key, key]` or `{key: weight}`."""
    if isinstance(value, list) and all(isinstance(key, str) for key in value):
        if len(set(value)) < len(value):
            raise ValueError("a key is listed twice")
        return tuple((key, 1.0) for key in value)
    if isinstance(value, dict) and all(_is_weight(weight) for weight in value.values()):
        return tuple((key, float(weight)) for key, weight in value.items())
    raise ValueError("expected a list of text keys, or a mapping from key to weight above 0")


def _is_weight(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0


Id = Annotated[str, AfterValidator(_id)]
Name = Annotated[str, AfterValidator(_name)]
Text = Annotated[str, AfterValidator(_text)]
Condition = Annotated[str, AfterValidator(_condition)]
Attribute = Annotated[Any, PlainValidator(_scalar)]
WeightedKeys = Annotated[tuple[tuple[str, float], ...], PlainValidator(_weighted_keys)]
NonNegative = Annotated[float, Field(ge=0)]
ActionTypeName = Literal["OFFER", "SERVICE", "INFORMATION"]
ScalarTypeName = Literal["string", "int", "double", "bool"]
ValueTypeName = Literal[
    "string", "int", "double", "bool", "timestamp", "list<string>", "list<int>", "list<double>"
]


class Document(BaseModel):
    """A part of a catalog file: exactly the declared fields, exactly their types."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, populate_by_name=False)


class AttributeDocument(Document):
    """A declared attribute of actions."""

    name: Name
    type: ScalarTypeName
    description: str = ""


class CatalogDocument(Document):
    """catalog.yaml."""

    name: Id
    title: Text
    description: str = ""
    clock: Annotated[int, _time(dates.instant_ms)] | None = None
    channels: list[Id] = Field(min_length=1)
    action_attributes: list[AttributeDocument] = []


class AffinityDocument(Document):
    """A family of sparse counters."""

    family: Name
    definition: dict[str, Any] = {}
    description: str = ""


class FeatureDocument(Document):
    """A feature."""

    name: Name
    source: Literal["customer", "action", "context", "pair"]
    definition: dict[str, Any]
    default: float | None = None
    description: str = ""


class FeaturesDocument(Document):
    """features.yaml."""

    affinities: list[AffinityDocument] = []
    features: list[FeatureDocument] = []


class DeclarationDocument(Document):
    """A declared fact or context value."""

    name: Name
    type: ValueTypeName
    default: Any = None
    description: str = ""


class FactsDocument(Document):
    """facts.yaml."""

    facts: list[DeclarationDocument] = []
    context: list[DeclarationDocument] = []


class PlacementDocument(Document):
    """A placement."""

    id: Id
    title: Text
    channel: Id
    direction: Literal["INBOUND", "OUTBOUND"]
    accepts: list[ActionTypeName] = Field(default=["OFFER", "SERVICE", "INFORMATION"], min_length=1)
    default_limit: int = Field(ge=1, le=1_000)
    max_limit: int = Field(default=50, ge=1, le=1_000)

    @model_validator(mode="after")
    def _limits_agree(self) -> "PlacementDocument":
        if self.default_limit > self.max_limit:
            raise ValueError(f"default_limit {self.default_limit} is above max_limit {self.max_limit}")
        return self


class PlacementsDocument(Document):
    """placements.yaml."""

    placements: list[PlacementDocument] = Field(min_length=1)


class SelectorDocument(Document):
    """Which actions a rule applies to."""

    types: list[ActionTypeName] | None = Field(default=None, min_length=1)
    issues: list[Text] | None = Field(default=None, min_length=1)
    groups: list[Text] | None = Field(default=None, min_length=1)
    actions: list[Id] | None = Field(default=None, min_length=1)
    attributes: dict[str, list[Attribute]] | None = Field(default=None, min_length=1)


class EligibilityDocument(Document):
    """An eligibility rule."""

    id: Id
    applies_to: SelectorDocument = SelectorDocument()
    require: Condition
    reason: Text
    when_unknown: Literal["deny", "allow"] = "deny"


class PoliciesDocument(Document):
    """policies.yaml."""

    eligibility: list[EligibilityDocument] = []


class ValidityDocument(Document):
    """The window in which an action may be offered, as Unix milliseconds [from, until)."""

    from_ms: Annotated[int, _time(dates.start_ms)] | None = Field(default=None, alias="from")
    until_ms: Annotated[int, _time(dates.end_ms)] | None = Field(default=None, alias="until")

    @model_validator(mode="after")
    def _is_not_empty(self) -> "ValidityDocument":
        if self.from_ms is not None and self.until_ms is not None and self.until_ms <= self.from_ms:
            raise ValueError("'until' is before 'from'")
        return self


class ActionDocument(Document):
    """An action."""

    id: Id
    type: ActionTypeName
    issue: Text
    group: Text
    title: Text
    value: NonNegative
    lever: NonNegative = 1.0
    starting_propensity: Annotated[float, Field(gt=0, le=1)] | None = None
    valid: ValidityDocument = ValidityDocument()
    channels: list[str] | None = Field(default=None, min_length=1)
    attributes: dict[str, Attribute] = {}
    affinity: dict[str, WeightedKeys] = {}
    content: dict[str, Any] | None = None


class ActionsDocument(Document):
    """A file of actions: YAML has a list at the top, which the loader puts under `actions`."""

    actions: list[ActionDocument]
