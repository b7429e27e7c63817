"""conditions.yaml: conditions that others use by name."""

from pydantic import Field

from nextbest_rules.loading.documents.fields import Document, Expression, Name


class NamedConditionDocument(Document):
    """A condition with a name. Any other expression of the catalog may use it as conditions.<name>."""

    name: Name = Field(description="How others name it: conditions.<name>. Unique in the file.")
    when: Expression = Field(description="The condition in CEL. It may use other named conditions.")
    description: str = Field(default="", description="What it means, for people.")


class ConditionsDocument(Document):
    """Conditions that others use by name."""

    conditions: list[NamedConditionDocument] = Field(default=[], description="The named conditions.")
