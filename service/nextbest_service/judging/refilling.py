"""Logged decisions filled again, place by place: who was open there, and how likely each policy picks whom.

Each place is looked at below what was logged above it, so probabilities are conditional as the logged ones
are. The filling is the very one that serves.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nextbest_service.decisions.arbitration import NO_LIMITS, Choice, Filling, Slot
from nextbest_service.decisions.factors import Factors, Flags, Floats, Rows

_ROUNDING = 1e-3


@dataclass(frozen=True, slots=True)
class Policy:
    """A ranker with a placement's way to pick: the order of the candidates, and per slot how it picks."""

    order: Rows
    slots: Sequence[Slot]

    @classmethod
    def of(cls, factors: Factors, slots: Sequence[Slot]) -> "Policy":
        """Return the policy that orders candidates by their factors."""
        return cls(factors.order, slots)


@dataclass(frozen=True, slots=True)
class Place:
    """One filled place: its slot, who was open (candidates, ascending), which of them stood there.

    chances: float64 by policy, one per open candidate.
    """

    slot: int
    open: Rows
    chosen: int
    chances: Mapping[str, Floats]


class NotFoundAgainError(Exception):
    """A logged decision cannot have been made as the catalog says; the message says why."""


def refill(
    policies: Mapping[str, Policy],
    pinned: Flags,
    exclusive: Sequence[Flags],
    picks: Sequence[Sequence[int]],
    *,
    allow_duplicates: bool,
) -> tuple[Place, ...]:
    """Return all places of a decision.

    All policies have the same slots but for how they pick. `picks` are the candidates that were logged, by
    slot and place.

    Raises:
        NotFoundAgainError: a logged candidate was not open there, or a place stayed empty though some were.
    """
    fillings = {
        name: Filling(
            policy.order, pinned, exclusive, NO_LIMITS, allow_duplicates, np.ones(len(pinned), dtype=np.bool_)
        )
        for name, policy in policies.items()
    }
    return tuple(
        place for number, slate in enumerate(picks) for place in _places(policies, fillings, number, slate)
    )


def _places(
    policies: Mapping[str, Policy], fillings: Mapping[str, Filling], number: int, slate: Sequence[int]
) -> Iterator[Place]:
    slots = {name: policy.slots[number] for name, policy in policies.items()}
    slot, filling = next(iter(slots.values())), next(iter(fillings.values()))
    may_fall_back = filling.may_fall_back(slot)
    competing = {name: fillings[name].competing(own) for name, own in slots.items()}
    chosen: list[Choice] = []
    for candidate in slate:
        ranked = {
            name: fillings[name].open_to(own, _without(competing[name], chosen), chosen)
            for name, own in slots.items()
        }
        if any(map(len, ranked.values())):
            yield _place(number, candidate, fillings, slots, ranked)
        elif chosen or candidate != slot.fallback or not may_fall_back:
            raise NotFoundAgainError("something was offered where nothing was open")
        else:
            # Nobody had a choice: no policy would do anything else there.
            yield Place(number, np.array([candidate]), 0, dict.fromkeys(slots, np.ones(1)))
        chosen.append(Choice(candidate))
        for own in fillings.values():
            own.take(candidate)
    if len(slate) < slot.limit and len(
        filling.open_to(slot, _without(competing[next(iter(slots))], chosen), chosen)
    ):
        raise NotFoundAgainError("a place stayed empty where something was open")


def _place(
    number: int,
    candidate: int,
    fillings: Mapping[str, Filling],
    slots: Mapping[str, Slot],
    ranked: Mapping[str, Rows],
) -> Place:
    # What is worth nothing to one model may be worth something to another.
    everybody = np.unique(np.concatenate([*ranked.values()]))
    chosen = int(np.searchsorted(everybody, candidate))
    if chosen == len(everybody) or everybody[chosen] != candidate:
        raise NotFoundAgainError("something was offered that was not open")
    chances = {}
    for name, rows in ranked.items():
        if not len(rows):
            raise NotFoundAgainError("a model finds nothing worth offering where something was offered")
        chances[name] = np.zeros(len(everybody))
        chances[name][np.searchsorted(everybody, rows)] = fillings[name].chances(slots[name], rows)
    return Place(number, everybody, chosen, chances)


def _without(competing: Rows, chosen: Sequence[Choice]) -> Rows:
    for choice in chosen:
        competing = competing[competing != choice.candidate]
    return competing


def check_logged(places: Sequence[Place], policy: str, logged: Sequence[float]) -> None:
    """Make sure that a policy has the probabilities that were logged, one per place.

    Raises:
        NotFoundAgainError: it has not.
    """
    for place, probability in zip(places, logged, strict=True):
        if abs(place.chances[policy][place.chosen] - probability) > _ROUNDING * max(probability, _ROUNDING):
            raise NotFoundAgainError("a logged probability is not the one that the catalog leads to")
