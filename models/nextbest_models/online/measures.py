"""How each customer feature is read off the tallies, at any moment.

A person has one tally per portion. What events add up to is added up over the portions; a value given to one
portion replaces what that portion's own events said until then.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Protocol, TypeAlias

from nextbest_models.definitions import DAY_MS
from nextbest_models.online.events import StreamEvent
from nextbest_models.online.tallies import Given, StreamTally, faded_sum

Parts: TypeAlias = Sequence[tuple[StreamTally, Given | None]]


class Measure(Protocol):
    """A feature that counts the events of one stream."""

    @property
    def stream(self) -> int:
        """The stream's place among the layouts."""

    def of(self, parts: Parts, now_ms: int, /) -> float:
        """Return the value at a moment over all portions; NaN is missing."""

    def added(self, events: Sequence[StreamEvent], as_of_ms: int, /) -> float:
        """Return what events after a given value add to it, as of a moment not before any of them."""

    def faded(self, added: float, ms: int, /) -> float:
        """Return what is left of that some milliseconds later."""

    def is_over(self, given: Given, now_ms: int, /) -> bool:
        """Whether a given value counts no more."""


class _Standing:
    """Where the tally tells by itself what came after a given value, which stands until the next one."""

    __slots__ = ()

    def added(self, _events: Sequence[StreamEvent], _as_of_ms: int) -> float:
        """Return 0: the tally tells."""
        return 0.0

    def faded(self, added: float, _ms: int) -> float:
        """Return the same."""
        return added

    def is_over(self, _given: Given, _now_ms: int) -> bool:
        """Return False."""
        return False


@dataclass(frozen=True, slots=True)
class Total(_Standing):
    """A sum over all time; without a slot the number of events."""

    stream: int
    slot: int | None
    value: str | None

    def of(self, parts: Parts, _now_ms: int) -> float:
        """Return the sum."""
        return sum(self._own(tally) if given is None else given.value + given.since for tally, given in parts)

    def added(self, events: Sequence[StreamEvent], _as_of_ms: int) -> float:
        """Return the sum of what came after."""
        return sum(1.0 if self.value is None else event.values.get(self.value, 0.0) for event in events)

    def _own(self, tally: StreamTally) -> float:
        return tally.events if self.slot is None else tally.sums[self.slot]


@dataclass(frozen=True, slots=True)
class Windowed(_Standing):
    """A sum over the single events of a window; without a column their number."""

    stream: int
    column: int | None
    window_ms: int

    def of(self, parts: Parts, now_ms: int) -> float:
        """Return the sum over the events in the window before the moment."""
        return sum(self._part(tally, given, now_ms) for tally, given in parts)

    def is_over(self, given: Given, now_ms: int) -> bool:
        """Whether the window has left the moment of the given value behind."""
        return now_ms > given.as_of_ms + self.window_ms

    def _part(self, tally: StreamTally, given: Given | None, now_ms: int) -> float:
        begin = bisect_left(tally.times_ms, now_ms - self.window_ms)
        end = bisect_left(tally.times_ms, now_ms)
        if given is None:
            return self._sum(tally, begin, end)
        after = max(begin, bisect_right(tally.times_ms, given.as_of_ms))
        return self._sum(tally, after, end) + (0.0 if self.is_over(given, now_ms) else given.value)

    def _sum(self, tally: StreamTally, begin: int, end: int) -> float:
        return max(0, end - begin) if self.column is None else added_up(tally.columns[self.column][begin:end])


