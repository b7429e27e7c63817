"""How much of what the target would do was ever tried, and words of caution where it is little."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from nextbest_models.offpolicy.arrays import Floats, Integers
from nextbest_models.offpolicy.intervals import estimated
from nextbest_models.offpolicy.slot_log import Alternatives, Probabilities, SlotLog
from nextbest_models.offpolicy.weights import Weighting, effective_size

FEW_EFFECTIVE_SLOTS = 100.0
FEW_CLUSTERS = 40
LARGE_SHARE = 0.1
LARGE_GAP = 0.01
_IMPLAUSIBLE = 4.0


class Doubt(StrEnum):
    """Why an estimate deserves caution."""

    THIN = "thin"
    DOMINATED = "dominated"
    UNSUPPORTED = "unsupported"
    WEIGHTS_OFF = "weights_off"
    CLIPPED = "clipped"
    NO_REWARD = "no_reward"
    FEW_CLUSTERS = "few_clusters"
    ONE_RANK_AT_A_TIME = "one_rank_at_a_time"


@dataclass(frozen=True, slots=True)
class Caution:
    """A doubt in words. `position` is None where it is about the whole log."""

    doubt: Doubt
    position: int | None
    text: str


@dataclass(frozen=True, slots=True)
class Support:
    """What the weights of one position rest on.

    slots: how many were logged. effective_slots: how many equally weighted ones would tell as much.
    largest_weight, mean_weight: before clipping. The mean is 1 in expectation, less what is unsupported.
    mean_weight_error: the mean's standard error, NaN with a single cluster.
    largest_share: of the largest weight in the sum of all.
    clipped: how many weights were cut.
    unsupported: mean probability of the target's picks that the serving policy never makes; None: not known.
    """

    slots: int
    effective_slots: float
    largest_weight: float
    mean_weight: float
    mean_weight_error: float
    largest_share: float
    clipped: int
    unsupported: float | None


def support_of(log: SlotLog, rows: Integers, raw: Floats, used: Floats) -> Support:
    """Return the support of the slots of one position.

    Args:
        log: all slots.
        rows: int64, which of them.
        raw: float64 [rows], their weights.
        used: float64 [rows], the same after clipping.
    """
    mean = float(raw.mean())
    _, members = np.unique(log.clusters[rows], return_inverse=True)
    spread = estimated(mean, (raw - mean) / len(raw), members, 0.95)
    return Support(
        slots=len(raw),
        effective_slots=effective_size(used),
        largest_weight=float(raw.max()),
        mean_weight=mean,
        mean_weight_error=spread.standard_error,
        largest_share=float(used.max() / used.sum()) if used.any() else 0.0,
        clipped=int(np.count_nonzero(raw > used)),
        unsupported=None if log.alternatives is None else _unsupported(log.alternatives, rows, len(log)),
    )


def _unsupported(alternatives: Alternatives, rows: Integers, slots: int) -> float:
    """Return the mean probability per slot of what only the target would pick."""
    blind = np.isinf(alternatives.ratio) & alternatives.of_slots(rows, slots)
    return float(alternatives.target_probability[blind].sum()) / len(rows)


def cautions(log: SlotLog, weighting: Weighting, support: Mapping[int, Support]) -> tuple[Caution, ...]:
    """Return all cautions, those of the whole log first."""
    found: list[Caution] = []
    clusters = len(np.unique(log.clusters))
    if clusters < FEW_CLUSTERS:
        whose = "decisions" if log.person is None else "persons"
        text = f"only {clusters} {whose}: intervals are rough below {FEW_CLUSTERS}"
        found.append(Caution(Doubt.FEW_CLUSTERS, None, text))
    alone = weighting is Weighting.RANK and log.probabilities is Probabilities.CONDITIONAL
    if alone and len(support) > 1:
        text = "each position has the serving policy's ranks around it: the total is no policy's value"
        found.append(Caution(Doubt.ONE_RANK_AT_A_TIME, None, text))
    if not log.reward.any():
        found.append(
            Caution(Doubt.NO_REWARD, None, "no reward was logged: an interval of no width means nothing")
        )
    for position, item in support.items():
        found += [Caution(doubt, position, f"position {position}: {text}") for doubt, text in _doubts(item)]
    return tuple(found)


def _doubts(item: Support) -> list[tuple[Doubt, str]]:
    found: list[tuple[Doubt, str]] = []
    if item.effective_slots < FEW_EFFECTIVE_SLOTS:
        size = f"{item.effective_slots:,.0f}"
        text = f"{item.slots:,} logged slots tell as much as {size} of the target's own would"
        found.append((Doubt.THIN, text))
    if item.largest_share > LARGE_SHARE:
        text = f"a single slot carries {item.largest_share:.0%} of the weight ({item.largest_weight:,.1f})"
        found.append((Doubt.DOMINATED, text))
    if item.unsupported is not None and item.unsupported > LARGE_GAP:
        text = (
            f"{item.unsupported:.1%} of the target's picks are never made by the serving policy: IPS counts"
            " them as 0, SNIPS as like the others, DR believes the model"
        )
        found.append((Doubt.UNSUPPORTED, text))
    if _off(item):
        text = (
            f"the mean weight is {item.mean_weight:.3f}, and {_expected_weight(item):.3f} is expected:"
            " the target picks what is never logged, or probabilities are not those of the policies"
        )
        found.append((Doubt.WEIGHTS_OFF, text))
    if item.clipped:
        text = f"{item.clipped:,} weights were clipped: estimates lean to the serving policy"
        found.append((Doubt.CLIPPED, text))
    return found


def _off(item: Support) -> bool:
    """Tell whether the mean weight is off by more than chance and rounding."""
    error = 0.0 if math.isnan(item.mean_weight_error) else item.mean_weight_error
    return abs(item.mean_weight - _expected_weight(item)) > _IMPLAUSIBLE * error + 1e-3


def _expected_weight(item: Support) -> float:
    return 1 - (item.unsupported or 0.0)
