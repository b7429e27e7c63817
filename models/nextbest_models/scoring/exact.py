"""The exact way from a customer and candidates to propensities."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from nextbest_models.assembly import CandidateAssembler
from nextbest_models.definitions import DAY_MS, Source
from nextbest_models.pairs import Floats, Positions
from nextbest_models.scoring.links import LogisticLink
from nextbest_models.scoring.pairing import PairTables
from nextbest_models.scoring.scorer import ActionScorer, ExactScorer, Roles
from nextbest_models.state import CustomerFeatures


@dataclass(frozen=True, slots=True)
class ExactModel:
    """A model that gives probabilities, compiled."""

    scorer: ExactScorer
    link: LogisticLink

    @classmethod
    def compile(cls, text: str) -> "ExactModel":
        """Compile the text of a model.

        Raises:
            UnsupportedModelError: with the reason why this model cannot be taken.
        """
        scorer = ExactScorer.compile(text)
        return cls(scorer, LogisticLink.of(scorer.forest))

    def propensities(self, matrix: Floats) -> Floats:
        """Return the probability of each whole row, float64 [rows]."""
        return self.link.propensities(self.scorer.raw_scores(matrix)[:, 0])


@dataclass(frozen=True, slots=True)
class ExactCandidates:
    """A model against the actions of one catalog; see `CandidateRanker`.

    request: float64, the values that candidates share, where nothing is known: the customer's vector first;
    `context` are the places of the context in it, by name.
    """

    actions: ActionScorer
    link: LogisticLink
    pairs: PairTables
    request: Floats
    context: Mapping[str, int]

    @classmethod
    def of(cls, model: ExactModel, assembler: CandidateAssembler) -> "ExactCandidates":
        """Compile the actions of an assembler, and every kernel that a request will run."""
        spec = assembler.spec
        columns = np.concatenate([assembler.customer_columns, spec.positions(Source.CONTEXT)])
        paired = tuple(
            np.array([it.column for it in family.columns], dtype=np.intp) for family in assembler.families
        )
        roles = Roles(columns, spec.positions(Source.ACTION), paired)
        place_of = {int(column): place for place, column in enumerate(columns)}
        candidates = cls(
            actions=model.scorer.for_actions(
                roles, assembler.base[:, roles.action], spec.defaults[np.concatenate([columns[:0], *paired])]
            ),
            link=model.link,
            pairs=PairTables.of(assembler.families, len(assembler.base)),
            request=spec.defaults[columns],
            context={name: place_of[column] for name, column in assembler.context_columns.items()},
        )
        candidates.propensities(CustomerFeatures.unknown(spec, 0), {}, np.empty(0, dtype=np.intp), 0)
        return candidates

    def propensities(
        self, customer: CustomerFeatures, context: Mapping[str, float], rows: Positions, now_ms: int
    ) -> Floats:
        """Return the probability of each candidate, float64 [len(rows)]."""
        return self.link.propensities(self.raw_scores(customer, context, rows, now_ms))

    def raw_scores(
        self, customer: CustomerFeatures, context: Mapping[str, float], rows: Positions, now_ms: int
    ) -> Floats:
        """Return the raw score of each candidate, float64 [len(rows)]."""
        request = self.request.copy()
        request[: len(customer.vector)] = customer.vector
        for name, place in self.context.items():
            if name in context:
                request[place] = context[name]
        # A copy is contiguous and writable, the one type that the kernels were compiled for.
        own_rows = np.array(rows, dtype=np.intp)
        hits, touched, pairs = self.pairs.values(customer.counters, own_rows, now_ms // DAY_MS)
        return self.actions.raw_scores(request, own_rows, hits, touched, pairs).reshape(-1)
