"""Changes of one portion's tally: events counted and taken back, values given, the past forgotten."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nextbest_models.online.events import StreamEvent
from nextbest_models.online.layouts import StreamLayout
from nextbest_models.online.measures import Derived
from nextbest_models.online.plan import Reading
from nextbest_models.online.tallies import Given, Tally, counted, trimmed, uncounted


class GivenValueError(ValueError):
    """A value cannot be given: no feature of a customer has this name, or it is not finite."""


@dataclass(frozen=True, slots=True)
class Changes:
    """All changes that a tally of some streams and features can go through. `names`: feature -> place."""

    layouts: tuple[StreamLayout, ...]
    readings: tuple[Reading, ...]
    names: Mapping[str, int]

    def counted(self, tally: Tally, events: Sequence[StreamEvent], sign: int) -> Tally:
        """Return the tally with some events more, or with a `sign` of -1 without them."""
        change = counted if sign > 0 else uncounted
        own = _by_stream(events)
        streams = tuple(
            change(layout, old, own[layout.name]) if layout.name in own else old
            for layout, old in zip(self.layouts, tally.streams, strict=True)
        )
        after = Tally(streams, tally.given)
        if not tally.given:
            return after
        return Tally(streams, tuple(self._since(item, tally, after, own, sign) for item in tally.given))

    def given(
        self, tally: Tally, values: Mapping[str, float], as_of_ms: int, since: Sequence[StreamEvent]
    ) -> Tally:
        """Return the tally with values of features as of a moment; `since` are counted events after it.

        Raises:
            GivenValueError: a name is unknown, or a value not finite.
        """
        given = {item.feature: item for item in tally.given}
        own = _by_stream(since)
        for name, value in values.items():
            if name not in self.names or not math.isfinite(value):
                raise GivenValueError("a value is given to an unknown feature, or is not finite")
            item = Given(self.names[name], float(value), as_of_ms, 0.0)
            given[item.feature] = self._since(item, tally, tally, own, 1)
        return Tally(tally.streams, tuple(given[place] for place in sorted(given)))

    def trimmed(self, tally: Tally, now_ms: int) -> Tally:
        """Return the tally without what no window reaches any more."""
        streams = tuple(
            trimmed(layout, old, now_ms) for layout, old in zip(self.layouts, tally.streams, strict=True)
        )
        return Tally(streams, tuple(item for item in tally.given if not self._is_over(item, now_ms)))

    def _is_over(self, given: Given, now_ms: int) -> bool:
        reading = self.readings[given.feature]
        return not isinstance(reading, Derived) and reading.is_over(given, now_ms)

    def _since(
        self,
        given: Given,
        before: Tally,
        after: Tally,
        events: Mapping[str, Sequence[StreamEvent]],
        sign: int,
    ) -> Given:
        """Return a given value with what some events after it add, or take back."""
        reading = self.readings[given.feature]
        if isinstance(reading, Derived):
            return given
        new, name = after.streams[reading.stream], self.layouts[reading.stream].name
        if not new.events:
            return given._replace(since=0.0)
        later = [event for event in events.get(name, ()) if event.time_ms > given.as_of_ms]
        kept = reading.faded(given.since, new.last_ms - before.streams[reading.stream].last_ms)
        return given._replace(since=kept + sign * reading.added(later, new.last_ms))


def _by_stream(events: Sequence[StreamEvent]) -> Mapping[str, list[StreamEvent]]:
    found: dict[str, list[StreamEvent]] = {}
    for event in events:
        found.setdefault(event.stream, []).append(event)
    return found
