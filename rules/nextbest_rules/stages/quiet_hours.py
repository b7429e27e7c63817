"""Stage contact policy: the hours in which the customer is not disturbed, by the customer's own clock."""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from nextbest_rules.catalog import Catalog
from nextbest_rules.cel import Kind
from nextbest_rules.dates import from_ms, to_ms
from nextbest_rules.explanation import Finding, Stop, stop
from nextbest_rules.policies import QuietHours
from nextbest_rules.rulebook import speaks_on
from nextbest_rules.selection import mask_of
from nextbest_rules.sight import Function, Layout, View
from nextbest_rules.situation import Situation
from nextbest_rules.terms import Stage, UnknownMode

_DAY_MINUTES = 24 * 60
# A quiet time may touch the next day's, for a week, and the clocks may change within it.
_MOST_STEPS = 10


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
        return speaks_on(self.rule, situation.channel, situation.direction)

    def local(self, view: View) -> datetime | None:
        """Return what the customer's clock shows when the message arrives; None in an unknown time zone."""
        named = None if self.zone_of is None else self.zone_of(view.slots)
        if self.zone_of is not None and not isinstance(named, str) and view.situation.facts is None:
            return None  # there may be a zone, and nobody can read it
        customer_zone = zone(named if isinstance(named, str) else self.rule.default_zone)
        if customer_zone is None:
            return None
        return from_ms(view.situation.reaches_ms).astimezone(customer_zone)

    def disturbs(self, view: View) -> bool:
        """Tell whether the message would arrive in a quiet time, as far as can be told."""
        local = self.local(view)
        if local is None:
            return self.rule.when_unknown is UnknownMode.DENY
        return _period_end(self.rule, local) is not None


@dataclass(frozen=True, slots=True)
class QuietHoursStage:
    """All quiet hours of a catalog."""

    _rules: tuple[_Compiled, ...]

    @classmethod
    def of(cls, catalog: Catalog, layout: Layout) -> "QuietHoursStage":
        """Compile the quiet hours of a catalog."""
        return cls(tuple(_compile(rule, catalog, layout) for rule in catalog.policies.quiet_hours))

    @property
    def idle(self) -> bool:
        """Whether there is nothing to ask."""
        return not self._rules

    def screen(self, live: int, view: View) -> int:
        """Return what does not disturb."""
        for compiled in self._rules:
            if live & compiled.mask and compiled.asks(view.situation) and compiled.disturbs(view):
                live &= ~compiled.mask
        return live

    def stops(self, view: View) -> Iterator[Stop]:
        """Yield what this stage stops."""
        for compiled in self._rules:
            if compiled.asks(view.situation) and compiled.disturbs(view):
                yield stop(Stage.CONTACT_POLICY, compiled.mask, _finding(compiled.rule, compiled.local(view)))


def _compile(rule: QuietHours, catalog: Catalog, layout: Layout) -> _Compiled:
    named = None if rule.time_zone is None else layout.expressions.text(rule.time_zone)
    function = None if named is None else layout.function(named, Kind.STRING)
    return _Compiled(rule, mask_of(rule.applies_to, catalog), function)


def _finding(rule: QuietHours, local: datetime | None) -> Finding:
    required = f"outside {_clock(rule.from_minute)} to {_clock(rule.until_minute)}"
    if local is None:
        return Finding(rule.id, rule.reason, "the customer's time zone is unknown", required)
    actual = f"{local:%H:%M} in {local.tzinfo}"
    return Finding(rule.id, rule.reason, actual, required, to_ms(quiet_until(rule, local)))


def quiet_until(rule: QuietHours, local: datetime) -> datetime | None:
    """Return the first moment from a local time on that is not quiet, or None if there never is one."""
    for _ in range(_MOST_STEPS):
        ends = _period_end(rule, local)
        if ends is None:
            return local
        local = _after(local, ends - local)
    return None


def _after(local: datetime, length: timedelta) -> datetime:
    """Return the moment a time later, or the one at which the clocks are changed, if that comes first."""
    start, offset = local.astimezone(UTC), local.utcoffset()

    def at(elapsed_ms: int) -> datetime:
        return (start + timedelta(milliseconds=elapsed_ms)).astimezone(local.tzinfo)

    def is_changed(elapsed_ms: int) -> bool:
        return at(elapsed_ms).utcoffset() != offset

    elapsed_ms = length // timedelta(milliseconds=1)
    if is_changed(elapsed_ms):
        elapsed_ms = bisect_left(range(elapsed_ms), True, key=is_changed)
    return at(elapsed_ms)


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
