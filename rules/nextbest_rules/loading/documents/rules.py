"""What all rules have."""

from pydantic import Field

from nextbest_rules.loading.documents.fields import Document, Id, Text, UnknownModeName
from nextbest_rules.loading.documents.selectors import EVERY_ACTION, SelectorDocument


class RuleDocument(Document):
    """What every rule has."""

    id: Id = Field(description="The rule's name in every explanation. Unique in the catalog.")
    applies_to: SelectorDocument = Field(
        default=EVERY_ACTION, description="The actions it is about. Absent: every action."
    )
    reason: Text = Field(description="A sentence for people. It stands in explanations.")


class FallibleRuleDocument(RuleDocument):
    """A rule that may be impossible to decide."""

    when_unknown: UnknownModeName = Field(
        default="deny",
        description="What happens where something that the rule needs is missing, stale or wrong. "
        "deny: the actions are left out.",
    )
