"""placements.yaml: the places that ask."""

from typing import Literal

from pydantic import Field, model_validator

from nextbest_rules.loading.documents.fields import (
    ActionTypeName,
    DirectionName,
    Distinct,
    Document,
    Duration,
    Expression,
    Formula,
    Id,
    Text,
)


class DiversityDocument(Document):
    """How many actions of a kind a placement shows at most."""

    issue: int | None = Field(default=None, ge=1, le=1_000, description="At most so many of one issue.")
    group: int | None = Field(default=None, ge=1, le=1_000, description="At most so many of one group.")

    @model_validator(mode="after")
    def _limits_something(self) -> "DiversityDocument":
        if self.issue is None and self.group is None:
            raise ValueError("at_most needs issue, group or both")
        return self


class ExplorationDocument(Document):
    """How a placement tries what is not known to be best, among actions that passed every rule."""

    method: Literal["epsilon_greedy", "thompson"] = Field(
        description="epsilon_greedy: now and then any action. thompson: each as often as it may be the best, "
        "by how little is known of it."
    )
    share: float | None = Field(
        default=None,
        gt=0,
        le=0.5,
        description="How often any action is tried, whatever is known of it. epsilon_greedy needs it; with "
        "thompson it is a floor under all probabilities, so that the log can judge other policies.",
    )
    regret: float = Field(
        default=0.05,
        gt=0,
        le=1,
        description="The most that is given up on average, as a part of the best priority. Where the others "
        "are much worse, less is tried.",
    )

    @model_validator(mode="after")
    def _share_is_there_where_needed(self) -> "ExplorationDocument":
        if self.share is None and self.method == "epsilon_greedy":
            raise ValueError("epsilon_greedy needs share")
        return self


class PlacementDocument(Document):
    """A place that asks: a slot of a web page, a card of an app, a block of an email."""

    id: Id = Field(description="How requests name it. Unique in the file.")
    title: Text = Field(description="A short human text.")
    channel: Id | None = Field(default=None, description="The channel it is on. Either this or channels.")
    channels: dict[str, Formula] | None = Field(
        default=None,
        min_length=1,
        description="Leaves the choice of channel to the service: per channel a number in CEL that says how "
        "much it suits the customer. 0 or less rules the channel out.",
    )
    direction: DirectionName = Field(description="INBOUND: the customer is here. OUTBOUND: we reach out.")
    accepts: Distinct[ActionTypeName] = Field(
        default=["OFFER", "SERVICE", "INFORMATION"], description="The action types that it takes."
    )
    default_limit: int = Field(
        ge=1, le=1_000, description="How many actions, where a request names no number."
    )
    max_limit: int = Field(default=50, ge=1, le=1_000, description="The most that a request may ask for.")
    fallback: Id | None = Field(
        default=None, description="The action that is offered when nothing else may be."
    )
    hold: Duration | None = Field(
        default=None,
        description="How long what it proposes counts before anything is heard of it. Absent: as memory of "
        "catalog.yaml says.",
    )
    at_most: DiversityDocument | None = Field(
        default=None, description="Diversity: how many actions of one issue or group it shows at most."
    )
    explore: ExplorationDocument | None = Field(
        default=None,
        description="Whether and how it tries what is not known to be best. Absent: it does not.",
    )
    best_hour: Expression | None = Field(
        default=None,
        description="The hour of the customer's day at which to send: an int in CEL, 0 to 23. OUTBOUND only.",
    )
    time_zone: Expression | None = Field(
        default=None,
        description="The time zone that best_hour counts in, a text in CEL such as facts.time_zone.",
    )

    @model_validator(mode="after")
    def _limits_agree(self) -> "PlacementDocument":
        if self.default_limit > self.max_limit:
            raise ValueError(f"default_limit {self.default_limit} is above max_limit {self.max_limit}")
        return self

    @model_validator(mode="after")
    def _has_one_way_out(self) -> "PlacementDocument":
        if (self.channel is None) == (self.channels is None):
            raise ValueError("a placement has either channel or channels")
        return self

    @model_validator(mode="after")
    def _sends_only_outbound(self) -> "PlacementDocument":
        if self.best_hour is not None and self.direction != "OUTBOUND":
            raise ValueError("best_hour is when to send, and this placement is INBOUND")
        if self.time_zone is not None and self.best_hour is None:
            raise ValueError("time_zone says what best_hour means, and there is none")
        return self


class PlacementsDocument(Document):
    """The places that ask."""

    placements: list[PlacementDocument] = Field(min_length=1, description="The placements.")
