"""events.yaml: what can happen to customers, what it changes, and what features count of it."""

from typing import Annotated

from pydantic import Field, model_validator

from nextbest_rules.loading.documents.fields import (
    Distinct,
    Document,
    Name,
    OutcomeName,
    Text,
    ValueTypeName,
    matching,
    pattern,
)

_TYPE = r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*"
_PROPERTY = r"properties\.[a-z][a-z0-9_]{0,63}"
_FACT_SOURCE = rf"(subject|time|channel|brand|amount|{_PROPERTY})"
_VALUE_SOURCE = rf"(items\.amount|items\.quantity|items\.count|amount|subject|channel|brand|{_PROPERTY})"
_CRITERION = rf"(channel|brand|subject|{_PROPERTY})"
_MAX_TYPE = 64

EventTypeName = Annotated[
    str,
    matching(_TYPE, "'{}' is not a type of event like order.placed"),
    Field(max_length=_MAX_TYPE),
    pattern(_TYPE),
]
FactSource = Annotated[
    str,
    matching(
        _FACT_SOURCE, "'{}' tells nothing: subject, time, channel, brand, amount and properties.<name> do"
    ),
    pattern(_FACT_SOURCE),
]
ValueSource = Annotated[
    str,
    matching(
        _VALUE_SOURCE,
        "'{}' cannot be counted: items.amount, items.quantity, items.count, amount, subject, channel, brand "
        "and properties.<name> can",
    ),
    pattern(_VALUE_SOURCE),
]
Criterion = Annotated[
    str,
    matching(_CRITERION, "'{}' cannot be asked for: channel, brand, subject and properties.<name> can"),
    pattern(_CRITERION),
]


class EventTypeDocument(Document):
    """A type of event, or more about one that every catalog knows."""

    type: EventTypeName = Field(description="How senders and rules name it. Unique in the list.")
    description: str = Field(default="", description="What has happened then, for people.")
    properties: dict[Name, ValueTypeName] = Field(
        default={}, description="What it may tell, with the types. Any other property is refused."
    )
    recorded: bool | None = Field(
        default=None,
        description="true: rules see it among the events. Absent: true for a new type, as it is for one that "
        "every catalog knows.",
    )
    ends: EventTypeName | None = Field(
        default=None,
        description="The type of earlier events that this one ends, those with the same subject: their "
        "ended_at is the time of this one.",
    )
    sets: dict[Name, FactSource] = Field(
        default={},
        description="Per fact, where its new value comes from: subject, time, channel, brand, amount (of all "
        "items) or properties.<name>.",
    )
    clears: Distinct[Name] | None = Field(
        default=None, description="The facts that are unknown from then on."
    )


class StreamDocument(Document):
    """What features count: a sequence of events of certain types, outcomes, or both."""

    name: Name = Field(description="How features name it, under `of`. Unique in the list.")
    events: Distinct[EventTypeName] | None = Field(default=None, description="The types of events in it.")
    outcomes: Distinct[OutcomeName] | None = Field(
        default=None, description="The outcomes of propositions in it."
    )
    where: dict[Criterion, Distinct[Text]] = Field(
        default={},
        description="Only those whose channel, brand, subject or properties.<name> is one of these texts. "
        "Each one named must match.",
    )
    values: dict[Name, ValueSource] = Field(
        default={},
        description="Per name that features use, what counts: items.amount, items.quantity, items.count, "
        "amount (of the outcome or of all items) or properties.<name> (true is 1); and for distinct, which "
        "counts different ones, also texts: subject, channel, brand or properties.<name>.",
    )
    description: str = Field(default="", description="What it says, for people.")

    @model_validator(mode="after")
    def _flows(self) -> "StreamDocument":
        if self.events is None and self.outcomes is None:
            raise ValueError("a stream has events, outcomes or both")
        return self


class EventsDocument(Document):
    """What can happen to customers."""

    events: list[EventTypeDocument] = Field(
        default=[], description="The types of events, beside those that every catalog knows."
    )
    streams: list[StreamDocument] = Field(default=[], description="What features count.")
