"""Why actions were not offered. Computed on demand, never on the way of a decision."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from nextbest_rules.bitmask import bits
from nextbest_rules.catalog import Action
from nextbest_rules.terms import Stage


class Exclusion(NamedTuple):
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


class Finding(NamedTuple):
    """What a rule says about the actions it stops, apart from their names."""

    rule_id: str
    reason: str
    actual: str = ""
    required: str = ""
    eligible_at_ms: int | None = None


class Stop(NamedTuple):
    """One cause of exclusions: its stage, the actions it concerns, and the words for one of them.

    One that is `alike` says the same of all its actions: then one of them is asked about.
    """

    stage: Stage
    mask: int
    finding: Callable[[Action], Finding]
    alike: bool = False


def stop(stage: Stage, mask: int, finding: Finding) -> Stop:
    """Return a cause that says the same of every action it concerns."""
    return Stop(stage, mask, lambda _: finding, alike=True)


_ORDER = {stage: place for place, stage in enumerate(Stage)}


def first_stops(actions: Sequence[Action], stops: Iterable[Stop]) -> tuple[Exclusion, ...]:
    """Return, in the order of `actions`, what stopped each one first: by stage, then in the order given."""
    remaining = (1 << len(actions)) - 1
    found: list[Exclusion | None] = [None] * len(actions)
    for cause in sorted(stops, key=lambda cause: _ORDER[cause.stage]):
        concerned = remaining & cause.mask
        if not concerned:
            continue
        remaining &= ~concerned
        finding: Finding | None = None
        for bit in bits(concerned):
            action = actions[bit]
            if finding is None or not cause.alike:
                finding = cause.finding(action)
            found[bit] = Exclusion(action.id, cause.stage, *finding)
    return tuple([exclusion for exclusion in found if exclusion is not None])


class Stopped(NamedTuple):
    """How many actions one rule was the first to stop."""

    stage: Stage
    rule_id: str
    actions: int


def count_first_stops(actions: Sequence[Action], stops: Iterable[Stop]) -> Iterator[Stopped]:
    """Yield what `first_stops` says without its words: per cause, so it takes no time per action.

    A cause that is not alike for its actions counts under the rule that stops the first of them.
    """
    remaining = (1 << len(actions)) - 1
    for cause in sorted(stops, key=lambda cause: _ORDER[cause.stage]):
        concerned = remaining & cause.mask
        if concerned:
            remaining &= ~concerned
            first = actions[next(bits(concerned))]
            yield Stopped(cause.stage, cause.finding(first).rule_id, concerned.bit_count())


def show(name: str, value: object) -> str:
    """Return a named value as people read it; None is an unknown one."""
    if value is None:
        return f"{name} is unknown"
    text = value.isoformat() if isinstance(value, datetime) else json.dumps(value, ensure_ascii=False)
    return f"{name} = {text}"
