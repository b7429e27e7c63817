"""Logged decisions as arrays, and what ranking knew of their customers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from nextbest_models.action_side import ActionSide
from nextbest_models.affinity import AffinityCounters
from nextbest_models.pairs import Floats
from nextbest_models.state import CustomerFeatures

Texts: TypeAlias = NDArray[np.str_]
Integers: TypeAlias = NDArray[np.int64]
Flags: TypeAlias = NDArray[np.bool_]
Figures: TypeAlias = NDArray[np.float32]


class LoggedDataError(ValueError):
    """An export cannot be learned from; the message says why and what to do."""


@dataclass(frozen=True, slots=True, eq=False)
class LoggedCandidates:
    """Everything that passed the rules, decision by decision, one entry per candidate.

    starts: int64 [decisions + 1]; decision `d` has the entries from `starts[d]` until `starts[d + 1]`.
    rows: intp, positions in `ActionSide.actions`, ascending within a decision.
    propensity, value, lever, context_weight: float32. pinned: bool.
    maturity: int8, see `ladder.Maturity`.
    """

    starts: Integers
    rows: NDArray[np.intp]
    propensity: Figures
    value: Figures
    lever: Figures
    context_weight: Figures
    pinned: Flags
    maturity: NDArray[np.int8]


@dataclass(frozen=True, slots=True, eq=False)
class LoggedSlots:
    """What was offered, one entry per decision, placement and rank.

    decision: int64, position among the decisions. candidate: int64, position among the candidates: action and
    factors stand there. rank: int64, from 1. selection_probability: float32, given the ranks above.
    """

    decision: Integers
    candidate: Integers
    placement: Texts
    rank: Integers
    channel: Texts
    selection: Texts
    selection_probability: Figures

    def __len__(self) -> int:
        return len(self.decision)


@dataclass(frozen=True, slots=True, eq=False)
class LoggedDecisions:
    """Some decisions of one generation.

    ids, persons, model_versions: str [decisions]; a person is a pseudonym. times_ms: int64, Unix ms.
    contexts: the numbers of each request's context. vectors: float32 [decisions, customer features].
    counters: those of the keys that a decision's candidates have, end to end; decision `d` has the entries
        from `counter_starts[d]` to `counter_starts[d + 1]` (exclusive).
    more: further columns of the exported table that the reader was asked for, as pyarrow arrays by name.
    """

    side: ActionSide
    ids: Texts
    persons: Texts
    model_versions: Texts
    times_ms: Integers
    contexts: tuple[Mapping[str, float], ...]
    vectors: Figures
    counter_starts: Integers
    counters: AffinityCounters
    candidates: LoggedCandidates
    slots: LoggedSlots
    more: Mapping[str, object]

    def __len__(self) -> int:
        return len(self.ids)

    def customer(self, decision: int) -> CustomerFeatures:
        """Return what ranking knew of a decision's customer."""
        part = slice(*self.counter_starts[decision : decision + 2].tolist())
        counters = AffinityCounters(
            self.counters.ids[part], *(column[part] for column in self.counters.statistics)
        )
        return CustomerFeatures(self.vectors[decision], counters, int(self.times_ms[decision]))


@dataclass(frozen=True, slots=True, eq=False)
class LoggedOutcomes:
    """What happened to some slots, one entry per outcome, each outcome once.

    slot: int64, position in `LoggedDecisions.slots`. type: str. after_ms: int64, since the decision, negative
    before it. amount: float64, in the catalog's currency.
    """

    slot: Integers
    type: Texts
    after_ms: Integers
    amount: Floats
