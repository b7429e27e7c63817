"""Reads the record of a decision back, with the names that its legend has for the numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nextbest_models.affinity import AffinityCounters
from nextbest_service.decision_log.compression import MARK, decompressed
from nextbest_service.decision_log.contact_rows import contact_rows
from nextbest_service.decision_log.decisions import COLUMNS, SELECTIONS
from nextbest_service.decision_log.earlier import FIELDS, FIGURES, earlier_content
from nextbest_service.decision_log.entries import Entry, LogFormatError, unsealed
from nextbest_service.decision_log.figures import Competition, Floats, read_figures
from nextbest_service.decision_log.legend import Legend
from nextbest_service.decision_log.masks import rows_of
from nextbest_service.decisions.factors import Rows
from nextbest_service.store.keys import Ref

LEGEND_ID_BYTES = 8


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
    are those of the keys that candidates have, None in records of earlier versions. `defaulted` are the
    features that nobody gave a value. `arms` are the customer's by holdout and experiment, `person` is the
    same for all names of one who is in any, and `ranker` is the name of what ranked.
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
    defaulted: tuple[str, ...]
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
    content = _content(entry, legend)
    at_ms, question, inputs, world, figures, placed, stopped, failed, ranked, degraded, stale, tried = content
    (competition, counters), (arms, ranker, shadows, person) = figures, tried
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
        records={name: (count, _rows(name, *kept)) for name, (count, *kept) in records.items()},
        unreadable=tuple(unreadable),
        volumes=world[0],
        killed=tuple(world[1]),
        competition=competition,
        stopped=tuple(
            Stopped(channel, stage, rows_of(mask, len(legend.actions)))
            for channel, masks in stopped
            for stage, mask in zip(legend.stages, masks, strict=False)  # it ended once nothing was left
            if mask
        ),
        unvalued=_actions(failed[0], legend),
        unshowable=_actions(failed[1], legend),
        selection_type=SELECTIONS[ranked].value,
        degraded=tuple(degraded),
        stale_features=tuple(sorted({*stale, *defaulted})),
        defaulted=tuple(defaulted),
        counters=counters,
        arms=arms,
        person=person or entry.customer,
        ranker=ranker,
        shadows=tuple(
            LoggedShadow(name, legend.rankers.get(name, ""), np.frombuffer(own, "<f4"))
            for name, own in shadows
        ),
    )


def _content(entry: Entry, legend: Legend) -> Sequence[Any]:
    """Return what a record says, in today's order, with its figures read."""
    packed = unsealed(entry.body)[LEGEND_ID_BYTES:]
    if not packed.startswith(MARK):
        return earlier_content(packed, legend)
    content = decompressed(packed)
    if not isinstance(content, list) or len(content) < FIELDS:
        raise LogFormatError("the record of a decision has an unknown form")
    brand_and_goal = content[1][2], content[1][3]
    content[FIGURES] = read_figures(content[FIGURES], legend.values, legend.levers[brand_and_goal])
    return content[:FIELDS]


def _offered(offers: Sequence[Sequence[Any]], legend: Legend) -> tuple[Offered, ...]:
    return tuple(
        Offered(legend.actions[row], rank, SELECTIONS[selection].value, *rest)
        for rank, (row, selection, *rest) in enumerate(offers, start=1)
    )


def _rows(name: str, *kept: Any) -> Sequence[Mapping[str, object]]:  # noqa: ANN401 - msgpack
    rows = kept[0] if len(kept) == 1 else contact_rows(*kept)
    return [dict(zip(COLUMNS[name], row, strict=False)) for row in rows]


def _actions(mask: bytes, legend: Legend) -> tuple[str, ...]:
    return tuple(legend.actions[row] for row in rows_of(mask, len(legend.actions)).tolist())
