"""policies.yaml: the rules, by kind."""

from typing import Literal

from pydantic import Field, model_validator

from nextbest_rules.loading.documents.context_weights import ContextWeightDocument
from nextbest_rules.loading.documents.fields import (
    CapWindow,
    Count,
    DayName,
    DimensionName,
    DirectionName,
    Distinct,
    Document,
    Duration,
    Expression,
    Id,
    NonNegative,
    OutcomeName,
    Text,
    TimeOfDay,
    Unique,
    UnknownModeName,
    Zone,
)
from nextbest_rules.loading.documents.rules import FallibleRuleDocument, RuleDocument
from nextbest_rules.loading.documents.selectors import EVERY_ACTION, SelectorDocument

_CHANNELS = "The channels on which it holds. Absent: all."


class ConsentDocument(RuleDocument):
    """Actions that need the customer's consent for a purpose, on the channel in use."""

    purpose: Id = Field(description="The purpose, declared in catalog.yaml.")
    directions: Distinct[DirectionName] = Field(default=["OUTBOUND"], description="Where consent is needed.")
    channels: Distinct[Id] | None = Field(default=None, description=_CHANNELS)
    max_age: Duration | None = Field(
        default=None, description="How old a consent may be. An older one counts no more."
    )


class DoNotContactDocument(FallibleRuleDocument):
    """Nothing goes out to a customer who asked to be left alone."""

    when: Expression = Field(description="While this condition in CEL holds, the actions are left out.")
    directions: Distinct[DirectionName] = Field(default=["OUTBOUND"], description="Where it holds.")


class PromotionDocument(Document):
    """Actions that come forward while the guard's cause lasts."""

    applies_to: SelectorDocument = Field(
        default=EVERY_ACTION, description="The actions that come forward. Absent: every action."
    )
    lever: NonNegative = Field(default=1.0, description="A factor on their priority.")
    pin: bool = Field(default=False, description="true: they stand before all others.")

    @model_validator(mode="after")
    def _has_an_effect(self) -> "PromotionDocument":
        if self.lever == 1 and not self.pin:
            raise ValueError("promote needs a lever other than 1, or pin: true")
        return self


class GuardDocument(Document):
    """Holds whole classes of actions back while something goes on, and may bring others forward."""

    id: Id = Field(description="The rule's name in every explanation. Unique in the catalog.")
    over: Literal["tickets", "purchases", "events"] | None = Field(
        default=None,
        description="Looks at each of these records in turn, as ticket, purchase or event.",
    )
    when: Expression = Field(description="The cause, a condition in CEL.")
    hold: SelectorDocument | None = Field(default=None, description="The actions that are held back.")
    scope: Literal["overall", "product"] = Field(
        default="overall",
        description="product: only actions about the record's products or categories. A record without any "
        "holds all the same.",
    )
    ended: Expression | None = Field(
        default=None, description="When the cause ended, a timestamp in CEL such as ticket.closed_at."
    )
    decay: Duration | None = Field(
        default=None, description="How long the guard holds on after the cause ended."
    )
    promote: list[PromotionDocument] = Field(default=[], description="The actions that come forward.")
    reason: Text = Field(description="A sentence for people. It stands in explanations.")
    when_unknown: UnknownModeName = Field(
        default="deny",
        description="What happens where the cause cannot be decided. deny: all that the guard could hold is "
        "held. Nothing is promoted.",
    )

    @model_validator(mode="after")
    def _does_something(self) -> "GuardDocument":
        if self.hold is None and not self.promote:
            raise ValueError("a guard needs hold, promote or both")
        return self

    @model_validator(mode="after")
    def _decays_from_an_end(self) -> "GuardDocument":
        if self.decay is not None and self.ended is None:
            raise ValueError("decay counts from when the cause ended; say when with ended")
        if self.ended is not None and self.decay is None:
            raise ValueError("ended is where decay counts from; say how long with decay")
        return self

    @model_validator(mode="after")
    def _has_records_with_products(self) -> "GuardDocument":
        if self.scope == "product" and self.over is None:
            raise ValueError("scope: product is about the record's products; say which records with over")
        return self


class ConditionDocument(FallibleRuleDocument):
    """A condition that actions need."""

    require: Expression = Field(description="The condition in CEL. Actions without it are left out.")


class OwnedDocument(FallibleRuleDocument):
    """Leaves out what sells a thing that the customer holds."""

    by: Literal["product", "category"] = Field(description="Whether the same product or its category counts.")


class BoughtDocument(OwnedDocument):
    """Leaves out what sells a thing that the customer bought of late."""

    for_ms: Duration = Field(alias="for", description="How long after the purchase.")


class DeclinedDocument(FallibleRuleDocument):
    """Leaves out what the customer declined."""

    by: Literal["action", "group", "issue", "type", "everywhere"] = Field(
        description="What a refusal also stops: only that action, its group, issue or type, or every action "
        "that the rule applies to."
    )
    outcomes: Distinct[OutcomeName] = Field(
        default=["REJECTED"], description="The outcomes that are refusals."
    )
    for_ms: Duration = Field(alias="for", description="How long after the refusal.")


