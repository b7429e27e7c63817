"""Selectors: which actions a rule or a lever is about."""

from pydantic import Field, model_validator

from nextbest_rules.loading.documents.fields import (
    ActionTypeName,
    Attribute,
    Distinct,
    Document,
    Id,
    NonNegative,
    Text,
)


class PlainSelectorDocument(Document):
    """Which actions are meant: those that match every part given."""

    types: Distinct[ActionTypeName] | None = Field(default=None, description="Any of these types.")
    issues: Distinct[Text] | None = Field(default=None, description="Any of these business goals.")
    groups: Distinct[Text] | None = Field(default=None, description="Any of these groups.")
    tags: Distinct[Text] | None = Field(default=None, description="At least one of these tags.")
    actions: Distinct[Id] | None = Field(default=None, description="Any of these action ids.")
    attributes: dict[str, Distinct[Attribute]] | None = Field(
        default=None,
        min_length=1,
        description="Per attribute, the values that match. Each attribute named must match.",
    )


class ExceptionDocument(PlainSelectorDocument):
    """Which of the selected actions are left out: those that match every part given."""

    @model_validator(mode="after")
    def _names_something(self) -> "ExceptionDocument":
        if not self.model_fields_set:
            raise ValueError("but_not leaves out every action; name the ones to leave out")
        return self


class SelectorDocument(PlainSelectorDocument):
    """Which actions are meant: those that match every part given. Nothing given means every action."""

    but_not: ExceptionDocument | None = Field(
        default=None, description="Of the actions selected, the ones that are not meant."
    )


EVERY_ACTION = SelectorDocument()


class LeverDocument(Document):
    """A factor on the priority of some actions."""

    applies_to: SelectorDocument = Field(
        default=EVERY_ACTION, description="The actions whose priority is multiplied. Absent: every action."
    )
    lever: NonNegative = Field(description="The factor: 2 doubles the priority, 0 leaves it out.")
