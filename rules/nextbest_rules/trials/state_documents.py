"""The shape of a customer's state as people write it, in suites and in files to load."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from nextbest_rules.loading.documents.fields import ActionTypeName, Document, Id, OutcomeName, Text
from nextbest_rules.trials.moments import MomentField

Part = Literal["facts", "consents", "tickets", "purchases", "events", "contacts"]


class ConsentDocument(Document):
    """The customer's word on a channel and purpose."""

    channel: str = Field(default="", description="The channel it is about. Absent: every channel.")
    purpose: str = Field(default="", description="The purpose it is about. Absent: every purpose.")
    granted: bool = Field(description="true: the customer agreed; false: the customer refused.")
    at: MomentField = Field(description="When the customer said so.")
    expires_at: MomentField | None = Field(default=None, description="From when it holds no more.")


class TicketDocument(Document):
    """A case at the service desk."""

    id: Text = Field(description="The desk's number of the case.")
    kind: str = Field(default="", description="What it is about, such as complaint.")
    severity: str = Field(default="", description="How bad it is, such as high.")
    products: list[Text] = Field(default=[], description="Products that it is about.")
    categories: list[Text] = Field(default=[], description="Categories that it is about.")
    opened_at: MomentField | None = Field(default=None, description="When it was opened.")
    closed_at: MomentField | None = Field(default=None, description="When it was closed. Absent: it is open.")


class PurchaseDocument(Document):
    """A product that the customer bought or holds."""

    product: Text = Field(description="The product.")
    category: str = Field(default="", description="The product's category.")
    channel: str = Field(default="", description="Where it was bought, such as store.")
    at: MomentField | None = Field(default=None, description="When it was bought.")
    ended_at: MomentField | None = Field(
        default=None, description="When it was returned, sold or cancelled. Absent: it is still held."
    )


class EventDocument(Document):
    """Something that happened."""

    type: Text = Field(description="What happened, such as mention.posted.")
    subject: str = Field(default="", description="What it is about.")
    severity: str = Field(default="", description="How bad it is, such as high.")
    channel: str = Field(default="", description="Where it happened.")
    products: list[Text] = Field(default=[], description="Products that it is about.")
    categories: list[Text] = Field(default=[], description="Categories that it is about.")
    at: MomentField | None = Field(default=None, description="When it happened.")
    ended_at: MomentField | None = Field(default=None, description="When it was over or resolved.")


class ContactDocument(Document):
    """One outcome of one proposition."""

    action: Id = Field(description="The action that was proposed.")
    outcome: Literal[OutcomeName, "RESERVED"] = Field(
        description="What happened to the proposition. RESERVED: nothing is known of it yet."
    )
    at: MomentField = Field(description="When it happened.")
    channel: str = Field(default="", description="The channel of the contact.")
    brand: str = Field(default="", description="The brand that made the contact.")
    type: ActionTypeName | None = Field(
        default=None, description="The action's type at that time. Absent: as in the catalog."
    )
    issue: str | None = Field(
        default=None, description="The action's issue at that time. Absent: as in the catalog."
    )
    group: str | None = Field(
        default=None, description="The action's group at that time. Absent: as in the catalog."
    )
    decision: str = Field(default="", description="The decision that proposed it, shared by its outcomes.")


ALL_FACTS = ""
"""The name under which `facts_as_of` keeps a time that holds for every fact."""


def _by_fact(value: object) -> object:
    return value if isinstance(value, Mapping) else {ALL_FACTS: value}


FactTimes = Annotated[
    dict[str, MomentField],
    BeforeValidator(_by_fact, json_schema_input_type=MomentField | dict[str, MomentField]),
]


class StateDocument(Document):
    """What is known of one customer."""

    facts: dict[str, Any] = Field(default={}, description="Facts by their declared name.")
    facts_as_of: FactTimes = Field(
        default={}, description="When the facts were known: one time, or a time per fact."
    )
    features: dict[str, float] = Field(default={}, description="Customer features by their declared name.")
    features_as_of: MomentField | None = Field(
        default=None, description="When the features were computed. Absent: now."
    )
    consents: list[ConsentDocument] = Field(default=[], description="What the customer agreed to or refused.")
    tickets: list[TicketDocument] = Field(default=[], description="Cases at the service desk.")
    purchases: list[PurchaseDocument] = Field(default=[], description="What the customer bought or holds.")
    events: list[EventDocument] = Field(default=[], description="What happened.")
    contacts: list[ContactDocument] = Field(default=[], description="What became of propositions.")
    unreadable: list[Part] = Field(
        default=[], description="Parts that exist but cannot be read. In suites only."
    )
