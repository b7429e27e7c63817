"""The exact scorer: a model compiled once, and then against the actions of a catalog."""

from dataclasses import dataclass

import numpy as np

from nextbest_models.pairs import Floats, Positions
from nextbest_models.scoring.intervals import MAX_RUN_BYTES, tables_of
from nextbest_models.scoring.kernels import ActionSide, CompiledModel, Plain, Words, keep_each, plain, score
from nextbest_models.scoring.trees import Forest


@dataclass(frozen=True, slots=True)
class Roles:
    """Which columns a whole request shares, which belong to an action, and which to a pair of both."""

    request: Positions
    action: Positions
    pair: Positions


@dataclass(frozen=True, slots=True)
class ActionScorer:
    """A model and the actions of one catalog: what they keep of every tree, computed once."""

    plain_model: Plain
    plain_side: Plain

    def raw_scores(self, request: Floats, rows: Positions, hits: Positions, pairs: Floats) -> Floats:
        """Return the raw scores of candidates, float64 [candidates, outputs].

        request: the values of `Roles.request`. rows: the candidates' actions. hits: the places in `rows`,
        ascending, of those that have values of pairs; pairs: their values of `Roles.pair`, float64 [pair
        columns, hits]. All arrays have to be contiguous and writable, because numba would compile anew for
        others.
        """
        scores: Floats = score(self.plain_model, self.plain_side, request, rows, hits, pairs)
        return scores


@dataclass(frozen=True, slots=True)
class ExactScorer:
    """A model's trees, compiled."""

    forest: Forest
    model: CompiledModel

    @classmethod
    def compile(cls, text: str, run_bytes: int = MAX_RUN_BYTES) -> "ExactScorer":
        """Compile the text of a model.

        Raises:
            UnsupportedModelError: with the reason why this model cannot be taken.
        """
        forest = Forest.parse(text)
        return cls(forest, CompiledModel(tables_of(forest, run_bytes), forest.leaves, forest.outputs))

    def for_actions(self, roles: Roles, actions: Floats, pair_defaults: Floats) -> ActionScorer:
        """Compile what a catalog fixes.

        actions: float64 [actions, action columns]. pair_defaults: values of a pair's columns where there is
        nothing.
        """
        side = ActionSide(
            words=self._words(roles.action, actions),
            request_columns=roles.request,
            pair_columns=roles.pair,
            pair_defaults=self._words(roles.pair, pair_defaults[np.newaxis])[0],
        )
        return ActionScorer(plain(self.model), plain(side))

    def raw_scores(self, matrix: Floats) -> Floats:
        """Return the raw scores of whole rows, float64 [rows, outputs]: those of `Booster.predict`."""
        nothing = np.empty(0, dtype=np.intp)
        roles = Roles(request=nothing, action=np.arange(self.forest.columns), pair=nothing)
        own = self.for_actions(roles, matrix, np.empty(0))
        return own.raw_scores(np.empty(0), np.arange(len(matrix)), nothing, np.empty((0, 0)))

    def _words(self, columns: Positions, values: Floats) -> Words:
        keeps_all = self.model.tables.table[0]
        words = np.tile(keeps_all, (len(values), 1))
        keep_each(self.model.tables, columns, np.ascontiguousarray(values.T), words)
        return words
