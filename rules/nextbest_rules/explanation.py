"""Why actions were not offered. Computed on demand, never on the way of a decision."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from nextbest_rules.bitmask import bits
from nextbest_rules.catalog import Action
from nextbest_rules.terms import Stage


@dataclass(frozen=True, slots=True)
class Exclusion:
    """The first thing that stopped one action.

    `actual` and `required` are texts for people, empty where nothing can be said. `eligible_at_ms` (Unix
    milliseconds) is set where time alone lifts the exclusion.
    """

    action_id: str
    stage: Stage
    rule_id: str
    reason: str
    actual: str = ""
    required: str = ""
    eligible_at_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule says about the actions it stops, apart from their names."""

    rule_id: str
    reason: str
    actual: str = ""
    required: str = ""
    eligible_at_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Stop:
    """One cause of exclusions: its stage, the actions it concerns, and the words for one of them."""

    stage: Stage
    mask: int
    finding: Callable[[Action], Finding]


def stop(stage: Stage, mask: int, finding: Finding) -> Stop:
    """Return a cause that says the same of every action it concerns."""
    return Stop(stage, mask, lambda _: finding)


_ORDER = {stage: place for place, stage in enumerate(Stage)}


def first_stops(actions: Sequence[Action], stops: Iterable[Stop]) -> tuple[Exclusion, ...]:
    """Return, in the order of `actions`, what stopped each one first: by stage, then in the order given."""
    remaining = (1 << len(actions)) - 1
    found: dict[int, Exclusion] = {}
    for cause in sorted(stops, key=lambda cause: _ORDER[cause.stage]):
        for bit in bits(remaining & cause.mask):
            found[bit] = _exclusion(actions[bit], cause)
        remaining &= ~cause.mask
    return tuple(exclusion for _, exclusion in sorted(found.items()))


def _exclusion(action: Action, cause: Stop) -> Exclusion:
    finding = cause.finding(action)
    return Exclusion(
        action.id,
        cause.stage,
        finding.rule_id,
        finding.reason,
        finding.actual,
        finding.required,
        finding.eligible_at_ms,
    )


def show(name: str, value: object) -> str:
    """Return a named value as people read it; None is an unknown one."""
    if value is None:
        return f"{name} is unknown"
    text = value.isoformat() if isinstance(value, datetime) else json.dumps(value, ensure_ascii=False)
    return f"{name} = {text}"
