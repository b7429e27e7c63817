"""From a table of exported decisions to arrays."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from nextbest_models.action_side import ActionSide
from nextbest_models.affinity import AffinityCounters
from nextbest_models.logged.decisions import (
    Integers,
    LoggedCandidates,
    LoggedDataError,
    LoggedDecisions,
    LoggedSlots,
    Texts,
)

COLUMNS = (
    "decision_id",
    "decided_at",
    "customer",
    "model_version",
    "context",
    "features",
    "counters",
    "candidates",
    "propositions",
)
"""What is read of the table of decisions."""


def decisions_of(table: pa.Table, side: ActionSide, more: Sequence[str] = ()) -> LoggedDecisions:
    """Return rows of the table of decisions, all of one action side, as arrays.

    Raises:
        LoggedDataError: they do not belong to the action side.
    """
    counter_starts, counters = _ragged(table["counters"])
    candidates = _candidates(table["candidates"], side)
    return LoggedDecisions(
        side=side,
        ids=texts(table["decision_id"]),
        persons=texts(table["customer"]),
        model_versions=texts(table["model_version"]),
        times_ms=milliseconds(table["decided_at"]),
        contexts=_contexts(table["context"], side),
        vectors=_vectors(table["features"], side),
        counter_starts=counter_starts,
        counters=AffinityCounters(
            *(_numbers(counters.field(name)) for name in ("key", "count", "last_day", "total"))
        ),
        candidates=candidates,
        slots=_slots(table["propositions"], side, candidates),
        more={name: table[name].combine_chunks() for name in more},
    )


def texts(column: pa.Array) -> Texts:
    """Return a column of strings; what is missing is empty."""
    return np.array(pc.fill_null(column, "").to_pylist(), np.str_)


def milliseconds(column: pa.Array) -> Integers:
    """Return a column of times as Unix milliseconds."""
    times: Integers = _numbers(column.cast(pa.timestamp("ms", tz="UTC")).cast(pa.int64())).astype(np.int64)
    return times


def positions(column: pa.Array, names: Sequence[str] | Texts) -> Integers:
    """Return where each string of a column stands among some names, -1 where it does not."""
    found = pc.index_in(column, value_set=pa.array(names, pa.string()))
    places: Integers = _numbers(pc.fill_null(found, -1)).astype(np.int64)
    return places


def _candidates(column: pa.ChunkedArray, side: ActionSide) -> LoggedCandidates:
    starts, structs = _ragged(column)
    figures = {
        name: _numbers(structs.field(name))
        for name in ("propensity", "value", "lever", "context_weight", "pinned", "maturity")
    }
    return LoggedCandidates(starts, _rows(structs, side).astype(np.intp), **figures)


def _slots(column: pa.ChunkedArray, side: ActionSide, candidates: LoggedCandidates) -> LoggedSlots:
    starts, structs = _ragged(column)
    decision = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    actions = max(len(side.actions), 1)
    compared = np.repeat(np.arange(len(starts) - 1), np.diff(candidates.starts)) * actions + candidates.rows
    offered = decision * actions + _rows(structs, side)
    candidate = np.searchsorted(compared, offered)
    if not np.array_equal(np.append(compared, -1)[candidate], offered):
        raise LoggedDataError("the export is damaged: something was offered that was no candidate")
    return LoggedSlots(
        decision=decision,
        candidate=candidate.astype(np.int64),
        placement=texts(structs.field("placement")),
        rank=_numbers(structs.field("rank")).astype(np.int64),
        channel=texts(structs.field("channel")),
        selection=texts(structs.field("selection")),
        selection_probability=_numbers(structs.field("selection_probability")),
    )


def _rows(structs: pa.StructArray, side: ActionSide) -> Integers:
    rows = positions(structs.field("action"), side.actions)
    if (rows < 0).any():
        raise LoggedDataError("the export is damaged: a decision is about actions that its action side lacks")
    return rows


def _vectors(column: pa.ChunkedArray, side: ActionSide) -> NDArray[Any]:
    starts, entries = _ragged(column)
    names = side.spec.customer_names
    if (np.diff(starts) != len(names)).any() or tuple(entries.field(0)[: len(names)].to_pylist()) != names:
        raise LoggedDataError("the export is damaged: a decision has other features than its action side")
    return _numbers(entries.field(1)).reshape(-1, len(names))


def _contexts(column: pa.ChunkedArray, side: ActionSide) -> tuple[Mapping[str, float], ...]:
    if not side.assembler.context_columns:
        return ({},) * len(column)
    known: dict[str, Mapping[str, float]] = {}
    return tuple(
        known[text] if text in known else known.setdefault(text, _context_numbers(text))
        for text in column.to_pylist()
    )


def _context_numbers(text: str) -> Mapping[str, float]:
    """Return the numbers of a context: what features may read."""
    return {
        name: float(value)
        for name, value in json.loads(text).items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }


def _ragged(column: pa.ChunkedArray) -> tuple[Integers, pa.Array]:
    """Return where each row's entries begin, int64 [rows + 1], and all entries end to end."""
    lists = column.combine_chunks()
    if isinstance(lists, pa.ChunkedArray):  # a table without rows has no chunk
        lists = pa.array([], column.type)
    offsets = lists.offsets.to_numpy().astype(np.int64)
    return offsets - offsets[0], lists.values.slice(offsets[0], offsets[-1] - offsets[0])


def _numbers(column: pa.Array) -> NDArray[Any]:
    chunked = isinstance(column, pa.ChunkedArray)
    return np.ascontiguousarray(column.to_numpy() if chunked else column.to_numpy(zero_copy_only=False))
