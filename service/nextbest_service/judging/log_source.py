"""From batches of the exported log to decisions as they are judged."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nextbest_models.logged.attribution import Attributed
from nextbest_models.logged.decisions import LoggedDecisions
from nextbest_service.decisions.factors import Rows
from nextbest_service.judging.refilling import NotFoundAgainError
from nextbest_service.judging.served import Asked, Offer, Served

COLUMNS = ("placements", "channel", "locale", "unshowable", "allow_duplicates")
"""What is read of decisions beyond what every reader gets."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Decisions of one generation with what came of them.

    to_catalog: int [actions of the side], positions in the catalog of today, -1 for what it does not have.
    starts: int [decisions + 1], where each decision's slots begin. more: `COLUMNS`, one entry per decision.
    """

    decisions: LoggedDecisions
    attributed: Attributed
    index: Mapping[str, int]
    to_catalog: Rows
    starts: Rows
    more: Mapping[str, Sequence[Any]]

    @classmethod
    def of(cls, decisions: LoggedDecisions, attributed: Attributed, index: Mapping[str, int]) -> "Batch":
        """Return a batch. `index` are the catalog's actions with their positions."""
        to_catalog = np.array([index.get(action, -1) for action in decisions.side.actions], dtype=np.intp)
        starts = np.searchsorted(decisions.slots.decision, np.arange(len(decisions) + 1))
        columns: Mapping[str, Any] = decisions.more
        more = {name: columns[name].to_pylist() for name in COLUMNS}
        return cls(decisions, attributed, index, to_catalog, starts, more)

    def is_settled(self, decision: int) -> bool:
        """Tell whether everything that may come of a decision is known."""
        return bool(self.attributed.settled[self._slots(decision)].all())

    def side_rows(self, decision: int) -> Rows:
        """Return the candidates as positions in the action side."""
        rows: Rows = self.decisions.candidates.rows[self._candidates(decision)]
        return rows

    def served(self, decision: int) -> Served:
        """Return a decision.

        Raises:
            NotFoundAgainError: a candidate is not in the catalog any more.
        """
        decisions, part = self.decisions, self._candidates(decision)
        rows = self.to_catalog[self.side_rows(decision)]
        if (rows < 0).any():
            raise NotFoundAgainError("an action is not in the catalog any more")
        order = np.argsort(rows)
        candidates = decisions.candidates
        weight = candidates.lever[part].astype(np.float64) * candidates.context_weight[part]
        return Served(
            id=str(decisions.ids[decision]),
            person=str(decisions.persons[decision]),
            at_ms=int(decisions.times_ms[decision]),
            model=str(decisions.model_versions[decision]),
            channel=self.more["channel"][decision] or "",
            locale=self.more["locale"][decision] or "",
            asked=tuple(self._asked(decision)),
            allow_duplicates=bool(self.more["allow_duplicates"][decision]),
            rows=rows[order],
            propensity=candidates.propensity[part].astype(np.float64)[order],
            value=candidates.value[part].astype(np.float64)[order],
            weight=weight[order],
            pinned=candidates.pinned[part][order],
            unshowable=self._rows_of(self.more["unshowable"][decision]),
        )

    def order(self, decision: int) -> Rows:
        """Return in which order `served` has the candidates of the log."""
        return np.argsort(self.to_catalog[self.side_rows(decision)])

    def _asked(self, decision: int) -> Iterator[Asked]:
        slots = self.decisions.slots
        for asked in self.more["placements"][decision]:
            offered = [
                slot
                for slot in range(*self.starts[decision : decision + 2].tolist())
                if slots.placement[slot] == asked["id"]
            ]
            offers = tuple(self._offer(slot) for slot in sorted(offered, key=lambda slot: slots.rank[slot]))
            yield Asked(asked["id"], asked["limit"], self._rows_of(asked["excluded"]), offers)

    def _offer(self, slot: int) -> Offer:
        slots, found = self.decisions.slots, self.attributed
        return Offer(
            row=int(self.to_catalog[self.decisions.candidates.rows[slots.candidate[slot]]]),
            probability=float(slots.selection_probability[slot]),
            positive=bool(found.positive[slot]),
            shown=bool(found.shown[slot]),
            amount=float(found.reward[slot]),
        )

    def _rows_of(self, actions: Sequence[str] | None) -> frozenset[int]:
        return frozenset(self.index[action] for action in actions or () if action in self.index)

    def _candidates(self, decision: int) -> slice:
        return slice(*self.decisions.candidates.starts[decision : decision + 2].tolist())

    def _slots(self, decision: int) -> slice:
        return slice(*self.starts[decision : decision + 2].tolist())
