"""catalog.yaml: what the catalog is called and what its other files may mention."""

from typing import Annotated

from pydantic import Field, model_validator

from nextbest_rules.loading.documents.fields import (
    Distinct,
    Document,
    Duration,
    Id,
    Instant,
    Locale,
    Name,
    RecordsName,
    ScalarTypeName,
    Text,
    matching,
    pattern,
)
from nextbest_rules.loading.documents.selectors import LeverDocument

_NAMESPACE = r"[a-z][a-z0-9_]{0,31}"
NamespaceName = Annotated[
    str,
    matching(_NAMESPACE, "a namespace has 1 to 32 lower-case letters, digits and _ and starts with a letter"),
    pattern(_NAMESPACE),
]


class AttributeDocument(Document):
    """A declared attribute of actions."""

    name: Name = Field(description="How actions and conditions name it: action.<name>.")
    type: ScalarTypeName = Field(description="The type of its values.")
    description: str = Field(default="", description="What it says, for people.")


class EmphasisDocument(Document):
    """A goal or a brand: the levers that hold while a request has it."""

    id: Id = Field(description="How requests name it. Unique in its list.")
    title: Text = Field(description="A short human text.")
    levers: list[LeverDocument] = Field(
        default=[], description="Factors on the priority of actions. All that match are multiplied."
    )


class NamespaceDocument(Document):
    """A kind of identity: who gave the id, and how ids of this kind are to be taken."""

    name: NamespaceName = Field(
        description="How callers name it, in lower case; they may write it in any. Unique in the list."
    )
    fold_case: bool = Field(default=False, description="true: ids that differ only in letter case are one.")
    one_per_person: bool = Field(
        default=False, description="true: two different ids of this kind are never one person."
    )
    anonymous: bool = Field(
        default=False, description="true: it names a device or browser, not a person who is known."
    )


class MemoryDocument(Document):
    """How long things are remembered."""

    hold: Duration | None = Field(
        default=None,
        description="How long a proposition under a cap counts before anything is heard of it, and how long "
        "the answer to a request with a request_id is kept. Absent: 15m.",
    )
    late_outcomes: Duration | None = Field(
        default=None, description="How long after the decision outcomes are accepted. Absent: 30d."
    )
    late_events: Duration | None = Field(
        default=None,
        description="How far behind the newest event of a customer another may lie and still count. "
        "Absent: 60d.",
    )
    settle: Duration | None = Field(
        default=None,
        description="For how long an event that came under two names of one person can be found and counted "
        "once when the names are linked; under anonymous names as long as late_events. Absent: 2d, or "
        "late_events if that is less.",
    )
    keep: dict[RecordsName, Duration] = Field(
        default={},
        description="How long records are kept after their end, or if they have none, after they were made. "
        "Absent: as long as a rule may need them.",
    )


class CatalogDocument(Document):
    """The head of a catalog: what it is called, and the names that its other files may use."""

    name: Id = Field(description="The catalog's name. Models are kept per name.")
    title: Text = Field(description="A short human text.")
    description: str = Field(default="", description="What the catalog is for.")
    clock: Instant | None = Field(
        default=None,
        description="The moment at which a demo lives, a date-time with a zone. Absent: the real time.",
    )
    channels: Distinct[Id] = Field(description="Every channel that you have.")
    purposes: Distinct[Id] | None = Field(
        default=None, description="The purposes that customers give consent for, such as marketing."
    )
    locales: Distinct[Locale] | None = Field(
        default=None, description="The languages of treatments, the default first."
    )
    brands: list[EmphasisDocument] = Field(default=[], description="The brands that share the catalog.")
    default_brand: str = Field(
        default="", description="The brand of a request that names none. Needed with brands."
    )
    goals: list[EmphasisDocument] = Field(
        default=[], description="The business goals that a request may put first."
    )
    default_goal: str = Field(default="", description="The goal of a request that names none. Absent: none.")
    action_attributes: list[AttributeDocument] = Field(
        default=[], description="Your own fields of actions, which conditions and selectors may read."
    )
    namespaces: list[NamespaceDocument] = Field(
        default=[],
        description="The kinds of identities, the strongest first: of a person's names the first of these is "
        "the main one.",
    )
    memory: MemoryDocument = Field(default=MemoryDocument(), description="For how long what is remembered.")

    @model_validator(mode="after")
    def _has_a_default_brand(self) -> "CatalogDocument":
        if self.brands and not self.default_brand:
            raise ValueError("with brands, default_brand says which one a request means that names none")
        return self
