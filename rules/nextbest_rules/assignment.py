"""Who is in which holdout and in which arm: by a hash of the person, so that nothing has to be stored."""

from collections.abc import Iterator, Mapping
from hashlib import blake2b

from nextbest_rules.catalog import Arm, Experiment, Experimentation, Holdout
from nextbest_rules.dice import fraction

HELD = "holdout"
"""The arm of a person whom a holdout keeps from something."""
CHAMPION = "champion"
"""The ranker of everybody whose arm names none."""
STATIC = "static"
"""The ranker that needs no model: the catalog's starting propensities rank."""


def assigned(declared: Experimentation, person: bytes, now_ms: int) -> dict[str, str]:
    """Return the arm of a person in each holdout that holds and each experiment that has one for them.

    The same person gets the same arms in every process. Different holdouts and experiments are independent
    of each other. Who is in, stays in when shares grow, and keeps the arm while the arms grow alike.
    """
    found = {}
    for holdout in declared.holdouts:
        if holdout.valid.holds(now_ms) and _places(holdout, person)[0] < holdout.share:
            found[holdout.id] = HELD
    for experiment in declared.experiments:
        if experiment.valid.holds(now_ms):
            arm = _arm(experiment, person)
            if arm is not None:
                found[experiment.id] = arm
    return found


def chosen_arms(declared: Experimentation, arms: Mapping[str, str]) -> Iterator[tuple[str, Arm]]:
    """Yield the arms that a person is in, with the ids of their experiments."""
    for experiment in declared.experiments:
        for arm in experiment.arms:
            if arms.get(experiment.id) == arm.id:
                yield experiment.id, arm


def ranker_of(declared: Experimentation, arms: Mapping[str, str]) -> str:
    """Return the name of the ranker that a person's arms choose."""
    return next((arm.ranker for _, arm in chosen_arms(declared, arms) if arm.ranker), CHAMPION)


def _arm(experiment: Experiment, person: bytes) -> str | None:
    entry, place = _places(experiment, person)
    total = sum(arm.share for arm in experiment.arms)
    if entry >= total:
        return None
    place *= total
    for arm in experiment.arms:
        if place < arm.share:
            return arm.id
        place -= arm.share
    return experiment.arms[-1].id  # what rounding left over


def _places(of: Holdout | Experiment, person: bytes) -> tuple[float, float]:
    """Return two independent numbers in [0, 1): whether the person is in, and where then."""
    name = f"{of.id}\0{of.salt}\0".encode()
    digest = blake2b(name + person, digest_size=16).digest()
    return fraction(digest[:8]), fraction(digest[8:])
