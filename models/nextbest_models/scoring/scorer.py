"""The exact scorer: a model compiled once, and then against the actions of a catalog."""

from dataclasses import dataclass

import numpy as np

from nextbest_models.pairs import Floats, Positions
from nextbest_models.scoring.intervals import MAX_RUN_BYTES, tables_of
from nextbest_models.scoring.kernels import (
    ActionSide,
    CompiledModel,
    Flags,
    Plain,
    Words,
    keep_each,
    plain,
    score,
)
from nextbest_models.scoring.trees import Forest

_NOTHING = np.empty(0, dtype=np.intp)


@dataclass(frozen=True, slots=True)
class Roles:
    """Which columns a whole request shares, which belong to an action, and which to a pair of both.

    Those of pairs come in families; a pair has values of all columns of a family, or of none.
    """

    request: Positions
    action: Positions
    pair: tuple[Positions, ...]


@dataclass(frozen=True, slots=True)
class ActionScorer:
    """A model and the actions of one catalog: what they keep of every tree, computed once."""

    plain_model: Plain
    plain_side: Plain

    def raw_scores(
        self, request: Floats, rows: Positions, hits: Positions, touched: Flags, pairs: Floats
    ) -> Floats:
        """Return the raw scores of candidates, float64 [candidates, outputs].

        request: the values of `Roles.request`. rows: the candidates' actions. hits: the places in `rows`,
        ascending, of those that have values of pairs; touched: of which families, bool [families, hits];
        pairs: their values of `Roles.pair`, float64 [pair columns, hits], where the family is touched. All
        arrays have to be contiguous and writable, because numba would compile anew for others.
        """
        scores: Floats = score(self.plain_model, self.plain_side, request, rows, hits, touched, pairs)
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
        """Compile what a catalog fixes into a scorer; see `side`."""
        return ActionScorer(plain(self.model), plain(self.side(roles, actions, pair_defaults)))

    def side(self, roles: Roles, actions: Floats, pair_defaults: Floats) -> ActionSide:
        """Compile what a catalog fixes.

        actions: float64 [actions, action columns]. pair_defaults: values of a pair's columns where there is
        nothing.
        """
        bounds = np.cumsum([0, *(len(family) for family in roles.pair)]).astype(np.intp)
        return ActionSide(
            words=self._words(roles.action, actions),
            request_columns=roles.request,
            pair_columns=np.concatenate([_NOTHING, *roles.pair]),
            pair_bounds=bounds,
            pair_defaults=np.concatenate(
                [self.model.tables.table[:0]]
                + [
                    self._words(family, pair_defaults[np.newaxis, begin : begin + len(family)])
                    for family, begin in zip(roles.pair, bounds.tolist(), strict=False)
                ]
            ),
        )

    def raw_scores(self, matrix: Floats) -> Floats:
        """Return the raw scores of whole rows, float64 [rows, outputs]: those of `Booster.predict`."""
        roles = Roles(request=_NOTHING, action=np.arange(self.forest.columns), pair=())
        own = self.for_actions(roles, matrix, np.empty(0))
        untouched, no_pairs = np.empty((0, 0), dtype=np.bool_), np.empty((0, 0))
        return own.raw_scores(np.empty(0), np.arange(len(matrix)), _NOTHING.copy(), untouched, no_pairs)

    def _words(self, columns: Positions, values: Floats) -> Words:
        keeps_all = self.model.tables.table[0]
        words, places = np.tile(keeps_all, (len(values), 1)), np.arange(len(values))
        keep_each(self.model.tables, columns, np.ascontiguousarray(values.T), words, places)
        return words
