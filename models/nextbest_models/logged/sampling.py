"""Which rows of a log are learned from, in which period they are, and how much each counts."""

import hashlib
from dataclasses import dataclass

import numpy as np

from nextbest_models.dataset import Cuts
from nextbest_models.logged.decisions import Flags, Integers, LoggedDataError, LoggedDecisions
from nextbest_models.pairs import Floats
from nextbest_models.recipe import LogPlan

_WORD = 2.0**64


@dataclass(frozen=True, slots=True, eq=False)
class Survey:
    """Of every exposure, when it was decided (Unix milliseconds) and whether it was a success."""

    times_ms: Integers
    positive: Flags


def cuts_of(times_ms: Integers, plan: LogPlan) -> Cuts:
    """Return the periods of some exposures: the latest are the test, those before them the validation.

    Raises:
        LoggedDataError: they all happened at the same time.
    """
    ordered = np.sort(times_ms)
    shares = (1 - plan.validation_share - plan.test_share, 1 - plan.test_share)
    validate, test = (int(ordered[int(len(ordered) * share)]) for share in shares)
    cuts = Cuts(int(ordered[0]), validate, test, int(ordered[-1]) + 1)
    if not cuts.train_from_ms < cuts.validate_from_ms < cuts.test_from_ms < cuts.until_ms:
        raise LoggedDataError("the log is too short to be cut into periods for training, validation and test")
    return cuts


def kept_share(survey: Survey, cuts: Cuts, plan: LogPlan) -> float:
    """Return which share of the rows without success is learned from."""
    before = survey.times_ms < cuts.test_from_ms
    positives = int(survey.positive[before].sum())
    negatives = int(before.sum()) - positives
    if plan.negatives_per_positive is None or not negatives:
        return 1.0
    return min(1.0, plan.negatives_per_positive * positives / negatives)


def draws(decisions: LoggedDecisions, slots: Integers, seed: int) -> Floats:
    """Return a number in [0, 1) for each of some slots: always the same for the same slot and seed."""
    own = decisions.slots
    names = zip(
        decisions.ids[own.decision[slots]].tolist(),
        own.placement[slots].tolist(),
        own.rank[slots].tolist(),
        strict=True,
    )
    digests = b"".join(
        hashlib.blake2b(f"{seed}\0{id_}\0{placement}\0{rank}".encode(), digest_size=8).digest()
        for id_, placement, rank in names
    )
    return np.frombuffer(digests, ">u8") / _WORD


def weights(positive: Flags, probability: Floats, share: float, most: float) -> Floats:
    """Return how much each row counts when something is learned from it, float64.

    A row without success stands for 1 / share of its like, so that rates stay what they were (prior
    correction by weighting; King and Zeng 2001). Each row counts 1 / probability, at most `most`: what
    exploration showed rarely counts as if it had been shown often (inverse propensity weighting; Horvitz and
    Thompson 1952, clipped as by Ionides 2008). These have a mean of 1 over all rows that are stood for.

    All arrays have one entry per row that is learned from. share: of the rows without success, in (0, 1].
    """
    stands_for = np.where(positive, 1.0, 1.0 / share)
    rarity = np.minimum(1.0 / np.maximum(probability, 1.0 / most), most)
    mean = float((rarity * stands_for).sum() / stands_for.sum())
    return stands_for * rarity / mean
