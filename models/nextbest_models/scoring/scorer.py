"""The exact scorer: a model compiled once, and then against the actions of a catalog."""

from dataclasses import dataclass

import numpy as np

from nextbest_models.scoring.intervals import MAX_RUN_BYTES, Tables, Words
from nextbest_models.scoring.kernels import Floats, Positions, keep_each, score
from nextbest_models.scoring.trees import Forest


@dataclass(frozen=True, slots=True)
class Roles:
    """Which columns are the same for a whole request, which belong to an action, and which to a pair of both."""

    request: Positions
    action: Positions
    pair: Positions


@dataclass(frozen=True, slots=True)
class ActionScorer:
    """A model and the actions of one catalog: what they keep of every tree, computed once."""

    forest: Forest
    tables: Tables
    roles: Roles
    words: Words
    pair_defaults: Words

    def raw_scores(self, request: Floats, rows: Positions, hits: Positions, pairs: Floats) -> Floats:
        """Return the raw scores of candidates, float64 [candidates, outputs].

        request: values of `roles.request`. rows: the candidates' actions. hits: places in `rows`, ascending, of those
        that have values of pairs; pairs: their values of `roles.pair`, float64 [pair columns, hits].
        """
        scores: Floats = score(
            self.tables,
            self.forest.leaves,
            self.forest.outputs,
            self.roles.request,
            request,
            self.words,
            rows,
            self.roles.pair,
            self.pair_defaults,
            hits,
            pairs,
        )
        return scores


@dataclass(frozen=True, slots=True)
class ExactScorer:
    """A model's trees, compiled."""

    forest: Forest
    tables: Tables

    @classmethod
    def compile(cls, text: str, run_bytes: int = MAX_RUN_BYTES) -> "ExactScorer":
        """Compile the text of a model.

        Raises:
            UnsupportedModelError: with the reason why this model cannot be taken.
        """
        forest = Forest.parse(text)
        return cls(forest, Tables.of(forest, run_bytes))

    def for_actions(self, roles: Roles, actions: Floats, pair_defaults: Floats) -> ActionScorer:
        """Compile what a catalog fixes.

        actions: float64 [actions, action columns]. pair_defaults: values of a pair's columns where there is nothing.
        """
        return ActionScorer(
            forest=self.forest,
            tables=self.tables,
            roles=roles,
            words=self._words(roles.action, actions),
            pair_defaults=self._words(roles.pair, pair_defaults[np.newaxis])[0],
        )

    def raw_scores(self, matrix: Floats) -> Floats:
        """Return the raw scores of whole rows, float64 [rows, outputs], as `Booster.predict(raw_score=True)` does."""
        nothing = np.empty(0, dtype=np.intp)
        roles = Roles(request=nothing, action=np.arange(self.forest.columns), pair=nothing)
        own = self.for_actions(roles, matrix, np.empty(0))
        rows = np.arange(len(matrix))
        return own.raw_scores(np.empty(0), rows, nothing, np.empty((0, 0)))

    def _words(self, columns: Positions, values: Floats) -> Words:
        width = self.tables.table.shape[1]
        words = np.full((len(values), width), np.iinfo(self.tables.table.dtype).max, self.tables.table.dtype)
        keep_each(self.tables, columns, np.ascontiguousarray(values.T), words)
        return words
