"""A logged decision as it is judged: rows are positions in the catalog of today."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nextbest_rules import RuleSet
from nextbest_rules.stages.placements import Surface
from nextbest_service.decisions.arbitration import Slot
from nextbest_service.decisions.bitmask import flags_of
from nextbest_service.decisions.exploration import Explorer
from nextbest_service.decisions.factors import Factors, Flags, Floats, Rows
from nextbest_service.decisions.slot_plan import SlotPlan
from nextbest_service.judging.refilling import NotFoundAgainError


@dataclass(frozen=True, slots=True)
class Offer:
    """What stood in a place, and what came of it. `row` is over the catalog; see `FilledSlots`."""

    row: int
    probability: float
    positive: bool
    shown: bool
    amount: float


@dataclass(frozen=True, slots=True)
class Asked:
    """A placement that was asked for, and what was offered in it, best first."""

    placement: str
    limit: int
    excluded: frozenset[int]
    offers: tuple[Offer, ...]


@dataclass(frozen=True, slots=True)
class Served:
    """A logged decision. `rows` are the candidates, ascending, and the arrays have one entry for each.

    model: the version that ranked; empty: none. propensity, value, weight: float64 as they were used, with
    weight the product of context weight and lever.
    """

    id: str
    person: str
    at_ms: int
    model: str
    channel: str
    locale: str
    asked: tuple[Asked, ...]
    allow_duplicates: bool
    rows: Rows
    propensity: Floats
    value: Floats
    weight: Floats
    pinned: Flags
    unshowable: frozenset[int]


def factors_of(served: Served, propensity: Floats, strength: Floats) -> Factors:
    """Return the factors of a decision's candidates with other propensities (float64 [candidates]).

    strength: float64 [actions of the catalog], how many observations each propensity is worth.
    """
    return Factors.of(
        rows=served.rows,
        propensity=propensity,
        value=served.value,
        context_weight=np.ones(len(served.rows)),
        lever=served.weight,
        pinned=served.pinned,
        maturity=np.zeros(len(served.rows), dtype=np.int8),
        strength=strength[served.rows],
    )


@dataclass(frozen=True, slots=True)
class Surfaces:
    """What the catalog of today says of placements: what they accept, how they mix, and how they try."""

    rules: RuleSet
    plan: SlotPlan

    def slots(self, served: Served, factors: Factors, *, explores: bool) -> Sequence[Slot]:
        """Return the slots of a decision.

        Raises:
            NotFoundAgainError: the catalog does not have a placement, or it has another channel.
        """
        return [self._slot(served, asked, factors, explores=explores) for asked in served.asked]

    def _slot(self, served: Served, asked: Asked, factors: Factors, *, explores: bool) -> Slot:
        placement = self.rules.catalog.placements.get(asked.placement)
        if placement is None:
            raise NotFoundAgainError("a placement is not in the catalog any more")
        declared = placement.exploration if explores else None
        explorer = None if declared is None else Explorer(declared, factors.outlook, b"")
        return self.plan.slot(placement, asked.limit, factors, self._showable(served, asked), explorer)

    def _showable(self, served: Served, asked: Asked) -> Flags:
        out = np.isin(served.rows, [*asked.excluded, *served.unshowable])
        if not served.channel:
            # Such a placement is asked alone: all candidates are its own.
            return ~out
        surface = Surface(asked.placement, served.channel, served.locale)
        try:
            mask = self.rules.fit(surface).mask
        except LookupError as error:
            raise NotFoundAgainError("a placement is on other channels now") from error
        taken: Flags = flags_of(mask, len(self.rules.catalog.actions))[served.rows] & ~out
        return taken


def picks_of(served: Served) -> Sequence[Sequence[int]]:
    """Return what was offered as positions among the candidates, by placement.

    Raises:
        NotFoundAgainError: something was offered that is no candidate.
    """
    places: Mapping[int, int] = {row: place for place, row in enumerate(served.rows.tolist())}
    try:
        return [[places[offer.row] for offer in asked.offers] for asked in served.asked]
    except KeyError as error:
        raise NotFoundAgainError("something was offered that was no candidate") from error
