"""catalog.yaml: what the catalog is called and what its other files may mention."""

from pydantic import Field, model_validator

from nextbest_rules.loading.documents.fields import (
    Distinct,
    Document,
    Id,
    Instant,
    Locale,
    Name,
    ScalarTypeName,
    Text,
)
from nextbest_rules.loading.documents.selectors import LeverDocument


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

    @model_validator(mode="after")
    def _has_a_default_brand(self) -> "CatalogDocument":
        if self.brands and not self.default_brand:
            raise ValueError("with brands, default_brand says which one a request means that names none")
        return self
