"""Gathers the rows of an export: those to learn from, and those to judge by."""

from dataclasses import dataclass, field, replace

import numpy as np

from nextbest_models.dataset import Cuts, Dataset
from nextbest_models.evidence import Evidence, Kind, count_evidence
from nextbest_models.logged.decisions import Flags, Integers, LoggedDecisions
from nextbest_models.logged.exposures import Exposures
from nextbest_models.logged.rows import rows_of
from nextbest_models.logged.sampling import draws, weights
from nextbest_models.pairs import Floats
from nextbest_models.recipe import LogPlan
from nextbest_models.training import Split


@dataclass(slots=True)
class _Actions:
    """All actions of all action sides, numbered as they come; an action is of the kind that it had last."""

    ids: list[str] = field(default_factory=list)
    kinds: list[Kind] = field(default_factory=list)
    _numbers: dict[str, int] = field(default_factory=dict)
    _sides: dict[str, Integers] = field(default_factory=dict)

    def of(self, decisions: LoggedDecisions) -> Integers:
        """Return the number of each action of the decisions' action side."""
        side = decisions.side
        if side.id not in self._sides:
            numbers = [self._number(*action) for action in zip(side.actions, side.kinds, strict=True)]
            self._sides[side.id] = np.array(numbers, dtype=np.int64)
        return self._sides[side.id]

    def _number(self, id_: str, kind: Kind) -> int:
        number = self._numbers.setdefault(id_, len(self.ids))
        if number == len(self.ids):
            self.ids.append(id_)
            self.kinds.append(kind)
        self.kinds[number] = kind
        return number


@dataclass(slots=True)
class _Block:
    """Rows of some exposures. `sampled` are those to learn from; the others only judge."""

    matrix: Floats
    positive: Flags
    groups: Integers
    actions: Integers
    times_ms: Integers
    probability: Floats
    sampled: Flags


@dataclass(slots=True)
class Collected:
    """Everything of an export that is learned from, or judged by."""

    plan: LogPlan
    cuts: Cuts
    share: float
    actions: _Actions = field(default_factory=_Actions)
    exposures: int = 0
    blocks: list[_Block] = field(default_factory=list)
    _groups: int = 0
    _shown: list[tuple[Integers, Flags]] = field(default_factory=list)

    def add(self, exposures: Exposures) -> None:
        """Take up some exposures: all of the validation and test periods, a sample of those before."""
        decisions, slots = exposures.decisions, exposures.decisions.slots
        order = exposures.slots[np.argsort(slots.candidate[exposures.slots], kind="stable")]
        times = decisions.times_ms[slots.decision[order]]
        order, times = order[times < self.cuts.until_ms], times[times < self.cuts.until_ms]
        positive = exposures.came.positive[order]
        actions = self.actions.of(decisions)[decisions.candidates.rows[slots.candidate[order]]]
        before = times < self.cuts.test_from_ms
        self.exposures += len(order)
        self._shown.append((actions[before], positive[before]))
        sampled = before & (positive | (draws(decisions, order, self.plan.seed) < self.share))
        kept = sampled | (times >= self.cuts.validate_from_ms)
        self.blocks.append(
            _Block(
                matrix=rows_of(decisions, slots.candidate[order[kept]]),
                positive=positive[kept],
                groups=self._grouped(decisions, order[kept]),
                actions=actions[kept],
                times_ms=times[kept],
                probability=slots.selection_probability[order[kept]].astype(np.float64),
                sampled=sampled[kept],
            )
        )

    def _grouped(self, decisions: LoggedDecisions, chosen: Integers) -> Integers:
        """Return a number for each slot: the same for those of one decision and placement."""
        slots = decisions.slots
        placement = np.unique(slots.placement, return_inverse=True)[1]
        places = int(placement.max(initial=0)) + 1
        groups: Integers = self._groups + slots.decision[chosen] * places + placement[chosen]
        self._groups += len(decisions) * places
        return groups

    def split(self, columns: tuple[str, ...]) -> Split:
        """Return the rows by period, with the weights to learn with."""
        stacked = {
            name: np.concatenate([getattr(block, name) for block in self.blocks]) for name in _Block.__slots__
        }
        probability, sampled = stacked.pop("probability"), stacked.pop("sampled")
        every, cuts = Dataset(columns, **stacked), self.cuts
        learned = every.only(sampled)
        counts = weights(
            learned.positive, probability[sampled], self._realised(learned.positive), self.plan.most_weight
        )
        learned = replace(learned, weights=counts)
        return Split(
            fit=learned.between(cuts.train_from_ms, cuts.validate_from_ms),
            validation=every.between(cuts.validate_from_ms, cuts.test_from_ms),
            train=learned.between(cuts.train_from_ms, cuts.test_from_ms),
            test=every.between(cuts.test_from_ms, cuts.until_ms),
        )

    def _realised(self, learned: Flags) -> float:
        """Return the share of the rows without success that the draw has kept, by what came of the kept."""
        of_all = sum(int((~positive).sum()) for _, positive in self._shown)
        kept = int((~learned).sum())
        return kept / of_all if kept else 1.0

    def evidence(self) -> Evidence:
        """Return how often each action was shown before the test period, sampled or not."""
        actions, positive = (np.concatenate(column) for column in zip(*self._shown, strict=True))
        return count_evidence(self.actions.ids, self.actions.kinds, actions, positive)
