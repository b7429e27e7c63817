"""experiments.yaml: what is tried out on parts of the people."""

from typing import Annotated

from pydantic import Field, model_validator

from nextbest_rules.loading.documents.actions import ValidityDocument
from nextbest_rules.loading.documents.fields import Document, Id, Text, matching, pattern
from nextbest_rules.loading.documents.selectors import EVERY_ACTION, LeverDocument, SelectorDocument

_RANKER = r"[a-z][a-z0-9_]{0,62}"
RankerName = Annotated[
    str,
    matching(_RANKER, "a ranker has 1 to 63 lower-case letters, digits and _ and starts with a letter"),
    pattern(_RANKER),
]
Share = Annotated[float, Field(gt=0, le=1)]
_ROUNDING = 1e-9


class TimedDocument(ValidityDocument):
    """Something that is tried for some time, on people who are chosen by chance."""

    id: Id = Field(description="Its name in answers and in the log. Unique among rules, too.")
    salt: str = Field(
        default="",
        description="Any text. Another one chooses other people, such as for the same trial a second time.",
    )


class HoldoutDocument(TimedDocument):
    """A part of the people who do without some actions, so that it shows what these bring."""

    share: Share = Field(description="The part of all people, above 0: 0.05 is one in twenty.")
    applies_to: SelectorDocument = Field(
        default=EVERY_ACTION, description="The actions that are kept back. Absent: every action."
    )
    reason: Text = Field(description="A sentence for people: why it is not offered.")


class ArmDocument(Document):
    """One way to treat a part of the people. One with nothing but a share is treated as ever."""

    id: Id = Field(description="Its name in answers and in the log. Unique in the experiment.")
    share: Share = Field(description="The part of all people, above 0.")
    ranker: RankerName | None = Field(
        default=None,
        description="What ranks: `champion`, `static` for no model at all, or the name under which another "
        "model is in use, such as `challenger`. Absent: the champion.",
    )
    levers: list[LeverDocument] = Field(
        default=[], description="Factors on the priority of actions. All that match are multiplied."
    )
    withhold: SelectorDocument | None = Field(
        default=None, description="Actions that are kept back. Absent: none."
    )


class ExperimentDocument(TimedDocument):
    """Two or more arms that are compared."""

    description: str = Field(default="", description="What is to be found out, for people.")
    arms: list[ArmDocument] = Field(
        description="The arms. Their shares come to 1 at most; the others are treated as ever."
    )

    @model_validator(mode="after")
    def _arms_fit(self) -> "ExperimentDocument":
        if len(self.arms) < 2:  # noqa: PLR2004 - there is nothing else to compare with
            raise ValueError("an experiment compares at least two arms")
        if sum(arm.share for arm in self.arms) > 1.0 + _ROUNDING:
            raise ValueError("the shares of the arms come to more than 1")
        return self


class ShadowDocument(Document):
    """A ranker that scores decisions for the log only, behind the answer."""

    ranker: RankerName = Field(description="The name under which the model is in use.")
    share: Share = Field(default=1.0, description="The part of all decisions, above 0.")


class ExperimentsDocument(Document):
    """What is tried out on parts of the people, or beside the answers."""

    holdouts: list[HoldoutDocument] = Field(default=[], description="Who does without what.")
    experiments: list[ExperimentDocument] = Field(default=[], description="Who is treated how.")
    shadows: list[ShadowDocument] = Field(default=[], description="What is scored for the log only.")
