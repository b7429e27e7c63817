"""actions/*.yaml: what we can do."""

from typing import Annotated, Any

from pydantic import Discriminator, Field, Tag, model_validator

from nextbest_rules.loading.documents.fields import (
    ActionTypeName,
    Attribute,
    Count,
    Distinct,
    Document,
    Duration,
    End,
    Expression,
    Formula,
    Id,
    Locale,
    Name,
    NonNegative,
    NumberOrFormula,
    Start,
    Text,
    UnknownModeName,
    WeightedKeys,
)

Content = dict[str, Any]


class ValidityDocument(Document):
    """A time in which an action may be offered."""

    from_ms: Start | None = Field(
        default=None,
        alias="from",
        description="The first moment: a date (00:00 UTC) or a date-time with a zone. Absent: no beginning.",
    )
    until_ms: End | None = Field(
        default=None,
        alias="until",
        description="The end: a date (the end of that day, UTC) or a date-time with a zone. Absent: no end.",
    )

    @model_validator(mode="after")
    def _is_not_empty(self) -> "ValidityDocument":
        if self.from_ms is not None and self.until_ms is not None and self.until_ms <= self.from_ms:
            raise ValueError("'until' is before 'from'")
        return self


class SubjectDocument(Document):
    """Products and categories, by the names that purchases and tickets use."""

    products: Distinct[Text] | None = Field(default=None, description="Names of products.")
    categories: Distinct[Text] | None = Field(default=None, description="Names of categories.")

    @model_validator(mode="after")
    def _names_something(self) -> "SubjectDocument":
        if not (self.products or self.categories):
            raise ValueError("name products, categories or both")
        return self


class OwnConditionDocument(Document):
    """A condition that only this action needs."""

    id: Id | None = Field(
        default=None,
        description="The rule's name in explanations, unique in the catalog. "
        "Absent: <action id>.<stage>.<position from 1>.",
    )
    require: Expression = Field(description="The condition in CEL. Without it the action is left out.")
    reason: Text = Field(
        default="The action's own condition does not hold.",
        description="A sentence for people. It stands in explanations.",
    )
    when_unknown: UnknownModeName = Field(
        default="deny", description="What happens where the condition cannot be answered."
    )


class TreatmentDocument(Document):
    """How the action looks on some channels and in some languages."""

    id: Id = Field(description="The treatment's name. Unique in its action.")
    channels: Distinct[Id] | None = Field(
        default=None, description="Where it is used. Absent: on every channel of the action."
    )
    locales: Distinct[Locale] | None = Field(
        default=None, description="The languages it is in. Absent: it fits every language."
    )
    content: Content | None = Field(
        default=None, description="What the surface needs, passed on as it is. Absent: the action's content."
    )
    parameters: dict[Name, Formula] = Field(
        default={},
        description="Values computed for the customer in CEL, such as 2 * facts.income. A constant text has "
        "quotes of its own: '\"WELCOME\"'.",
    )
    valid_for: Duration | None = Field(
        default=None, description="How long the answer holds. Absent: as the action says."
    )


def _text_or_rule(value: object) -> str:
    return "[text]" if isinstance(value, str) else "[rule]"


def _one_or_several(value: object) -> str:
    return "[windows]" if isinstance(value, list) else "[window]"


# Tags in brackets are steps that only pydantic sees: they are left out of the way to a fault's place.
OwnConditions = list[
    Annotated[
        Annotated[Expression, Tag("[text]")] | Annotated[OwnConditionDocument, Tag("[rule]")],
        Discriminator(_text_or_rule),
    ]
]
Validity = Annotated[
    Annotated[ValidityDocument, Tag("[window]")]
    | Annotated[list[ValidityDocument], Field(min_length=1), Tag("[windows]")],
    Discriminator(_one_or_several),
]


class ActionDocument(Document):
    """One thing we can do."""

    id: Id = Field(description="The action's name. Unique in the catalog.")
    type: ActionTypeName = Field(
        description="OFFER sells, SERVICE does something for the customer, INFORMATION tells or asks."
    )
    issue: Text = Field(description="The business goal it serves, such as retention.")
    group: Text = Field(description="A group within the goal.")
    title: Text = Field(description="A short human text.")
    tags: Distinct[Text] | None = Field(default=None, description="Words that selectors may name.")
    value: NumberOrFormula = Field(
        description="V: what a success is worth, in one unit for the whole catalog: a number of at least 0, "
        "also in CEL. Where CEL gives none, the action is not offered; with 0 only where pinned or as "
        "fallback."
    )
    lever: NonNegative = Field(
        default=1.0,
        description="L: a factor on the priority. With 0 it is offered only where pinned or as fallback.",
    )
    starting_propensity: Annotated[float, Field(gt=0, le=1)] | None = Field(
        default=None, description="P before there is any evidence: above 0, at most 1."
    )
    valid: Validity = Field(
        default=ValidityDocument(),
        description="When it may be offered: a window, or several that do not overlap. Absent: any time.",
    )
    valid_for: Duration | None = Field(
        default=None, description="How long an answer with this action holds. Absent: it says nothing."
    )
    channels: Distinct[str] | None = Field(
        default=None, description="Where it may appear. Absent: everywhere."
    )
    brands: Distinct[Id] | None = Field(default=None, description="The brands it belongs to. Absent: all.")
    attributes: dict[str, Attribute] = Field(
        default={}, description="Your own fields, declared in catalog.yaml under action_attributes."
    )
    affinity: dict[str, WeightedKeys] = Field(
        default={},
        description="Per affinity family the keys it is about: a list, or a mapping from key to weight.",
    )
    sells: SubjectDocument | None = Field(
        default=None, description="What it sells: a purchase of that makes it pointless."
    )
    about: SubjectDocument | None = Field(
        default=None,
        description="What it deals with, beside what it sells: guards of scope product look here.",
    )
    content: Content | None = Field(
        default=None,
        description="What the surface needs, passed on as it is, where no treatment has its own.",
    )
    treatments: list[TreatmentDocument] = Field(
        default=[], description="How it looks per channel and language. No two may claim the same."
    )
    volume_cap: Count | None = Field(
        default=None,
        description="The most contacts with the whole population. 0: never. Absent: no limit.",
    )
    eligibility: OwnConditions = Field(
        default=[], description="May we? Conditions in CEL, or rules of its own."
    )
    applicability: OwnConditions = Field(default=[], description="Does it make sense now? As eligibility.")
    suitability: OwnConditions = Field(
        default=[], description="Is it good for this customer? As eligibility."
    )


class ActionsDocument(Document):
    """A file of actions: YAML has a list at the top, which the loader puts under `actions`."""

    actions: list[ActionDocument]
