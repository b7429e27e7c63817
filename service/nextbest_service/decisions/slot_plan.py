"""From placements to slots: what a placement accepts, how it mixes, and what it falls back to."""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nextbest_rules import Catalog, Placement
from nextbest_rules.catalog import Diversity
from nextbest_service.decisions.arbitration import Quota, Slot
from nextbest_service.decisions.exploration import Explorer
from nextbest_service.decisions.factors import Factors, Flags, Rows

_NO_LIMITS = Diversity()


@dataclass(frozen=True, slots=True)
class SlotPlan:
    """What slots need to know of a catalog's actions.

    `index` has their positions. `issues` and `groups` number their kinds: those alike have the same number.
    """

    index: Mapping[str, int]
    issues: Rows
    groups: Rows

    @classmethod
    def of(cls, catalog: Catalog) -> "SlotPlan":
        """Return the plan of a catalog."""
        return cls(
            catalog.index,
            _numbered([action.issue for action in catalog.actions]),
            _numbered([(action.issue, action.group) for action in catalog.actions]),
        )

    def limits(self, diversity: Diversity) -> Iterator[tuple[str, int, Rows]]:
        """Yield what a placement limits: the name of the kind, how many of one, and every action's number."""
        for name, most, numbers in (
            ("issue", diversity.issue, self.issues),
            ("group", diversity.group, self.groups),
        ):
            if most is not None:
                yield name, most, numbers

    def quotas(self, placement: Placement, limit: int) -> Sequence[tuple[int, Rows]]:
        """Return what keeps a placement with so many places from showing alike actions: see `limits`."""
        if placement.diversity == _NO_LIMITS:
            return ()
        return [(most, numbers) for _, most, numbers in self.limits(placement.diversity) if most < limit]

    def fallback(self, placement: Placement) -> int:
        """Return the mask of a placement's fallback."""
        return 0 if placement.fallback is None else 1 << self.index[placement.fallback]

    def slot(
        self,
        placement: Placement,
        limit: int,
        factors: Factors,
        showable: Flags | None,
        explorer: Explorer | None,
    ) -> Slot:
        """Return a placement as a slot for some candidates.

        `showable` are those that it can show; None for all of them.
        """
        return Slot(
            accepts=factors.worthwhile if showable is None else showable & factors.worthwhile,
            limit=limit,
            fallback=-1 if placement.fallback is None else self._stand_in(placement, factors, showable),
            quotas=tuple(
                Quota(numbers[factors.rows], most) for most, numbers in self.quotas(placement, limit)
            ),
            explorer=explorer,
        )

    def _stand_in(self, placement: Placement, factors: Factors, showable: Flags | None) -> int:
        """Return the fallback's place among the candidates, -1 where it may not stand in."""
        row = self.index[placement.fallback or ""]
        place = int(factors.rows.searchsorted(row))
        if place == len(factors.rows) or factors.rows[place] != row:
            return -1
        can_be_shown = showable is None or bool(showable[place])
        return place if can_be_shown and bool(factors.finite[place]) else -1


def _numbered(kinds: Sequence[Hashable]) -> Rows:
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(kind, len(numbers)) for kind in kinds], dtype=np.intp)
