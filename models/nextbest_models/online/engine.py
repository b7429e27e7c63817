"""Features kept up to date event by event, and read at the moment they are asked for."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from nextbest_models.affinity import AffinityCounters, AffinityKeys
from nextbest_models.definitions import DAY_MS, External
from nextbest_models.features import FeatureSpec
from nextbest_models.history import EventLog
from nextbest_models.online.changing import Changes
from nextbest_models.online.counters import merged, touched, untouched
from nextbest_models.online.events import StreamEvent
from nextbest_models.online.layouts import stream_layouts
from nextbest_models.online.plan import readings
from nextbest_models.online.reading import TallyReader
from nextbest_models.online.replay import replayed
from nextbest_models.online.state import FeatureState
from nextbest_models.online.tallies import Tally, nothing
from nextbest_models.state import CustomerFeatures


class Affinity(NamedTuple):
    """How often a customer touched one affinity key.

    last_at_ms: begin of the last day, UTC. total: the sum of the family's value.
    """

    key: str
    touches: int
    last_at_ms: int
    total: float


class OnlineFeatures:
    """Everything that can be done with feature states under one specification. Built once, then read-only.

    `externals` are the names of the features that are only ever given.
    """

    __slots__ = ("_changes", "_units", "empty", "externals", "layouts", "reader", "spec")

    def __init__(self, spec: FeatureSpec) -> None:
        self.spec = spec
        self.layouts = stream_layouts(spec)
        self.empty = FeatureState(
            (Tally(tuple(nothing(layout) for layout in self.layouts), ()),), AffinityCounters.empty()
        )
        read = readings(spec, self.layouts)
        names = {name: place for place, name in enumerate(spec.customer_names)}
        defaults = tuple(feature.default for feature in spec.customer_features)
        self._changes = Changes(self.layouts, read, names)
        self.reader = TallyReader(read, defaults, len(self.layouts))
        self.externals = tuple(
            feature.name for feature in spec.customer_features if isinstance(feature.definition, External)
        )
        self._units = {layout.name: layout.families for layout in self.layouts}

    def with_events(self, state: FeatureState, events: Sequence[StreamEvent]) -> FeatureState:
        """Return a portion's state with some events more: in any order, late ones where they belong.

        Events of streams that nothing counts change nothing.
        """
        (tally,) = state.tallies
        return FeatureState(
            (self._changes.counted(tally, events, 1),), touched(state.counters, self._units, events)
        )

    def without_events(self, state: FeatureState, events: Sequence[StreamEvent]) -> FeatureState:
        """Return a portion's state without events that were counted in it before.

        Counts, sums and single events are taken back. The times of first and last events and touches, and the
        things that `distinct` saw, stay unless no event of the stream is left: what was second is not known.
        """
        (tally,) = state.tallies
        return FeatureState(
            (self._changes.counted(tally, events, -1),), untouched(state.counters, self._units, events)
        )

    def with_given(
        self,
        state: FeatureState,
        values: Mapping[str, float],
        as_of_ms: int,
        since: Sequence[StreamEvent] = (),
    ) -> FeatureState:
        """Return a portion's state with values that were computed elsewhere, as of a moment.

        Each replaces what the feature's events said until then, and events after it count on top. The state
        may have counted some of these before. Windows, recency and `distinct` still find them; sums over
        all time and sums that fade count them if they are handed over in `since`, and lose them otherwise.

        A value as of an older moment than the one it replaces is the caller's mistake.

        Raises:
            GivenValueError: a name is unknown, or a value not finite.
        """
        (tally,) = state.tallies
        return FeatureState((self._changes.given(tally, values, as_of_ms, since),), state.counters)

    def folded(self, states: Sequence[FeatureState]) -> FeatureState:
        """Return the state of a person: of all portions, in any order."""
        if len(states) == 1:
            return states[0]
        return FeatureState(
            tuple(tally for state in states for tally in state.tallies) or self.empty.tallies,
            merged([state.counters for state in states]),
        )

    def trimmed(self, state: FeatureState, now_ms: int) -> FeatureState:
        """Return a state without single events, marks and given values that no window reaches any more."""
        return FeatureState(
            tuple(self._changes.trimmed(tally, now_ms) for tally in state.tallies), state.counters
        )

    def features(self, state: FeatureState, now_ms: int) -> CustomerFeatures:
        """Return the features at a moment: what the model and the rules see.

        Single events at the moment or later do not count in windows, and nothing is younger than 0 days.
        """
        vector = np.array(self.values(state, now_ms), dtype=np.float32)
        return CustomerFeatures(vector, state.counters, now_ms)

    def values(self, state: FeatureState, now_ms: int) -> list[float]:
        """Return the customer's features at a moment as float64, in the order of `spec.customer_names`."""
        return self.reader.values(state.tallies, now_ms)

    def as_of(self, state: FeatureState) -> Mapping[str, int]:
        """Return when each given value that is in use was computed, by feature: the oldest if several are."""
        names = self.spec.customer_names
        return {names[place]: as_of_ms for place, as_of_ms in self.reader.as_of(state.tallies).items()}

    def missing(self, state: FeatureState) -> tuple[str, ...]:
        """Return the features that stand at their default because nobody ever gave a value."""
        given = {self.spec.customer_names[place] for place in self.reader.given(state.tallies)}
        return tuple(name for name in self.externals if name not in given)

    def strongest(
        self, state: FeatureState, keys: AffinityKeys, limit: int
    ) -> Mapping[str, tuple[Affinity, ...]]:
        """Return the keys of each family that were touched most, at most `limit` of each.

        Of keys touched equally often, the one touched last comes first.
        """
        found: dict[str, list[Affinity]] = {}
        columns = (column.tolist() for column in (state.counters.ids, *state.counters.statistics))
        for key_id, count, day, total in zip(*columns, strict=True):
            family, key = keys.key(key_id)
            if (unit := self.spec.family_units.get(family)) is not None:
                found.setdefault(family, []).append(Affinity(key, count, day * DAY_MS, total * unit))
        return {
            family: tuple(sorted(items, key=lambda it: (-it.touches, -it.last_at_ms, it.key))[:limit])
            for family, items in found.items()
        }

    def from_snapshot(self, log: EventLog, as_of_ms: int) -> Iterator[FeatureState]:
        """Yield every customer's state as of a moment, in the log's order, as if replayed event by event.

        Raises:
            HistoryError: the log lacks a stream, a value or a family that the specification names.
        """
        for streams, counters in replayed(self.spec, self.layouts, log, as_of_ms):
            yield FeatureState((Tally(streams, ()),), counters)
