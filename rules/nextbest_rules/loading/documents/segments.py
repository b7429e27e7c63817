"""segments.yaml: conditions that the service remembers."""

from pydantic import Field

from nextbest_rules.loading.documents.fields import Document, Expression, Name


class SegmentDocument(Document):
    """A part of the customers. Entering and leaving it are events that rules can read."""

    id: Name = Field(description="How others name it: segments.<id>. Unique in the file.")
    when: Expression = Field(
        description="Who is in it: a condition in CEL about the customer, which may read facts, features, "
        "records, named conditions and other segments, and nothing of one request or action."
    )
    group: Name | None = Field(
        default=None,
        description="The exclusive set it belongs to: of its segments whose condition holds, a customer is "
        "in the last of the file only.",
    )
    description: str = Field(default="", description="Who these customers are, for people.")


class SegmentsDocument(Document):
    """Parts of the customers that the service remembers."""

    segments: list[SegmentDocument] = Field(
        default=[], description="The segments. Those of one group from the lowest to the highest."
    )
