"""The tables of an export: their columns, and how entries become rows of them."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from itertools import chain

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from nextbest_models.affinity import AffinityCounters
from nextbest_service.decision_log.gaps import Gap
from nextbest_service.decision_log.logged_decision import LoggedDecision, Offered
from nextbest_service.decision_log.outcomes import LoggedOutcome
from nextbest_service.decision_log.plain import COUNTER_FIELDS, customer_name, plain

TIME = pa.timestamp("ms", tz="UTC")
TEXTS = pa.list_(pa.string())
_FIGURES = [(name, pa.float32()) for name in ("propensity", "value", "lever", "context_weight")]
CANDIDATE = pa.struct([("action", pa.string()), *_FIGURES, ("pinned", pa.bool_()), ("maturity", pa.int8())])
COUNTER = pa.struct(zip(COUNTER_FIELDS, (pa.uint32(), *3 * [pa.uint16()]), strict=True))
PROPOSITION = pa.struct(
    [
        ("placement", pa.string()),
        ("rank", pa.int32()),
        ("action", pa.string()),
        ("channel", pa.string()),
        ("treatment", pa.string()),
        ("selection", pa.string()),
        ("selection_probability", pa.float32()),
        *_FIGURES,
        ("send_at", TIME),
        ("maturity", pa.int8()),
    ]
)
STOPPED = pa.struct([("channel", pa.string()), ("stage", pa.string()), ("actions", TEXTS)])
SHADOW = pa.struct(
    [("ranker", pa.string()), ("model_version", pa.string()), ("propensity", pa.list_(pa.float32()))]
)
DECISIONS = pa.schema(
    [
        ("decision_id", pa.string()),
        ("decided_at", TIME),
        ("customer", pa.string()),
        ("known", pa.bool_()),
        ("catalog", pa.string()),
        *((f"{name}_version", pa.string()) for name in ("catalog", "ruleset", "model", "feature_spec")),
        ("request_id", pa.string()),
        *((name, pa.string()) for name in ("channel", "brand", "goal", "locale")),
        ("context", pa.string()),
        ("only", TEXTS),
        (
            "placements",
            pa.list_(pa.struct([("id", pa.string()), ("limit", pa.int32()), ("excluded", TEXTS)])),
        ),
        ("allow_duplicates", pa.bool_()),
        ("features", pa.map_(pa.string(), pa.float32())),
        ("facts", pa.string()),
        ("records", pa.string()),
        ("unreadable", TEXTS),
        ("volumes", pa.map_(pa.string(), pa.int64())),
        ("killed", TEXTS),
        ("propositions", pa.list_(PROPOSITION)),
        ("candidates", pa.list_(CANDIDATE)),
        ("stopped", pa.list_(STOPPED)),
        ("unvalued", TEXTS),
        ("unshowable", TEXTS),
        ("selection_type", pa.string()),
        ("degraded", TEXTS),
        ("stale_features", TEXTS),
        ("action_side", pa.string()),
        ("counters", pa.list_(COUNTER)),
        ("person", pa.string()),
        ("arms", pa.map_(pa.string(), pa.string())),
        ("ranker", pa.string()),
        ("shadows", pa.list_(SHADOW)),
    ]
)
OUTCOMES = pa.schema(
    [
        ("outcome_key", pa.string()),
        ("source", pa.string()),
        ("id", pa.string()),
        ("type", pa.string()),
        ("at", TIME),
        ("received_at", TIME),
        ("decision_id", pa.string()),
        ("customer", pa.string()),
        *((name, pa.string()) for name in ("action", "placement", "channel", "brand", "treatment")),
        ("rank", pa.int32()),
        ("propensity", pa.float32()),
        ("selection_probability", pa.float32()),
        ("amount", pa.float64()),
        ("properties", pa.string()),
    ]
)
GAPS = pa.schema(
    [("gap_id", pa.string()), ("reason", pa.string()), ("from", TIME), ("to", TIME), ("lost", pa.int64())]
)


def decisions_table(decisions: Sequence[LoggedDecision]) -> pa.Table:
    """Return decisions as rows."""
    columns = {
        "candidates": _candidates(decisions),
        "stopped": _stopped(decisions),
        "counters": _counters(decisions),
    }
    rows = [_decision(decision) for decision in decisions]
    return pa.table(
        [
            columns[field.name]
            if field.name in columns
            else pa.array([row[field.name] for row in rows], field.type)
            for field in DECISIONS
        ],
        schema=DECISIONS,
    )


def outcomes_table(outcomes: Sequence[LoggedOutcome]) -> pa.Table:
    """Return outcomes as rows."""
    return pa.Table.from_pylist([_outcome(outcome) for outcome in outcomes], schema=OUTCOMES)


def gaps_table(gaps: Sequence[Gap]) -> pa.Table:
    """Return gaps as rows."""
    rows = [
        {"gap_id": it.id.hex(), "reason": it.reason, "from": it.from_ms, "to": it.to_ms, "lost": it.lost}
        for it in gaps
    ]
    return pa.Table.from_pylist(rows, schema=GAPS)


def _decision(decision: LoggedDecision) -> Mapping[str, object]:
    versions = decision.legend.versions
    return {
        "decision_id": decision.id,
        "decided_at": decision.decided_at_ms,
        "customer": customer_name(decision.customer),
        "catalog": decision.legend.catalog,
        **{f"{name}_version": version for name, version in asdict(versions).items()},
        "context": _json(decision.context),
        "placements": [
            {"id": it.placement, "limit": it.limit, "excluded": it.excluded} for it in decision.placements
        ],
        "features": [*decision.features.items()],
        "facts": None if decision.facts is None else _json(decision.facts),
        "records": _json(
            {name: {"count": count, "first": rows} for name, (count, rows) in decision.records.items()}
        ),
        "volumes": [*decision.volumes.items()],
        "propositions": [*_propositions(decision)],
        "action_side": decision.legend.action_side or None,
        "model_version": decision.model_version,
        "person": customer_name(decision.person),
        "arms": [*decision.arms.items()],
        "shadows": [asdict(shadow) for shadow in decision.shadows],
        **{name: getattr(decision, name) for name in _AS_THEY_ARE},
    }


_AS_THEY_ARE = (
    "known",
    "request_id",
    "channel",
    "brand",
    "goal",
    "locale",
    "only",
    "allow_duplicates",
    "unreadable",
    "killed",
    "unvalued",
    "unshowable",
    "selection_type",
    "degraded",
    "stale_features",
    "ranker",
)


def _propositions(decision: LoggedDecision) -> Iterable[Mapping[str, object]]:
    competition, actions = decision.competition, decision.legend.actions
    places = {actions[row]: place for place, row in enumerate(competition.rows.tolist())}
    for placement in decision.placements:
        for offered in placement.offered:
            place = places[offered.action]
            figures: dict[str, object] = {
                name: float(getattr(competition, name)[place]) for name, _ in _FIGURES
            }
            figures["maturity"] = int(competition.maturity[place])
            yield _proposition(placement.placement, offered) | figures


def _proposition(placement: str, offered: Offered) -> dict[str, object]:
    return {
        "placement": placement,
        "rank": offered.rank,
        "action": offered.action,
        "channel": offered.channel,
        "treatment": offered.treatment,
        "selection": offered.selection,
        "selection_probability": offered.selection_probability,
        "send_at": offered.send_at_ms,
    }


def _outcome(outcome: LoggedOutcome) -> Mapping[str, object]:
    row = asdict(outcome)
    row["outcome_key"] = outcome.key.hex()
    row["at"], row["received_at"] = row.pop("at_ms"), row.pop("received_ms")
    row["decision_id"] = row.pop("decision")
    row["customer"] = customer_name(outcome.customer)
    row["properties"] = _json(outcome.properties)
    return row


def _candidates(decisions: Sequence[LoggedDecision]) -> pa.Array:
    competitions = [decision.competition for decision in decisions]
    actions = _names(decisions, [it.rows for it in competitions])
    figures = [
        pa.array(np.concatenate([getattr(it, name) for it in competitions]), pa.float32())
        for name, _ in _FIGURES
    ]
    pinned = pa.array(np.concatenate([it.pinned for it in competitions]), pa.bool_())
    maturity = pa.array(np.concatenate([it.maturity for it in competitions]), pa.int8())
    structs = pa.StructArray.from_arrays([actions, *figures, pinned, maturity], fields=[*CANDIDATE])
    return pa.ListArray.from_arrays(_offsets(len(it.rows) for it in competitions), structs)


def _stopped(decisions: Sequence[LoggedDecision]) -> pa.Array:
    stops = [(decision, it) for decision in decisions for it in decision.stopped]
    rows = [it.rows for _, it in stops]
    names = _names([decision for decision, _ in stops], rows)
    structs = pa.StructArray.from_arrays(
        [
            pa.array([it.channel for _, it in stops], pa.string()),
            pa.array([it.stage for _, it in stops], pa.string()),
            pa.ListArray.from_arrays(_offsets(map(len, rows)), names),
        ],
        fields=[*STOPPED],
    )
    return pa.ListArray.from_arrays(_offsets(len(decision.stopped) for decision in decisions), structs)


def _counters(decisions: Sequence[LoggedDecision]) -> pa.Array:
    kept = [decision.counters or AffinityCounters.empty() for decision in decisions]
    columns = zip(*((it.ids, *it.statistics) for it in kept), strict=True)
    structs = pa.StructArray.from_arrays(
        [pa.array(np.concatenate(own), it.type) for own, it in zip(columns, COUNTER, strict=True)],
        fields=[*COUNTER],
    )
    unknown = pa.array([decision.counters is None for decision in decisions])
    return pa.ListArray.from_arrays(_offsets(len(it.ids) for it in kept), structs, mask=unknown)


def _names(decisions: Sequence[LoggedDecision], rows: Sequence[NDArray[np.intp]]) -> pa.Array:
    """Return the names of all rows, end to end; each run of rows is over its own decision's legend."""
    legends = {decision.legend.id: decision.legend for decision in decisions}
    starts, names = dict[bytes, int](), list[str]()
    for key, legend in legends.items():
        starts[key] = len(names)
        names.extend(legend.actions)
    shifted = [run + starts[it.legend.id] for it, run in zip(decisions, rows, strict=True)]
    flat = np.concatenate(shifted) if shifted else np.empty(0, dtype=np.intp)
    return pa.array(names, pa.string()).take(pa.array(flat, pa.int64()))


def _offsets(lengths: Iterable[int]) -> pa.Array:
    return pa.array(np.cumsum([*chain([0], lengths)]), pa.int32())


def _json(content: object) -> str:
    return json.dumps(plain(content), ensure_ascii=False, allow_nan=False, default=str)
