"""From a customer and candidates to calibrated propensities in one compiled call."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nextbest_models.calibration import Codes
from nextbest_models.pairs import Floats, Integers, Positions
from nextbest_models.scoring.arena import (
    Arena,
    float_rows,
    floats,
    integer_rows,
    integers,
    short_integers,
    word_rows,
    words,
)
from nextbest_models.scoring.compiling import compiled
from nextbest_models.scoring.curves import Curves, calibrate
from nextbest_models.scoring.kernels import ActionSide, CompiledModel, Tables, Words, scored
from nextbest_models.scoring.links import LogisticLink
from nextbest_models.scoring.pairing import PairTables, pair_values

# What stands at which place of the arena. Numba would compile what takes them anew for each plain number.
_PLACES = np.arange(28)
_COLUMNS, _THRESHOLDS, _FENCES, _TREES, _KEEPS, _TABLE, _CATEGORY_ROWS, _LEAVES = _PLACES[:8]
_WORDS, _REQUEST_COLUMNS, _PAIR_COLUMNS, _PAIR_BOUNDS, _PAIR_DEFAULTS = _PLACES[8:13]
_STARTS, _HOLDERS, _BOUNDS, _RECIPES, _UNITS, _YARDSTICKS = _PLACES[13:19]
_CURVES, _KNOTS, _VALUES, _LIMITS, _CODES, _DEFAULTS, _CONTEXT, _LINK, _SIZES = _PLACES[19:]


class Sharing(NamedTuple):
    """The values that all candidates of a request share.

    defaults: float64, where nothing is known: the customer's vector first. context: the places of those that
    come with the request.
    """

    defaults: Floats
    context: Positions


class CompiledCandidates(NamedTuple):
    """A model against the actions of one catalog, as the kernel takes it."""

    arena: Arena

    @classmethod
    def of(
        cls,
        model: CompiledModel,
        side: ActionSide,
        pairs: PairTables,
        link: LogisticLink,
        curves: Curves,
        codes: Codes,
        sharing: Sharing,
    ) -> "CompiledCandidates":
        """Put everything that no request changes into one arena; codes are the curves' ones, per action."""
        arrays: list[NDArray[Any]] = [
            *model.tables[:-1],
            model.leaves,
            *side,
            *pairs,
            *curves,
            codes.astype(np.int64),
            *sharing,
            np.array([link.scale, link.divisor]),
            np.array([model.tables.shift, model.outputs], dtype=np.int64),
        ]
        return cls(Arena.of(arrays, model.tables.table.dtype))

    def propensities(
        self,
        vector: NDArray[np.float32],
        context: Floats,
        rows: Positions,
        counters: Integers,
        today: int,
    ) -> tuple[Floats, bool]:
        """Return the propensities of candidates, float64 [rows], and whether all scores were probabilities.

        vector: the customer's. context: one value per place of `Sharing.context`. rows: the candidates'
        actions. counters: see `AffinityCounters.table`. today: in days since 1970-01-01 UTC. All arrays have
        to be contiguous and writable, because numba would compile anew for others.
        """
        out = np.empty(len(rows))
        sound: bool = propensities(*self.arena, vector, context, rows, counters, today, out)
        return out, sound


@compiled
def propensities(
    content: Words,
    places: Integers,
    vector: NDArray[np.float32],
    context: Floats,
    rows: Positions,
    counters: Integers,
    today: int,
    out: Floats,
) -> bool:
    """Do the work of `CompiledCandidates.propensities` over an arena, for other kernels too."""
    model, side, pairs, curves = (
        _model(content, places),
        _side(content, places),
        _pairs(content, places),
        Curves(
            integers(content, places, _CURVES),
            floats(content, places, _KNOTS),
            floats(content, places, _VALUES),
            floats(content, places, _LIMITS),
        ),
    )
    request, own = floats(content, places, _DEFAULTS).copy(), integers(content, places, _CONTEXT)
    request[: len(vector)] = vector
    for place in range(len(own)):
        request[own[place]] = context[place]
    hits, touched, values = pair_values(pairs, counters, rows, today)
    raw = scored(model, side, request, rows, hits, touched, values).reshape(-1)
    link = floats(content, places, _LINK)
    sound: bool = calibrate(curves, raw, link[0], link[1], integers(content, places, _CODES), rows, out)
    return sound


@compiled
def _model(content: Words, places: Integers) -> CompiledModel:
    sizes = integers(content, places, _SIZES)
    tables = Tables(
        integer_rows(content, places, _COLUMNS),
        float_rows(content, places, _THRESHOLDS),
        floats(content, places, _FENCES),
        short_integers(content, places, _TREES),
        words(content, places, _KEEPS),
        word_rows(content, places, _TABLE),
        short_integers(content, places, _CATEGORY_ROWS),
        sizes[0],
    )
    return CompiledModel(tables, float_rows(content, places, _LEAVES), sizes[1])


@compiled
def _side(content: Words, places: Integers) -> ActionSide:
    return ActionSide(
        word_rows(content, places, _WORDS),
        integers(content, places, _REQUEST_COLUMNS),
        integers(content, places, _PAIR_COLUMNS),
        integers(content, places, _PAIR_BOUNDS),
        word_rows(content, places, _PAIR_DEFAULTS),
    )


@compiled
def _pairs(content: Words, places: Integers) -> PairTables:
    return PairTables(
        integer_rows(content, places, _STARTS),
        integers(content, places, _HOLDERS),
        integers(content, places, _BOUNDS),
        integer_rows(content, places, _RECIPES),
        floats(content, places, _UNITS),
        float_rows(content, places, _YARDSTICKS),
    )
