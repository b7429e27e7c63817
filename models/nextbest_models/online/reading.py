"""Reads the features of a person off the tallies of the person's portions."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nextbest_models.online.measures import Derived
from nextbest_models.online.plan import Reading
from nextbest_models.online.tallies import Given, Tally


@dataclass(frozen=True, slots=True)
class TallyReader:
    """Reads features in their order; `defaults` stand for what is missing. `streams`: how many there are."""

    readings: tuple[Reading, ...]
    defaults: tuple[float, ...]
    streams: int

    def values(self, tallies: Sequence[Tally], now_ms: int) -> list[float]:
        """Return every feature at a moment, float64."""
        given = _by_feature(tallies)
        bare = [[(tally.streams[place], None) for tally in tallies] for place in range(self.streams)]
        found: list[float] = []
        for place, (reading, default) in enumerate(zip(self.readings, self.defaults, strict=True)):
            if isinstance(reading, Derived):
                newest = _standing(tallies, given, place, reading)
                value = reading.of(found) if newest is None else newest.value
            elif place in given:
                streams = [tally.streams[reading.stream] for tally in tallies]
                value = reading.of([*zip(streams, given[place], strict=True)], now_ms)
            else:
                value = reading.of(bare[reading.stream], now_ms)
            found.append(default if math.isnan(value) else value)
        return found

    def as_of(self, tallies: Sequence[Tally]) -> Mapping[int, int]:
        """Return, by feature, when the given value in use was computed: the oldest if several are."""
        given = _by_feature(tallies)
        found: dict[int, int] = {}
        for place, items in given.items():
            reading = self.readings[place]
            if not isinstance(reading, Derived):
                found[place] = min(item.as_of_ms for item in items if item)
            elif newest := _standing(tallies, given, place, reading):
                found[place] = newest.as_of_ms
        return found

    def given(self, tallies: Sequence[Tally]) -> frozenset[int]:
        """Return the features to which anybody ever gave a value."""
        return frozenset(_by_feature(tallies))


_ByFeature = Mapping[int, Sequence[Given | None]]


def _by_feature(tallies: Sequence[Tally]) -> _ByFeature:
    """Return the given values of each feature that has any, one place for each tally."""
    found: dict[int, list[Given | None]] = {}
    for number, tally in enumerate(tallies):
        for item in tally.given:
            found.setdefault(item.feature, [None] * len(tallies))[number] = item
    return found


def _standing(tallies: Sequence[Tally], given: _ByFeature, place: int, derived: Derived) -> Given | None:
    """Return the newest given value of a derived feature, unless something that it is made of has changed."""
    newest = max((item for item in given.get(place, ()) if item), key=lambda it: it.as_of_ms, default=None)
    if newest is None:
        return None
    moments = [tally.streams[stream].last_ms for tally in tallies for stream in derived.streams]
    moments += [item.as_of_ms for part in derived.features for item in given.get(part, ()) if item]
    return newest if all(moment <= newest.as_of_ms for moment in moments) else None
