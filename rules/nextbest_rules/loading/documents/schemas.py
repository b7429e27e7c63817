"""features.yaml and facts.yaml: what is known of customers and requests."""

from typing import Any, Literal

from pydantic import Field, model_validator

from nextbest_rules.loading.documents.fields import Document, Duration, FailModeName, Name, ValueTypeName

_MAX_AGE = "How old the value may be before it counts as stale. Absent: any age."
_FAIL = (
    "What a missing or stale value does. open: the default stands in. closed: it is unknown, and rules that "
    "need it follow their when_unknown. Absent: open with a default, else closed."
)


def _check_fail_mode(fail: str | None, default: object) -> None:
    if fail == "closed" and default is not None:
        raise ValueError("a default is never used with fail: closed")
    if fail == "open" and default is None:
        raise ValueError("fail: open lets the default stand in, and there is none")


class AffinityDocument(Document):
    """A family of sparse counters: what each customer did with each key."""

    family: Name = Field(description="How actions name it in their affinity.")
    definition: dict[str, Any] = Field(default={}, description="How the models compute it.")
    description: str = Field(default="", description="What it counts, for people.")


class FeatureDocument(Document):
    """A number that the model sees. Conditions may read those of source customer, as features.<name>."""

    name: Name = Field(description="How conditions name it. Unique in the file.")
    source: Literal["customer", "action", "context", "pair"] = Field(
        description="What it is computed from; pair is a customer together with an action."
    )
    definition: dict[str, Any] = Field(description="How the models compute it.")
    default: float | None = Field(
        default=None, description="Stands for what cannot be known. Absent: the value is missing."
    )
    unit: str = Field(default="", description="The unit of the number, for people: EUR, days, visits.")
    max_age: Duration | None = Field(default=None, description=_MAX_AGE)
    fail: FailModeName | None = Field(default=None, description=_FAIL)
    description: str = Field(default="", description="What it says, for people.")

    @model_validator(mode="after")
    def _fails_one_way(self) -> "FeatureDocument":
        _check_fail_mode(self.fail, self.default)
        return self

    @model_validator(mode="after")
    def _only_stored_values_age(self) -> "FeatureDocument":
        if self.max_age is not None and self.source != "customer":
            raise ValueError(
                f"max_age is for features of source customer; those of {self.source} are new each time"
            )
        return self


class FeaturesDocument(Document):
    """What the models compute."""

    affinities: list[AffinityDocument] = Field(default=[], description="Families of sparse counters.")
    features: list[FeatureDocument] = Field(default=[], description="The features, in the order of columns.")


class FactDocument(Document):
    """Something that may be known of a customer. Conditions read it as facts.<name>."""

    name: Name = Field(description="How conditions name it. Unique in the list.")
    type: ValueTypeName = Field(description="The type of its values.")
    default: Any = Field(default=None, description="Stands for a missing value. Absent: it is unknown.")
    unit: str = Field(default="", description="The unit of the value, for people: EUR, days, visits.")
    max_age: Duration | None = Field(default=None, description=_MAX_AGE)
    fail: FailModeName | None = Field(default=None, description=_FAIL)
    description: str = Field(default="", description="What it says, for people.")

    @model_validator(mode="after")
    def _fails_one_way(self) -> "FactDocument":
        _check_fail_mode(self.fail, self.default)
        return self


class ContextDocument(Document):
    """Something that a request may tell. Conditions read it as context.<name>."""

    name: Name = Field(description="How conditions and requests name it. Unique in the list.")
    type: ValueTypeName = Field(description="The type of its values.")
    default: Any = Field(default=None, description="Stands for a missing value. Absent: it is unknown.")
    unit: str = Field(default="", description="The unit of the value, for people: EUR, degrees.")
    description: str = Field(default="", description="What it says, for people.")


class FactsDocument(Document):
    """What conditions may read of a customer and of a request."""

    facts: list[FactDocument] = Field(default=[], description="What may be known of a customer.")
    context: list[ContextDocument] = Field(default=[], description="What a request may tell.")
