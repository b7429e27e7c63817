"""The rankers of a generation: the champion, none at all, and others that arms of experiments choose."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import structlog

from nextbest_models.assembly import CandidateAssembler
from nextbest_models.calibration import Codes
from nextbest_models.definitions import DAY_MS
from nextbest_models.ranker import CandidateRanker, ModelError, Ranker
from nextbest_models.state import CustomerFeatures
from nextbest_rules import Action
from nextbest_rules.assignment import CHAMPION, STATIC
from nextbest_service.decisions.bitmask import rows_of
from nextbest_service.decisions.factors import Factors, Flags, Floats, Maturities, Rows, Weights
from nextbest_service.decisions.standing import Standing

if TYPE_CHECKING:
    from nextbest_models.scoring.exact import ExactCandidates
    from nextbest_service.decisions.weighing import Ranked

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Ranking:
    """One ranker against the actions of a catalog, and what to expect of those that it does not know.

    `ranker` is None where no model ranks.
    """

    name: str
    ranker: Ranker | None
    candidates: CandidateRanker | None
    standing: Standing
    _in_one: "_InOne | None"

    @classmethod
    def of(
        cls, name: str, ranker: Ranker | None, assembler: CandidateAssembler, actions: Sequence[Action]
    ) -> "Ranking":
        """Bring a ranker and the actions together; everything that no request changes is computed here."""
        candidates = ranker.over(assembler, _types(ranker, actions)) if ranker else None
        standing = Standing.of(actions, ranker)
        exact = candidates.exact if candidates and standing.all_mature else None
        in_one = (
            None if exact is None else _InOne.of(exact, CustomerFeatures.unknown(assembler.spec, 0), standing)
        )
        return cls(name, ranker, candidates, standing, in_one)

    @property
    def version(self) -> str:
        """The version of the model; empty where there is none."""
        return self.ranker.version if self.ranker else ""

    def factors(
        self,
        customer: CustomerFeatures,
        context: Mapping[str, float],
        candidates: int,
        weights: Weights,
        now_ms: int,
    ) -> tuple[Factors, bool]:
        """Return the factors of all candidates (a mask over the catalog), and whether the model failed.

        The strengths among the weights are those of this ranking.
        """
        if self._in_one is not None:
            found = self._in_one.ranked(customer, context, candidates, weights, now_ms)
            if found.sound:
                pinned = weights.pinned[found.rows] if len(weights.pinned) else _none(len(found.rows))
                maturity = self.standing.all_by_model(len(found.rows))
                return Factors(found.rows, found.figures, pinned, maturity, found.leaders), False
        rows = rows_of(candidates, len(weights.value))
        propensity, maturity, failed = self.propensities(customer, context, rows, now_ms)
        pinned = weights.pinned[rows] if len(weights.pinned) else _none(len(rows))
        value, context_weight, lever, strength = (it[rows] for it in weights[:4])
        factors = Factors.of(rows, propensity, value, context_weight, lever, pinned, maturity, strength)
        return factors, failed

    def propensities(
        self, customer: CustomerFeatures, context: Mapping[str, float], rows: Rows, now_ms: int
    ) -> tuple[Floats, Maturities, bool]:
        """Return P of some actions, what it rests on, and whether the model failed.

        The model ranks those that it knows. Where it fails, or there is none, all are expected to do as their
        like did.
        """
        if self.candidates is None:
            return *self.standing.without_model(rows), False
        known = self.standing.mature[rows]
        count = np.count_nonzero(known)
        if not count:
            return *self.standing.without_model(rows), False
        ranked = rows if count == len(rows) else rows[known]
        try:
            scores = self.candidates.propensities(customer, context, ranked, now_ms)
        except ModelError as error:
            log.error("ranking_failed", ranker=self.name, error=str(error))
            return *self.standing.without_model(rows), True
        if count == len(rows):
            return scores, self.standing.all_by_model(len(rows)), False
        return *self.standing.with_model(rows, known, scores), False


class _InOne(NamedTuple):
    """A compiled model that ranks every action of the catalog: all is done in one call."""

    exact: "ExactCandidates"
    rank: "Callable[..., Ranked]"

    @classmethod
    def of(cls, exact: "ExactCandidates", anybody: CustomerFeatures, standing: Standing) -> "_InOne":
        """Import and compile the call, which is slow."""
        from nextbest_service.decisions.weighing import ranked  # noqa: PLC0415

        found, strength = cls(exact, ranked), standing.expected.strength
        ones = np.ones(len(strength))
        found.ranked(anybody, {}, 0, Weights(ones, ones, ones, strength, np.empty(0, np.bool_)), 0)
        return found

    def ranked(
        self,
        customer: CustomerFeatures,
        context: Mapping[str, float],
        candidates: int,
        weights: Weights,
        now_ms: int,
    ) -> "Ranked":
        """Score and weigh all actions of a mask."""
        shared, today = self.exact.shared(customer, context), now_ms // DAY_MS
        return self.rank(
            self.exact.compiled.arena, shared, customer.counters.table, today, candidates, weights
        )


def rankings_of(
    rankers: Mapping[str, Ranker], assembler: CandidateAssembler, actions: Sequence[Action]
) -> Mapping[str, Ranking]:
    """Return the rankings by name; the champion, with or without a model, and `static` are always there."""
    named: dict[str, Ranker | None] = {CHAMPION: None, **rankers, STATIC: None}
    return {name: Ranking.of(name, ranker, assembler, actions) for name, ranker in named.items()}


def _none(count: int) -> Flags:
    return np.zeros(count, np.bool_)


def _types(ranker: Ranker, actions: Sequence[Action]) -> Codes:
    return ranker.calibration.codes([action.type.value for action in actions])
