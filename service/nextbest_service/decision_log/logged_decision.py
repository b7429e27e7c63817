"""Reads the record of a decision back, with the names that its legend has for the numbers."""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgpack
import numpy as np
from numpy.typing import NDArray

from nextbest_models.affinity import AffinityCounters
from nextbest_rules.assignment import CHAMPION
from nextbest_service.decision_log.counters import read_counters
from nextbest_service.decision_log.decisions import COLUMNS, SELECTIONS
from nextbest_service.decision_log.entries import Entry, LogFormatError, completed, unsealed
from nextbest_service.decision_log.legend import Floats, Legend
from nextbest_service.decisions.factors import Rows
from nextbest_service.store.keys import Ref

LEGEND_ID_BYTES = 8
_OLDEST_FIELDS = 11
_LATER_FIELDS: Sequence[object] = (None, ({}, CHAMPION, (), b""))
_UTC_DATETIMES = 3


@dataclass(frozen=True, slots=True)
class LoggedPlacement:
    """A placement that was asked for, and the rows of what was offered in it, best first."""

    placement: str
    limit: int
    excluded: tuple[str, ...]
    offered: tuple["Offered", ...]


@dataclass(frozen=True, slots=True)
class Offered:
    """An action that was offered. `send_at_ms` None is now."""

    action: str
    rank: int
    selection: str
    channel: str
    treatment: str
    selection_probability: float
    send_at_ms: int | None


@dataclass(frozen=True, slots=True)
class Competition:
    """Everything that passed the rules: its rows in the catalog, ascending, and its figures, all float32.

    `maturity` is what each propensity rests on (see `ladder.Maturity`), 0 in records of earlier versions.
    """

    rows: Rows
    propensity: Floats
    value: Floats
    lever: Floats
    context_weight: Floats
    pinned: NDArray[np.bool_]
    maturity: NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class LoggedShadow:
    """What a ranker that only looked on gave to the candidates: float32, in the order of the competition."""

    ranker: str
    model_version: str
    propensity: Floats


@dataclass(frozen=True, slots=True)
class Stopped:
    """The rows of the actions that a stage was the first to leave out on a channel."""

    channel: str
    stage: str
    rows: Rows


@dataclass(frozen=True, slots=True)
class LoggedDecision:
    """A decision with everything that it rested on. Rows are over `legend.actions`.

    `facts` None means that they could not be read. `records` are by kind: how many there were, and the first
    of them. `only` are the actions that the caller limited the question to, None where it did not. `counters`
    are those of the keys that candidates have, None in records of earlier versions. `arms` are the customer's
    by holdout and experiment, `person` is the same for all names of one who is in any, and `ranker` is the
    name of what ranked.
    """

    id: str
    decided_at_ms: int
    customer: Ref
    legend: Legend
    request_id: str
    channel: str
    brand: str
    goal: str
    locale: str
    context: Mapping[str, object]
    only: tuple[str, ...] | None
    placements: tuple[LoggedPlacement, ...]
    allow_duplicates: bool
    known: bool
    features: Mapping[str, float]
    facts: Mapping[str, object] | None
    records: Mapping[str, tuple[int, Sequence[Mapping[str, object]]]]
    unreadable: tuple[str, ...]
    volumes: Mapping[str, int]
    killed: tuple[str, ...]
    competition: Competition
    stopped: tuple[Stopped, ...]
    unvalued: tuple[str, ...]
    unshowable: tuple[str, ...]
    selection_type: str
    degraded: tuple[str, ...]
    stale_features: tuple[str, ...]
    counters: AffinityCounters | None
    arms: Mapping[str, str]
    person: Ref
    ranker: str
    shadows: tuple[LoggedShadow, ...]

    @property
    def model_version(self) -> str:
        """The version of the model that ranked; empty where none did."""
        return self.legend.rankers.get(self.ranker, self.legend.versions.model)


def legend_of(entry: Entry) -> bytes:
    """Return the id of the legend that the record of a decision needs.

    Raises:
        LogFormatError: the entry is damaged.
    """
    return unsealed(entry.body)[:LEGEND_ID_BYTES]


