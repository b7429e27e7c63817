"""Context weights: how well actions fit the moment."""

from pydantic import Field, model_validator

from nextbest_rules.loading.documents.fields import Expression, Text, WeightOrFormula
from nextbest_rules.loading.documents.rules import RuleDocument


class ContextWeightDocument(RuleDocument):
    """A factor on the priority of actions that fit the moment better or worse than usual."""

    reason: Text = Field(description="A sentence for people: why it fits, or does not.")
    when: Expression | None = Field(
        default=None,
        description="The moment, a condition in CEL. Absent: always.",
    )
    weight: WeightOrFormula = Field(
        description="C: the factor, above 0. 2 doubles the priority, 0.5 halves it. A formula in CEL, or a "
        "condition, without a usable value leaves the priority as it is."
    )

    @model_validator(mode="after")
    def _depends_on_something(self) -> "ContextWeightDocument":
        if self.when is None and isinstance(self.weight, float):
            raise ValueError("needs when, or a formula as weight; what holds always is a lever")
        return self
