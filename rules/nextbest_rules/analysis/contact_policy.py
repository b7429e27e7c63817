"""Caps that can never bind, and quiet hours that never end."""

from collections.abc import Iterator, Set
from itertools import permutations
from typing import TypeVar

from nextbest_rules.analysis.study import CatalogWarning, Study, WarningKind
from nextbest_rules.policies import Cap, Dimension, QuietHours, Selector
from nextbest_rules.records import Outcome
from nextbest_rules.terms import UnknownMode

Value = TypeVar("Value")
_DAY_MINUTES = 24 * 60
_WEEK_DAYS = 7
_VOLUME_OUTCOMES = frozenset({Outcome.DELIVERED, Outcome.DISPLAYED})


def idle_caps(study: Study) -> Iterator[CatalogWarning]:
    """Find caps that others make pointless."""
    caps = study.catalog.policies.caps
    idle: set[str] = set()
    for cap, other in permutations(caps, 2):
        # Of two caps that stop the same, only one is idle.
        if cap.id not in idle and other.id not in idle and _covers(study, other, cap):
            idle.add(cap.id)
            message = (
                f"cap '{cap.id}' can never bind: '{other.id}' stops the same actions first, with at most "
                f"{other.max} in a time that is as long or longer"
            )
            yield study.warn(WarningKind.IDLE_CAP, ("rule", cap.id), message)
    for cap in caps:
        if cap.id not in idle and _above_volumes(study, cap):
            message = (
                f"cap '{cap.id}' can never bind: every action it limits has a volume_cap of {cap.max} or less"
            )
            yield study.warn(WarningKind.IDLE_CAP, ("rule", cap.id), message)


def _covers(study: Study, wide: Cap, narrow: Cap) -> bool:
    """Tell whether `wide` stops whatever `narrow` stops: it limits more, counts more, and allows less."""
    limits_more = (
        not study.mask(narrow.applies_to) & ~study.mask(wide.applies_to)
        and narrow.directions <= wide.directions
        and _within(narrow.channels, wide.channels)
    )
    counts_more = (
        _implies(narrow.counts, wide.counts)
        and narrow.outcomes <= wide.outcomes
        and wide.per <= narrow.per
        and wide.window_ms >= narrow.window_ms
    )
    as_strict = wide.when_unknown is UnknownMode.DENY or narrow.when_unknown is UnknownMode.ALLOW
    return limits_more and counts_more and as_strict and wide.max <= narrow.max


def _within(part: Set[Value] | None, whole: Set[Value] | None) -> bool:
    return whole is None or (part is not None and part <= whole)


def _implies(narrow: Selector, wide: Selector) -> bool:
    """Tell whether `wide` means all that `narrow` means, even of actions that have left the catalog."""
    parts = ("types", "issues", "groups", "tags", "actions")
    attributes = {} if narrow.attributes is None else narrow.attributes
    return (
        all(_within(getattr(narrow, part), getattr(wide, part)) for part in parts)
        and all(_within(attributes.get(name), values) for name, values in (wide.attributes or {}).items())
        and (wide.but_not is None or wide.but_not == narrow.but_not)
    )


def _above_volumes(study: Study, cap: Cap) -> bool:
    """Tell whether the whole population's limits are reached before one customer's."""
    actions = list(study.actions(study.mask(cap.applies_to)))
    apart = Dimension.ACTION in cap.per or len(actions) == 1
    own_only = not study.mask(cap.counts) & ~study.mask(cap.applies_to)
    return (
        bool(actions)
        and apart
        and own_only
        and cap.outcomes <= _VOLUME_OUTCOMES
        and all(action.volume_cap is not None and action.volume_cap <= cap.max for action in actions)
    )


def endless_quiet(study: Study) -> Iterator[CatalogWarning]:
    """Find quiet hours that leave no time of any day."""
    rules = study.catalog.policies.quiet_hours
    for position, rule in enumerate(rules):
        alike = [other for other in rules[: position + 1] if _alike(study, rule, other)]
        if _cover_the_day(alike) and not _cover_the_day(alike[:-1]):
            names = " and ".join(f"'{other.id}'" for other in alike)
            message = f"quiet hours {names} cover the whole day: nothing ever goes out"
            yield study.warn(WarningKind.ALWAYS_QUIET, ("rule", rule.id), message)


def _alike(study: Study, rule: QuietHours, other: QuietHours) -> bool:
    """Tell whether two quiet times are about the same contacts and clock."""
    return (
        study.mask(rule.applies_to) == study.mask(other.applies_to)
        and (rule.channels, rule.directions) == (other.channels, other.directions)
        and (rule.time_zone, rule.default_zone) == (other.time_zone, other.default_zone)
    )


def _cover_the_day(rules: list[QuietHours]) -> bool:
    """Tell whether quiet times that begin on every day of the week leave no minute."""
    quiet: set[int] = set()
    for rule in rules:
        if len(rule.days) == _WEEK_DAYS:
            until = rule.until_minute + (_DAY_MINUTES if rule.until_minute <= rule.from_minute else 0)
            quiet.update(minute % _DAY_MINUTES for minute in range(rule.from_minute, until))
    return len(quiet) == _DAY_MINUTES
