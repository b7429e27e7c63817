"""Two logged decisions about two actions, and files of what came of them."""

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from small_world import AFFINITIES, FEATURES, KEYS

from nextbest_models.action_side import ActionSide
from nextbest_models.affinity import AffinityCounters
from nextbest_models.assembly import ActionProfile, CandidateAssembler
from nextbest_models.evidence import Kind
from nextbest_models.features import FeatureSpec
from nextbest_models.logged.decisions import LoggedCandidates, LoggedDecisions, LoggedSlots
from nextbest_models.population import Population

T0_MS = 1_772_445_600_000  # 2026-03-02T10:00:00Z
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
SPEC = FeatureSpec.from_declarations(AFFINITIES, FEATURES)
ACTIONS = [
    ActionProfile("red", {"size": 1}, {"colour": ["red"]}, Kind("OFFER", "colours", "warm")),
    ActionProfile("blue", {"size": 2}, {"colour": ["blue"]}, Kind("OFFER", "colours", "cold")),
]
SIDE = ActionSide(
    "side",
    tuple(action.id for action in ACTIONS),
    tuple(action.kind for action in ACTIONS),
    CandidateAssembler(SPEC, ACTIONS, KEYS, Population.unknown()),
)
OUTCOMES = pa.schema(
    [
        *((name, pa.string()) for name in ("outcome_key", "type", "decision_id", "action", "placement")),
        *((name, pa.timestamp("ms", tz="UTC")) for name in ("at", "received_at")),
        ("amount", pa.float64()),
    ]
)


def decisions() -> LoggedDecisions:
    """Return d0: red and blue at home, red on the card; and d1, a day later: blue at home."""
    figures = np.full(4, 0.5, np.float32)
    return LoggedDecisions(
        side=SIDE,
        ids=np.array(["d0", "d1"]),
        persons=np.array(["anna", "bert"]),
        model_versions=np.array(["", ""]),
        times_ms=np.array([T0_MS, T0_MS + DAY_MS]),
        contexts=({}, {}),
        vectors=np.zeros((2, len(SPEC.customer_names)), np.float32),
        counter_starts=np.zeros(3, np.int64),
        counters=AffinityCounters.empty(),
        candidates=LoggedCandidates(
            starts=np.array([0, 2, 4]),
            rows=np.array([0, 1, 0, 1]),
            propensity=figures,
            value=figures,
            lever=figures,
            context_weight=figures,
            pinned=np.zeros(4, np.bool_),
            maturity=np.full(4, 3, np.int8),
        ),
        slots=LoggedSlots(
            decision=np.array([0, 0, 0, 1]),
            candidate=np.array([0, 1, 0, 3]),
            placement=np.array(["home", "home", "card", "home"]),
            rank=np.array([1, 2, 1, 1]),
            channel=np.array(["web"] * 4),
            selection=np.array(["RANKED"] * 4),
            selection_probability=np.ones(4, np.float32),
        ),
        more={},
    )


def outcome(
    type_: str,
    after_ms: int = HOUR_MS,
    *,
    decision: str = "d0",
    action: str = "red",
    placement: str = "home",
    amount: float = 0.0,
    key: str = "",
) -> dict[str, object]:
    """Return a row of the table of outcomes; times count from the first decision."""
    at_ms = T0_MS + after_ms
    return {
        "outcome_key": key or f"{type_} {after_ms} {decision} {action} {placement} {amount}",
        "type": type_,
        "at": at_ms,
        "received_at": at_ms,
        "decision_id": decision,
        "action": action,
        "placement": placement,
        "amount": amount,
    }


def write_outcomes(directory: Path, rows: Iterable[dict[str, object]]) -> None:
    """Write outcomes as an export has them: each in a part of its own, under its day."""
    for number, row in enumerate(rows):
        day = datetime.fromtimestamp(row["at"] / 1000, tz=UTC).date()  # type: ignore[operator]
        path = directory / "outcomes" / f"day={day}" / f"part-{number}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist([row], schema=OUTCOMES), path)