def read_decision(entry: Entry, legend: Legend) -> LoggedDecision:
    """Return the decision that an entry holds.

    Raises:
        LogFormatError: the entry is damaged, or written by a version that knows more than this one.
    """
    content = _unpacked(entry, legend)
    at_ms, question, inputs, world, competition, placed, stopped, failed, ranked, *rest = content
    degraded, stale, scored, (arms, ranker, shadows, person) = rest
    request_id, channel, brand, goal, locale, context, only, placements, duplicates = question
    known, vector, facts, records, unreadable, defaulted = inputs
    return LoggedDecision(
        id=entry.id.hex(),
        decided_at_ms=at_ms,
        customer=entry.customer,
        legend=legend,
        request_id=request_id,
        channel=channel,
        brand=brand,
        goal=goal,
        locale=locale,
        context=context,
        only=None if only is None else _actions(only, legend),
        placements=tuple(
            LoggedPlacement(placement, limit, _actions(excluded, legend), _offered(offers, legend))
            for (placement, limit, excluded), offers in zip(placements, placed, strict=True)
        ),
        allow_duplicates=duplicates,
        known=known,
        features=dict(zip(legend.features, np.frombuffer(vector, "<f4").tolist(), strict=True)),
        facts=facts,
        records={name: (count, _rows(name, rows)) for name, (count, rows) in records.items()},
        unreadable=tuple(unreadable),
        volumes=world[0],
        killed=tuple(world[1]),
        competition=_competition(competition, scored, legend, brand, goal),
        stopped=tuple(
            Stopped(channel, stage, _rows_of(mask, len(legend.actions)))
            for channel, masks in stopped
            for stage, mask in zip(legend.stages, masks, strict=False)  # it ended once nothing was left
            if mask
        ),
        unvalued=_actions(failed[0], legend),
        unshowable=_actions(failed[1], legend),
        selection_type=SELECTIONS[ranked].value,
        degraded=tuple(degraded),
        stale_features=tuple(sorted({*stale, *defaulted})),
        counters=None if scored is None else read_counters(scored[0]),
        arms=arms,
        person=person or entry.customer,
        ranker=ranker,
        shadows=tuple(
            LoggedShadow(name, legend.rankers.get(name, ""), np.frombuffer(own, "<f4"))
            for name, own in shadows
        ),
    )


def _unpacked(entry: Entry, legend: Legend) -> Sequence[Any]:
    inflate = zlib.decompressobj(-15, zdict=legend.words)
    try:
        packed = inflate.decompress(unsealed(entry.body)[LEGEND_ID_BYTES:]) + inflate.flush()
        content: Sequence[Any] = msgpack.unpackb(packed, timestamp=_UTC_DATETIMES)
    except (zlib.error, ValueError, TypeError, msgpack.UnpackException) as error:
        raise LogFormatError("the record of a decision cannot be read") from error
    if not isinstance(content, list) or len(content) < _OLDEST_FIELDS:
        raise LogFormatError("the record of a decision has an unknown form")
    return completed(content, _OLDEST_FIELDS, _LATER_FIELDS)


def _offered(offers: Sequence[Sequence[Any]], legend: Legend) -> tuple[Offered, ...]:
    return tuple(
        Offered(legend.actions[row], rank, SELECTIONS[selection].value, *rest)
        for rank, (row, selection, *rest) in enumerate(offers, start=1)
    )


def _competition(
    content: Sequence[Any], scored: Sequence[bytes] | None, legend: Legend, brand: str, goal: str
) -> Competition:
    mask, propensity, values, levers, weights, pinned = content
    rows = _rows_of(mask, len(legend.actions))
    return Competition(
        rows=rows,
        propensity=np.frombuffer(propensity, "<f4"),
        value=_with(legend.values[rows], values),
        lever=_with(legend.levers[brand, goal][rows], levers),
        context_weight=_with(np.ones(len(rows), dtype=np.float32), weights),
        pinned=_flags(pinned, len(rows)),
        maturity=_maturity(b"\0" if scored is None else scored[1], len(rows)),
    )


def _maturity(content: bytes, size: int) -> NDArray[np.int8]:
    """Return the maturity of each candidate; a single one stands for all."""
    found = np.frombuffer(content, np.int8)
    return np.repeat(found, size) if len(found) == 1 else found


def _with(declared: Floats, differences: Sequence[bytes]) -> Floats:
    if not differences:
        return declared
    flags, own = differences
    figures = declared.copy()
    figures[_flags(flags, len(declared))] = np.frombuffer(own, "<f4")
    return figures


def _rows(name: str, rows: Sequence[Sequence[object]]) -> Sequence[Mapping[str, object]]:
    return [dict(zip(COLUMNS[name], row, strict=False)) for row in rows]


def _actions(mask: bytes, legend: Legend) -> tuple[str, ...]:
    return tuple(legend.actions[row] for row in _rows_of(mask, len(legend.actions)).tolist())


def _rows_of(mask: bytes, size: int) -> Rows:
    return np.flatnonzero(_flags(mask, size))


def _flags(mask: bytes, size: int) -> NDArray[np.bool_]:
    padded = mask.ljust((size + 7) // 8, b"\0")
    return np.unpackbits(np.frombuffer(padded, np.uint8), count=size, bitorder="little").view(np.bool_)
