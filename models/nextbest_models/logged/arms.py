"""What came of the arms of experiments, person by person."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from nextbest_models.logged.attribution import Attributed
from nextbest_models.logged.decisions import Flags, LoggedDecisions
from nextbest_models.offpolicy.intervals import Estimated, estimated
from nextbest_models.pairs import Floats

CONTROL = "control"
_DECISIONS, _SHOWN, _POSITIVES, _REWARD = range(4)
_FIGURES = 4


@dataclass(frozen=True, slots=True)
class ArmResult:
    """One arm: its people and what came of them.

    `positives` and `reward` are means per person with their intervals, and the differences are those to the
    control arm, None for the control itself.
    """

    arm: str
    people: int
    decisions: int
    shown: int
    successes: int
    positives: Estimated
    reward: Estimated
    more_positives: Estimated | None
    more_reward: Estimated | None


@dataclass(frozen=True, slots=True)
class ExperimentResult:
    """The arms of one experiment, the control first. `moved` people were in more than one of them."""

    experiment: str
    arms: tuple[ArmResult, ...]
    moved: int


@dataclass(frozen=True, slots=True)
class ArmTally:
    """Adds up batches of decisions: four figures for each person in each arm of each experiment."""

    _sums: Mapping[tuple[str, str], dict[str, list[float]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(lambda: [0.0] * _FIGURES))
    )

    def add(
        self,
        decisions: LoggedDecisions,
        came: Attributed,
        settled: Flags,
        people: Sequence[str],
        arms: Sequence[Mapping[str, str]],
    ) -> None:
        """Count some decisions.

        Args:
            decisions: what was decided.
            came: what came of each slot.
            settled: bool, per decision whether it is old enough for all outcomes to be known. Others are left
                out, and those with nothing to say among them: else people who get nothing would be counted
                earlier than the others.
            people: per decision who it was about, the same for all names of a person.
            arms: per decision the person's arm by experiment.
        """
        slots = decisions.slots.decision
        figures = [np.bincount(slots, column, minlength=len(decisions)) for column in _columns(came)]
        for decision in np.flatnonzero(settled).tolist():
            own = [1.0, *(float(column[decision]) for column in figures)]
            for arm in arms[decision].items():
                sums = self._sums[arm][people[decision]]
                sums[:] = [one + other for one, other in zip(sums, own, strict=True)]

    def results(self, confidence: float = 0.95) -> tuple[ExperimentResult, ...]:
        """Return every experiment with its arms, by name.

        People are the units, since they were assigned and their decisions hang together (Kohavi, Tang & Xu,
        "Trustworthy Online Controlled Experiments", 2020, chapter 14).
        """
        arms_of: dict[str, dict[str, Mapping[str, list[float]]]] = defaultdict(dict)
        for (experiment, arm), sums in sorted(self._sums.items()):
            arms_of[experiment][arm] = sums
        return tuple(_result(name, arms, confidence) for name, arms in arms_of.items())


def _columns(came: Attributed) -> Iterable[Floats]:
    return (came.shown.astype(np.float64), came.positive.astype(np.float64), came.reward)


def _result(
    experiment: str, arms: Mapping[str, Mapping[str, list[float]]], confidence: float
) -> ExperimentResult:
    control = CONTROL if CONTROL in arms else max(arms, key=lambda arm: len(arms[arm]))
    figures = {arm: np.array([*sums.values()]) for arm, sums in arms.items()}
    order = sorted(arms, key=lambda arm: (arm != control, arm))
    results = tuple(_arm(arm, figures[arm], figures[control], arm == control, confidence) for arm in order)
    people = [person for sums in arms.values() for person in sums]
    return ExperimentResult(experiment, results, len(people) - len({*people}))


def _arm(arm: str, own: Floats, control: Floats, is_control: bool, confidence: float) -> ArmResult:
    sums = own.sum(axis=0)
    more = {
        column: None if is_control else _difference(own[:, column], control[:, column], confidence)
        for column in (_POSITIVES, _REWARD)
    }
    return ArmResult(
        arm=arm,
        people=len(own),
        decisions=round(float(sums[_DECISIONS])),
        shown=round(float(sums[_SHOWN])),
        successes=round(float(sums[_POSITIVES])),
        positives=_mean(own[:, _POSITIVES], confidence),
        reward=_mean(own[:, _REWARD], confidence),
        more_positives=more[_POSITIVES],
        more_reward=more[_REWARD],
    )


def _mean(values: Floats, confidence: float) -> Estimated:
    mean = float(values.mean())
    return estimated(mean, (values - mean) / len(values), np.arange(len(values)), confidence)


def _difference(values: Floats, control: Floats, confidence: float) -> Estimated:
    mean, usual = float(values.mean()), float(control.mean())
    deviations = np.concatenate([(values - mean) / len(values), (usual - control) / len(control)])
    return estimated(mean - usual, deviations, np.arange(len(deviations)), confidence)
