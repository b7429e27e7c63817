"""The exact way from a customer and candidates to propensities."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nextbest_models.assembly import CandidateAssembler
from nextbest_models.calibration import Codes
from nextbest_models.definitions import DAY_MS, Source
from nextbest_models.pairs import Floats, Positions
from nextbest_models.scoring.candidates import CompiledCandidates, Sharing
from nextbest_models.scoring.curves import Curves
from nextbest_models.scoring.links import LogisticLink
from nextbest_models.scoring.pairing import PairTables
from nextbest_models.scoring.scorer import ExactScorer, Roles
from nextbest_models.state import CustomerFeatures

_NO_CONTEXT = np.empty(0)


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

    `context` are the features that come with a request, by name, with their defaults, in the order in which
    the kernel takes them.
    """

    compiled: CompiledCandidates
    context: Mapping[str, float]

    @classmethod
    def of(
        cls, model: ExactModel, assembler: CandidateAssembler, curves: Curves, codes: Codes
    ) -> "ExactCandidates":
        """Compile the actions of an assembler, and every kernel that a request will run.

        codes: those of the curves, int8 [actions].
        """
        spec = assembler.spec
        columns = np.concatenate([assembler.customer_columns, spec.positions(Source.CONTEXT)])
        paired = tuple(
            np.array([it.column for it in family.columns], dtype=np.intp) for family in assembler.families
        )
        roles = Roles(columns, spec.positions(Source.ACTION), paired)
        place_of = {int(column): place for place, column in enumerate(columns)}
        context = {name: place_of[column] for name, column in assembler.context_columns.items()}
        defaults = spec.defaults[columns]
        side = model.scorer.side(
            roles, assembler.base[:, roles.action], spec.defaults[np.concatenate([columns[:0], *paired])]
        )
        candidates = cls(
            CompiledCandidates.of(
                model.scorer.model,
                side,
                PairTables.of(assembler.families, len(assembler.base)),
                model.link,
                curves,
                codes,
                Sharing(defaults, np.array(list(context.values()), dtype=np.intp)),
            ),
            {name: float(defaults[place]) for name, place in context.items()},
        )
        candidates.propensities(CustomerFeatures.unknown(spec, 0), {}, np.empty(0, dtype=np.intp), 0)
        return candidates

    def propensities(
        self, customer: CustomerFeatures, context: Mapping[str, float], rows: Positions, now_ms: int
    ) -> tuple[Floats, bool]:
        """Return the propensity of each candidate, float64 [len(rows)], and whether the model is sound.

        It is not if any of its scores is no probability.
        """
        # A copy is contiguous and writable, the one type that the kernel was compiled for.
        own_rows = np.array(rows, dtype=np.intp)
        vector, values = self.shared(customer, context)
        return self.compiled.propensities(vector, values, own_rows, customer.counters.table, now_ms // DAY_MS)

    def shared(
        self, customer: CustomerFeatures, context: Mapping[str, float]
    ) -> tuple[NDArray[np.float32], Floats]:
        """Return what all candidates share, for the kernel: the customer's vector, and the context."""
        vector = customer.vector
        if not vector.flags.writeable:
            vector = vector.copy()  # of the one type that the kernel was compiled for
        if not self.context:
            return vector, _NO_CONTEXT
        values = [context.get(name, default) for name, default in self.context.items()]
        return vector, np.array(values, dtype=np.float64)
