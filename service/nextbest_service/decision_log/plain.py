"""Entries of the log as plain data, fit for JSON: for people, for `--json` and for a person's own export."""

import base64
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from datetime import UTC, datetime, timedelta

from nextbest_models.affinity import AffinityCounters
from nextbest_service.decision_log.figures import Competition
from nextbest_service.decision_log.gaps import Gap
from nextbest_service.decision_log.logged_decision import LoggedDecision
from nextbest_service.decision_log.outcomes import LoggedOutcome
from nextbest_service.store.keys import Ref

COUNTER_FIELDS = ("key", "count", "last_day", "total")
"""What a counter is, as `AffinityCounters` has its columns: the id of an affinity key, and its statistics."""
_OTHERWISE = frozenset(
    {"id", "decided_at_ms", "customer", "legend", "competition", "placements", "stopped"}
    | {"counters", "defaulted", "person", "shadows"}
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def customer_name(ref: Ref) -> str:
    """Return a ref as text, as exported files have it."""
    return base64.urlsafe_b64encode(ref).decode()


def moment(time_ms: int) -> str:
    """Return a time (Unix milliseconds) as people write it."""
    return (_EPOCH + timedelta(milliseconds=time_ms)).isoformat(timespec="milliseconds")


def plain_decision(decision: LoggedDecision) -> dict[str, object]:
    """Return a decision as plain data."""
    legend, actions = decision.legend, decision.legend.actions
    told: dict[str, object] = {
        "id": decision.id,
        "decided_at": moment(decision.decided_at_ms),
        "customer": customer_name(decision.customer),
        "catalog": legend.catalog,
        "versions": {**asdict(legend.versions), "model": decision.model_version},
    }
    told |= {it.name: getattr(decision, it.name) for it in fields(decision) if it.name not in _OTHERWISE}
    told["placements"] = [asdict(placement) for placement in decision.placements]
    told["candidates"] = _candidates(decision.competition, actions)
    told["stopped"] = [
        {"channel": it.channel, "stage": it.stage, "actions": [actions[row] for row in it.rows.tolist()]}
        for it in decision.stopped
    ]
    told["shadows"] = [
        {"ranker": it.ranker, "model_version": it.model_version, "propensity": it.propensity.tolist()}
        for it in decision.shadows
    ]
    told["counters"] = None if decision.counters is None else _counters(decision.counters)
    return {name: plain(value) for name, value in told.items()}


def plain_outcome(outcome: LoggedOutcome) -> dict[str, object]:
    """Return an outcome as plain data."""
    told = asdict(outcome)
    told["at"] = moment(told.pop("at_ms"))
    told["received_at"] = moment(told.pop("received_ms"))
    told["customer"] = customer_name(outcome.customer)
    return {name: plain(value) for name, value in told.items()}


def plain_gap(gap: Gap) -> dict[str, object]:
    """Return a gap as plain data."""
    return {
        "id": gap.id.hex(),
        "reason": gap.reason,
        "from": moment(gap.from_ms),
        "to": moment(gap.to_ms),
        "lost": gap.lost,
    }


def _candidates(competition: Competition, actions: Sequence[str]) -> Sequence[Mapping[str, object]]:
    columns = (
        [actions[row] for row in competition.rows.tolist()],
        competition.propensity.tolist(),
        competition.value.tolist(),
        competition.lever.tolist(),
        competition.context_weight.tolist(),
        competition.pinned.tolist(),
        competition.maturity.tolist(),
    )
    names = ("action", "propensity", "value", "lever", "context_weight", "pinned", "maturity")
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _counters(counters: AffinityCounters) -> Sequence[Mapping[str, int]]:
    columns = (column.tolist() for column in (counters.ids, *counters.statistics))
    return [dict(zip(COUNTER_FIELDS, row, strict=True)) for row in zip(*columns, strict=True)]


def plain(value: object) -> object:
    """Return a value as strict JSON can say it: there a number that is none is missing."""
    match value:
        case Mapping():
            return {str(key): plain(item) for key, item in value.items()}
        case list() | tuple():
            return [plain(item) for item in value]
        case datetime():
            return value.isoformat()
        case float() if not math.isfinite(value):
            return None
        case _:
            return value