@dataclass(frozen=True, slots=True)
class Decayed(_Standing):
    """A sum that fades."""

    stream: int
    slot: int
    value: str | None
    half_life_ms: float

    def of(self, parts: Parts, now_ms: int) -> float:
        """Return the sum, faded until the moment."""
        return sum(self._part(tally, given, now_ms) for tally, given in parts)

    def added(self, events: Sequence[StreamEvent], as_of_ms: int) -> float:
        """Return the sum of what came after, as of a moment."""
        return faded_sum(events, self.value, self.half_life_ms, as_of_ms)

    def faded(self, added: float, ms: int) -> float:
        """Return what is left of the sum later."""
        return added * self._fade(ms)

    def _part(self, tally: StreamTally, given: Given | None, now_ms: int) -> float:
        if given is None:
            return tally.decays[self.slot] * self._fade(now_ms - tally.last_ms)
        own = given.since * self._fade(now_ms - tally.last_ms)
        return own + given.value * self._fade(now_ms - given.as_of_ms)

    def _fade(self, age_ms: int) -> float:
        return math.exp2(-max(0, age_ms) / self.half_life_ms)


@dataclass(frozen=True, slots=True)
class Recency(_Standing):
    """Days since the newest event."""

    stream: int
    window_ms: int | None

    def of(self, parts: Parts, now_ms: int) -> float:
        """Return the days, at least 0; missing without an event in the window."""
        moments = [found for part in parts if (found := _newest_ms(*part)) is not None]
        if not moments:
            return math.nan
        age_ms = max(0.0, now_ms - max(moments))
        return math.nan if self.window_ms is not None and age_ms > self.window_ms else age_ms / DAY_MS


@dataclass(frozen=True, slots=True)
class Tenure(_Standing):
    """Days since the first event."""

    stream: int

    def of(self, parts: Parts, now_ms: int) -> float:
        """Return the days, at least 0; missing without an event."""
        moments = [found for part in parts if (found := _first_ms(*part)) is not None]
        return max(0.0, now_ms - min(moments)) / DAY_MS if moments else math.nan


@dataclass(frozen=True, slots=True)
class Different(_Standing):
    """How many different things the events of a window, or of all time, were about."""

    stream: int
    mark: int
    window_ms: int | None

    def of(self, parts: Parts, now_ms: int) -> float:
        """Return the number; a given one is the least it can be while its moment is in the window."""
        begin_ms = -math.inf if self.window_ms is None else now_ms - self.window_ms
        seen = {
            thing
            for tally, given in parts
            for thing, at_ms in tally.marks[self.mark].items()
            if begin_ms <= at_ms < now_ms and (given is None or at_ms > given.as_of_ms)
        }
        least = [given.value for _, given in parts if given and not self.is_over(given, now_ms)]
        return max(len(seen), *least, 0.0)

    def is_over(self, given: Given, now_ms: int) -> bool:
        """Whether the window has left the moment of the given value behind."""
        return self.window_ms is not None and now_ms > given.as_of_ms + self.window_ms


@dataclass(frozen=True, slots=True)
class Quotient:
    """One feature by another; missing where that is 0."""

    over: int
    under: int

    def __call__(self, found: Sequence[float]) -> float:
        """Return it from the values of the features above."""
        return found[self.over] / found[self.under] if found[self.under] != 0.0 else math.nan


@dataclass(frozen=True, slots=True)
class WeightedSum:
    """Features by their places, each times its weight."""

    terms: tuple[tuple[int, float], ...]

    def __call__(self, found: Sequence[float]) -> float:
        """Return it from the values of the features above."""
        return added_up([weight * found[part] for part, weight in self.terms])


def added_up(values: Sequence[float]) -> float:
    """Return the sum, added from left to right: `sum` does something else from Python 3.12 on."""
    return reduce(add, values, 0)


@dataclass(frozen=True, slots=True)
class Derived:
    """A feature made of others above it, or of none: then it is only ever given.

    of: from the values of the features above to this one's. streams, features: all that it depends on.
    """

    of: Callable[[Sequence[float]], float]
    streams: frozenset[int]
    features: frozenset[int]


def _newest_ms(tally: StreamTally, given: Given | None) -> float | None:
    if given is None or (tally.events and tally.last_ms > given.as_of_ms):
        return tally.last_ms if tally.events else None
    return given.as_of_ms - given.value * DAY_MS


def _first_ms(tally: StreamTally, given: Given | None) -> float | None:
    if given is not None:
        return given.as_of_ms - given.value * DAY_MS
    return tally.first_ms if tally.events else None
