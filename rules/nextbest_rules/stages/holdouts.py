"""Stage holdout: what the person's holdouts and arms of experiments keep back."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from nextbest_rules.assignment import HELD
from nextbest_rules.catalog import Arm, Catalog, Experiment, Holdout
from nextbest_rules.explanation import Finding, Stop, stop
from nextbest_rules.selection import mask_of
from nextbest_rules.sight import View
from nextbest_rules.terms import Stage


@dataclass(frozen=True, slots=True)
class Kept:
    """The actions that one arm keeps back, and what is said of them."""

    mask: int
    finding: Finding


@dataclass(frozen=True, slots=True)
class HoldoutStage:
    """What is kept back by (holdout or experiment, arm)."""

    kept: Mapping[tuple[str, str], Kept]

    @classmethod
    def of(cls, catalog: Catalog) -> "HoldoutStage":
        """Compile the holdouts of a catalog, and the arms that keep something back."""
        tried = catalog.experimentation
        held = {(it.id, HELD): _held(it, mask_of(it.applies_to, catalog)) for it in tried.holdouts}
        withheld = {
            (experiment.id, arm.id): _withheld(experiment, arm, mask_of(arm.withhold, catalog))
            for experiment in tried.experiments
            for arm in experiment.arms
            if arm.withhold is not None
        }
        return cls({**held, **withheld})

    @property
    def idle(self) -> bool:
        """Whether there is nothing to ask."""
        return not self.kept

    def screen(self, live: int, view: View) -> int:
        """Return what nothing keeps back from the person."""
        for kept in self._found(view):
            live &= ~kept.mask
        return live

    def stops(self, view: View) -> Iterator[Stop]:
        """Yield what this stage stops."""
        for kept in self._found(view):
            yield stop(Stage.HOLDOUT, kept.mask, kept.finding)

    def _found(self, view: View) -> Iterator[Kept]:
        arms = view.situation.arms
        if arms is None:  # whoever must not see it may be asking
            yield from self.kept.values()
            return
        for assignment in arms.items():
            if assignment in self.kept:
                yield self.kept[assignment]


def _held(holdout: Holdout, mask: int) -> Kept:
    return Kept(mask, Finding(holdout.id, holdout.reason, "in the holdout", "outside of it"))


def _withheld(experiment: Experiment, arm: Arm, mask: int) -> Kept:
    reason = f"This arm of the experiment does without it: {arm.id}."
    return Kept(mask, Finding(experiment.id, reason, f"arm = {arm.id}", "another arm"))
