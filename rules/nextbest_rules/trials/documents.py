"""The shape of a suite of policy tests, as people write it beside a catalog."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from nextbest_rules.loading.documents.fields import ActionTypeName, Count, DirectionName, Document, Id, Text
from nextbest_rules.trials.moments import MomentField, MomentOrNever
from nextbest_rules.trials.state_documents import StateDocument

StageName = Literal[
    "validity",
    "consent",
    "guard",
    "eligibility",
    "applicability",
    "suitability",
    "contact_policy",
    "placement",
    "request",
    "holdout",
    "arbitration",
]


def _yes(value: bool) -> bool:
    if not value:
        raise ValueError("say true, or leave it out")
    return value


Yes = Annotated[bool, AfterValidator(_yes), WithJsonSchema({"const": True})]
Story = Annotated[str, Field(pattern=r"^S[0-9]+$")]
Limit = Annotated[int, Field(ge=1)]
ONLY_PLACEMENT = ""
"""The name under which `offered` keeps what is expected of the only placement asked for."""


def _named(value: object) -> object:
    return {"like": value} if isinstance(value, str) else value


def _by_placement(value: object) -> object:
    return value if isinstance(value, Mapping) else {ONLY_PLACEMENT: value}


def _stage_only(value: object) -> object:
    return {"stage": value} if isinstance(value, str) else value


def _without_limits(value: object) -> object:
    return dict.fromkeys(value) if isinstance(value, list) and _are_texts(value) else value


def _are_texts(values: list[object]) -> bool:
    return all(isinstance(value, str) for value in values)


Placements = Annotated[
    dict[Id, Limit | None],
    BeforeValidator(_without_limits, json_schema_input_type=list[Id] | dict[Id, Limit]),
]


class CustomerDocument(StateDocument):
    """The customer of a test: a named one of the suite, a state, or a named one with parts replaced."""

    like: Text | None = Field(default=None, description="The named customer whose other parts hold.")


class RequestDocument(Document):
    """What is asked."""

    placement: Id | None = Field(default=None, description="The placement that asks.")
    placements: Placements | None = Field(
        default=None, description="Several placements that ask together, or how many each one wants."
    )
    limit: Limit | None = Field(default=None, description="How many propositions are wanted.")
    channel: Id | None = Field(
        default=None, description="The channel, where the placement leaves the choice."
    )
    direction: DirectionName | None = Field(
        default=None, description="Who starts the contact. Absent: as the placement declares."
    )
    brand: Id | None = Field(default=None, description="The brand that asks.")
    goal: Id | None = Field(default=None, description="The goal in force.")
    locale: Text | None = Field(default=None, description="The wanted language, such as en or vi-VN.")
    context: dict[str, Any] | None = Field(default=None, description="Context values by declared name.")
    candidates: list[Id] | None = Field(default=None, description="The only actions that may compete.")
    excluded: list[Id] | None = Field(default=None, description="Actions that are not wanted.")
    types: list[ActionTypeName] | None = Field(default=None, description="The only types that are wanted.")

    @model_validator(mode="after")
    def _names_placements_once(self) -> "RequestDocument":
        if self.placement is not None and self.placements is not None:
            raise ValueError("give either placement or placements")
        return self


class ExclusionDocument(Document):
    """Why an action must have been left out. What is not given may be anything."""

    stage: StageName | None = Field(default=None, description="The stage that stops it.")
    rule: str | None = Field(default=None, description="The rule that stops it.")
    reason: str | None = Field(default=None, description="The reason that is told.")
    actual: str | None = Field(default=None, description="The value that was found, as told.")
    required: str | None = Field(default=None, description="The value that was needed, as told.")
    eligible_at: MomentOrNever | None = Field(
        default=None, description="When time lifts it; never: time alone does not."
    )


class PropositionDocument(Document):
    """What an offered action must look like. What is not given may be anything."""

    rank: Limit | None = Field(default=None, description="Its position, from 1.")
    treatment: str | None = Field(default=None, description="Its treatment; empty for none.")
    parameters: dict[str, Any] | None = Field(default=None, description="Some of its computed parameters.")
    content: dict[str, Any] | None = Field(default=None, description="Some of its content.")
    channel: str | None = Field(default=None, description="The channel to use.")
    send_at: MomentField | None = Field(default=None, description="When to send it.")
    expires_at: MomentOrNever | None = Field(
        default=None, description="Until when it may be shown; never: for ever."
    )
    lever: float | None = Field(default=None, description="The factor of all levers in force.")
    context_weight: float | None = Field(
        default=None, description="The factor of all context weights that have a say."
    )
    value: float | None = Field(default=None, description="What a success is worth.")
    priority: float | None = Field(default=None, description="P × C × V × L.")
    pinned: bool | None = Field(default=None, description="Whether a guard put it first.")
    fallback: bool | None = Field(default=None, description="Whether it is the placement's fallback.")


Offered = Annotated[
    dict[str, list[Id]],
    BeforeValidator(_by_placement, json_schema_input_type=list[Id] | dict[str, list[Id]]),
]
Excluded = Annotated[
    ExclusionDocument, BeforeValidator(_stage_only, json_schema_input_type=StageName | ExclusionDocument)
]


class ExpectDocument(Document):
    """What the answer must be."""

    offered: Offered | None = Field(
        default=None, description="Exactly these actions in this order, of the only placement or of each."
    )
    first: Id | None = Field(default=None, description="The best action of the first placement.")
    includes: list[Id] | None = Field(default=None, min_length=1, description="Actions that are offered.")
    lacks: list[Id] | None = Field(default=None, min_length=1, description="Actions that are not offered.")
    nothing: Yes | None = Field(default=None, description="Nothing is offered anywhere.")
    excluded: dict[str, Excluded] | None = Field(
        default=None,
        min_length=1,
        description="Actions that are left out, with the stage or more of the why.",
    )
    propositions: dict[str, PropositionDocument] | None = Field(
        default=None, min_length=1, description="Actions that are offered, with what they look like."
    )

    @model_validator(mode="after")
    def _expects_something(self) -> "ExpectDocument":
        if not self.model_fields_set:
            raise ValueError("a test expects something")
        return self


class TestDocument(Document):
    """One test: who asks what, and what must come back."""

    __test__ = False  # pytest takes classes of this name for its own

    name: Text = Field(description="What holds, as a sentence.")
    stories: list[Story] | None = Field(
        default=None, description="The stories it tells. Absent: the suite's."
    )
    now: MomentField | None = Field(
        default=None, description="The clock. Absent, or relative to: the suite's."
    )
    customer: (
        Annotated[CustomerDocument, BeforeValidator(_named, json_schema_input_type=str | CustomerDocument)]
        | None
    ) = Field(default=None, description="Who is asked about. Absent: somebody unknown.")
    killed: list[Id] = Field(default=[], description="Actions that were stopped by hand.")
    volumes: dict[str, Count] = Field(
        default={}, description="Contacts with the whole population so far, by action."
    )
    arms: dict[str, Text] = Field(
        default={},
        description="The customer's arm by experiment, and `holdout` by holdout. Absent: in none of them.",
    )
    request: RequestDocument = Field(
        default=RequestDocument(), description="What is asked, on top of the suite's request."
    )
    expect: ExpectDocument = Field(description="What must come back.")


class SuiteDocument(Document):
    """tests/*.yaml: a suite of policy tests."""

    suite: Text = Field(description="What the suite is about.")
    stories: list[Story] = Field(default=[], description="The stories that its tests tell.")
    now: MomentField = Field(description="The clock of its tests.")
    customers: dict[str, StateDocument] = Field(default={}, description="Customers that tests name.")
    request: RequestDocument = Field(
        default=RequestDocument(), description="What its tests ask, unless they ask something else."
    )
    tests: list[TestDocument] = Field(min_length=1, description="The tests.")
