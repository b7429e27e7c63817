"""Stage contact policy: the hours in which the customer is not disturbed, by the customer's own clock."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from nextbest_rules.catalog import Catalog
from nextbest_rules.cel import Kind
from nextbest_rules.dates import from_ms, to_ms
from nextbest_rules.explanation import Finding, Stop, stop
from nextbest_rules.policies import QuietHours
from nextbest_rules.selection import mask_of
from nextbest_rules.sight import Function, Layout, View
from nextbest_rules.situation import Situation
from nextbest_rules.terms import Stage, UnknownMode

_DAY_MINUTES = 24 * 60


@lru_cache(maxsize=1_024)
def zone(name: str) -> ZoneInfo | None:
    """Return a time zone by its IANA name, or None where there is none of that name."""
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):  # absent, malformed, or a directory of zones
        return None


@dataclass(frozen=True, slots=True)
class _Compiled:
    rule: QuietHours
    mask: int
    zone_of: Function | None

    def asks(self, situation: Situation) -> bool:
        """Tell whether the rule is about contacts of this kind."""
        rule = self.rule
        return situation.direction in rule.directions and (
            rule.channels is None or situation.channel in rule.channels
        )

    def zone(self, view: View) -> ZoneInfo | None:
        """Return the customer's time zone, or the rule's; None where neither is known."""
        named = None if self.zone_of is None else self.zone_of(view.slots)
        return zone(named if isinstance(named, str) else self.rule.default_zone)


@dataclass(frozen=True, slots=True)
class QuietHoursStage:
    """All quiet hours of a catalog."""

    _rules: tuple[_Compiled, ...]

    @classmethod
    def of(cls, catalog: Catalog, layout: Layout) -> "QuietHoursStage":
        """Compile the quiet hours of a catalog."""
        return cls(tuple(_compile(rule, catalog, layout) for rule in catalog.policies.quiet_hours))

    def screen(self, live: int, view: View) -> int:
        """Return what does not disturb."""
        for compiled in self._rules:
            if live & compiled.mask and compiled.asks(view.situation) and _finding(compiled, view):
                live &= ~compiled.mask
        return live

    def stops(self, view: View) -> Iterator[Stop]:
        """Yield what this stage stops."""
        for compiled in self._rules:
            if compiled.asks(view.situation) and (finding := _finding(compiled, view)):
                yield stop(Stage.CONTACT_POLICY, compiled.mask, finding)


def _compile(rule: QuietHours, catalog: Catalog, layout: Layout) -> _Compiled:
    named = None if rule.time_zone is None else layout.expressions.text(rule.time_zone)
    function = None if named is None else layout.function(named, Kind.STRING)
    return _Compiled(rule, mask_of(rule.applies_to, catalog), function)


def _finding(compiled: _Compiled, view: View) -> Finding | None:
    """Return what is to be said if the contact would disturb, else None."""
    rule, customer_zone = compiled.rule, compiled.zone(view)
    required = f"outside {_clock(rule.from_minute)} to {_clock(rule.until_minute)}"
    if customer_zone is None:
        if rule.when_unknown is UnknownMode.ALLOW:
            return None
        return Finding(rule.id, rule.reason, "the customer's time zone is unknown", required)
    local = from_ms(view.situation.reaches_ms).astimezone(customer_zone)
    if _period_end(rule, local) is None:
        return None
    actual = f"{local:%H:%M} in {customer_zone.key}"
    return Finding(rule.id, rule.reason, actual, required, to_ms(quiet_until(rule, local)))


def quiet_until(rule: QuietHours, local: datetime) -> datetime | None:
    """Return when the quiet time around a local time ends, or None outside of it, or if it never does."""
    ends = _period_end(rule, local)
    for _ in range(len(rule.days)):  # a period may touch the next day's
        if ends is None or (later := _period_end(rule, ends)) is None:
            return ends
        ends = later
    return ends if ends is None or _period_end(rule, ends) is None else None


def _period_end(rule: QuietHours, local: datetime) -> datetime | None:
    """Return the end of the one quiet period that a local time lies in."""
    minute = local.hour * 60 + local.minute
    ends = rule.until_minute + (_DAY_MINUTES if rule.until_minute <= rule.from_minute else 0)
    for days_ago in (0, 1):
        began = local.date() - timedelta(days=days_ago)
        if began.isoweekday() in rule.days and rule.from_minute <= minute + days_ago * _DAY_MINUTES < ends:
            return datetime.combine(began, time(), local.tzinfo) + timedelta(minutes=ends)
    return None


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"