class ExclusiveDocument(RuleDocument):
    """Of the selected actions at most one stands in an answer."""


class SuppressionDocument(Document):
    """What is left out because of what the customer has, bought or declined."""

    owned: list[OwnedDocument] = Field(default=[], description="What sells a thing that the customer holds.")
    bought: list[BoughtDocument] = Field(default=[], description="What sells a thing bought of late.")
    declined: list[DeclinedDocument] = Field(default=[], description="What the customer declined.")
    exclusive: list[ExclusiveDocument] = Field(default=[], description="Actions that exclude each other.")


class CapDocument(FallibleRuleDocument):
    """A limit on contacts within a rolling window."""

    counts: SelectorDocument | None = Field(
        default=None, description="The actions whose contacts count. Absent: those that the rule applies to."
    )
    per: Unique[DimensionName] = Field(
        default=[],
        description="Counts apart by each combination of these. Empty: all contacts count together.",
    )
    outcomes: Distinct[OutcomeName] = Field(
        default=["DELIVERED", "DISPLAYED"],
        description="The outcomes that count. Several of one offer count once.",
    )
    channels: Distinct[Id] | None = Field(
        default=None, description="The channels whose contacts count, and that are limited. Absent: all."
    )
    directions: Distinct[DirectionName] = Field(
        default=["INBOUND", "OUTBOUND"], description="Where the limit holds."
    )
    window: CapWindow | None = Field(default=None, description="The rolling time that is looked back on.")
    max: Count | None = Field(default=None, description="The most contacts in any such time. 0: never.")
    cool_down: CapWindow | None = Field(
        default=None, description="The time between two contacts. Stands for this window with max: 1."
    )

    @model_validator(mode="after")
    def _has_one_limit(self) -> "CapDocument":
        if self.cool_down is not None and (self.window is not None or self.max is not None):
            raise ValueError("cool_down stands for window and max; write one or the other")
        if self.cool_down is None and self.max is None:
            raise ValueError("a cap needs max or cool_down")
        if self.max is not None and self.window is None:
            raise ValueError("max needs window: the time in which contacts count")
        return self


class QuietHoursDocument(FallibleRuleDocument):
    """No contact between two times of the customer's day."""

    channels: Distinct[Id] | None = Field(default=None, description=_CHANNELS)
    directions: Distinct[DirectionName] = Field(default=["OUTBOUND"], description="Where it holds.")
    from_minute: TimeOfDay = Field(alias="from", description="The first quiet minute, such as 21:00.")
    until_minute: TimeOfDay = Field(
        alias="until",
        description="The first minute that is not quiet any more, such as 08:00. The day ends at 24:00.",
    )
    days: Distinct[DayName] = Field(
        default=["mon", "tue", "wed", "thu", "fri", "sat", "sun"],
        description="The days on which the quiet time begins.",
    )
    time_zone: Expression | None = Field(
        default=None, description="The customer's time zone, a text in CEL such as facts.time_zone."
    )
    default_zone: Zone | None = Field(
        default=None, description="The time zone where time_zone has no value, such as Asia/Ho_Chi_Minh."
    )

    @model_validator(mode="after")
    def _has_a_duration(self) -> "QuietHoursDocument":
        if self.from_minute == self.until_minute:
            raise ValueError("'from' and 'until' are the same time; the whole day is from 00:00 until 24:00")
        if self.from_minute == 24 * 60:
            raise ValueError("a quiet time begins before 24:00; midnight is 00:00")
        return self

    @model_validator(mode="after")
    def _has_a_zone(self) -> "QuietHoursDocument":
        if self.time_zone is None and self.default_zone is None:
            raise ValueError("quiet hours need time_zone, default_zone or both")
        return self


class ContactPolicyDocument(Document):
    """How often and when a customer may be contacted."""

    caps: list[CapDocument] = Field(default=[], description="Limits on contacts in rolling windows.")
    quiet_hours: list[QuietHoursDocument] = Field(default=[], description="Times of the day without contact.")


class PoliciesDocument(Document):
    """The rules. Every section is optional."""

    consent: list[ConsentDocument] = Field(default=[], description="What needs the customer's consent.")
    do_not_contact: list[DoNotContactDocument] = Field(
        default=[], description="When nothing goes out because the customer asked so."
    )
    guards: list[GuardDocument] = Field(
        default=[], description="What is held back or brought forward while something goes on."
    )
    eligibility: list[ConditionDocument] = Field(default=[], description="May we?")
    applicability: list[ConditionDocument] = Field(default=[], description="Does it make sense now?")
    suitability: list[ConditionDocument] = Field(default=[], description="Is it good for this customer?")
    suppression: SuppressionDocument = Field(
        default=SuppressionDocument(), description="What is left out for what the customer has or declined."
    )
    contact_policy: ContactPolicyDocument = Field(
        default=ContactPolicyDocument(),
        description="Limits on contacts: how often, and at what times of day.",
    )
    context_weights: list[ContextWeightDocument] = Field(
        default=[],
        description="What fits the moment better or worse than usual. All that hold are multiplied.",
    )
