"""From decisions to rows of the output: one row per customer, with the propositions as a list in it.

Answers are plain tuples: cheap to turn into columns, and what is remembered of a committed decision.
"""

import json
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from itertools import chain
from typing import Any, NamedTuple

import msgpack
import pyarrow as pa

from nextbest_service.api.render_answer import token_of, tokens_of
from nextbest_service.customers.tokens import DecisionTokens
from nextbest_service.decisions.decision import Decision, PlacedExclusion, PlacementDecision, Proposition
from nextbest_service.decisions.generation import Versions
from nextbest_service.store.keys import Identity, KeyRing

_TIME = pa.timestamp("ms", tz="UTC")
_NAME = pa.dictionary(pa.int32(), pa.string())
PROPOSITION = pa.struct(
    [
        ("action", _NAME),
        ("type", _NAME),
        ("issue", _NAME),
        ("group", _NAME),
        ("rank", pa.int32()),
        ("selection", _NAME),
        ("selection_probability", pa.float64()),
        ("propensity", pa.float64()),
        ("context_weight", pa.float64()),
        ("value", pa.float64()),
        ("lever", pa.float64()),
        ("priority", pa.float64()),
        ("maturity", _NAME),
        ("channel", _NAME),
        ("treatment", _NAME),
        ("send_at", _TIME),
        ("expires_at", _TIME),
        ("content", pa.string()),
        ("parameters", pa.string()),
        ("token", pa.string()),
    ]
)
STOP = pa.struct([("stage", _NAME), ("rule", _NAME), ("actions", pa.int32())])
SCHEMA = pa.schema(
    [
        ("row", pa.int64()),
        ("namespace", _NAME),
        ("id", pa.string()),
        ("placement", _NAME),
        ("decision_id", pa.string()),
        ("decided_at", _TIME),
        ("model_version", _NAME),
        ("arms", pa.map_(pa.string(), pa.string())),
        ("customer_known", pa.bool_()),
        ("degraded", pa.list_(pa.string())),
        ("stale_features", pa.list_(pa.string())),
        ("propositions", pa.list_(PROPOSITION)),
        ("stops", pa.list_(STOP)),
    ]
)


class Answer(NamedTuple):
    """One answer. `propositions` have the fields of `PROPOSITION`, `stops` those of `STOP`."""

    placement: str
    decision_id: str
    decided_at_ms: int
    model_version: str
    arms: Sequence[tuple[str, str]]
    customer_known: bool
    degraded: Sequence[str]
    stale_features: Sequence[str]
    propositions: Sequence[Sequence[Any]]
    stops: Sequence[Sequence[Any]]

    def to_bytes(self) -> bytes:
        """Return it as it is remembered."""
        packed: bytes = msgpack.packb(self)
        return packed

    @classmethod
    def from_bytes(cls, packed: bytes) -> "Answer":
        """Return what was remembered."""
        return cls(*msgpack.unpackb(packed))


def answer_of(decision: Decision, ring: KeyRing | None) -> Answer:
    """Return what a decision answers for its only placement, with tokens signed by the ring (None: none)."""
    (placement,) = decision.placements
    tokens = None if ring is None else tokens_of(decision, ring)
    return Answer(
        placement.request.placement.id,
        decision.id,
        decision.decided_at_ms,
        decision.basis.ranking.version,
        [*decision.basis.arms.items()],
        decision.customer_known,
        [it.value for it in decision.degraded],
        decision.stale_features,
        [_plain(decision, placement, it, tokens) for it in placement.propositions],
        _stops(decision.exclusions) if decision.exclusions else (),
    )


def _stops(exclusions: Sequence[PlacedExclusion]) -> list[tuple[Any, ...]]:
    """Return what stopped how many actions, the most first."""
    stops = Counter((it.exclusion.stage.value, it.exclusion.rule_id) for it in exclusions)
    return [(*stop, count) for stop, count in stops.most_common()]


def table_of(
    whose: Sequence[tuple[int, Identity]], answers: Sequence[Answer], versions: Versions
) -> pa.Table:
    """Return answers as rows of the output; `whose` are the number of each row and whom it is about."""
    own = [*zip(*answers, strict=True)] or [()] * len(Answer._fields)
    placements, ids, times, models, arms, known, degraded, stale, propositions, stops = own
    columns = [
        pa.array([line for line, _ in whose], pa.int64()),
        _names([identity.namespace for _, identity in whose]),
        pa.array([identity.id for _, identity in whose], pa.string()),
        _names(placements),
        pa.array(ids, pa.string()),
        pa.array(times, _TIME),
        _names(models),
        pa.array(arms, pa.map_(pa.string(), pa.string())),
        pa.array(known, pa.bool_()),
        pa.array(degraded, pa.list_(pa.string())),
        pa.array(stale, pa.list_(pa.string())),
        _lists(propositions, PROPOSITION),
        _lists(stops, STOP),
    ]
    told = {f"nextbest.{part}": getattr(versions, part) for part in Versions.__dataclass_fields__}
    return pa.Table.from_arrays(columns, schema=SCHEMA.with_metadata(told))


def versions_of(schema: pa.Schema) -> Versions:
    """Return what the decisions of a table of answers ran on."""
    told = {part: schema.metadata[f"nextbest.{part}".encode()] for part in Versions.__dataclass_fields__}
    return Versions(**{part: text.decode() for part, text in told.items()})


def _lists(rows: Sequence[Sequence[Sequence[Any]]], struct: pa.StructType) -> pa.ListArray:
    offsets = [0]
    for row in rows:
        offsets.append(offsets[-1] + len(row))
    columns = [*zip(*chain.from_iterable(rows), strict=True)] or [()] * struct.num_fields
    arrays = [
        _names(column) if field.type == _NAME else pa.array(column, field.type)
        for column, field in zip(columns, struct, strict=True)
    ]
    values = pa.StructArray.from_arrays(arrays, fields=[*struct])
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), values)


def _names(column: Sequence[str | None]) -> pa.DictionaryArray:
    return pa.array(column, pa.string()).dictionary_encode()


def _plain(
    decision: Decision,
    placement: PlacementDecision,
    proposition: Proposition,
    tokens: DecisionTokens | None,
) -> tuple[Any, ...]:
    action = proposition.action
    parameters = proposition.parameters
    return (
        action.id,
        action.type.value,
        action.issue,
        action.group,
        proposition.rank,
        proposition.selection.value,
        proposition.selection_probability,
        proposition.propensity,
        proposition.context_weight,
        proposition.value,
        proposition.lever,
        proposition.priority,
        proposition.maturity.name if proposition.maturity is not None else None,
        proposition.channel,
        proposition.treatment_id or None,
        proposition.send_at_ms,
        proposition.expires_at_ms,
        proposition.content_json or None,
        json.dumps(parameters, ensure_ascii=False, default=_text) if parameters else None,
        None if tokens is None else _token(tokens, decision, placement, proposition),
    )


def _token(
    tokens: DecisionTokens, decision: Decision, placement: PlacementDecision, proposition: Proposition
) -> str:
    place, brand = placement.request.placement.id, decision.basis.request.brand
    return token_of(tokens, place, brand, proposition).decode()


def _text(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
