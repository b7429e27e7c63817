"""Turns events and outcomes into what features count: the streams that the catalog declares."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from nextbest_models.affinity import AffinityKey
from nextbest_models.online import StreamEvent, text_number
from nextbest_rules import Action, Catalog
from nextbest_rules.catalog import AffinityDeclaration, StreamDeclaration
from nextbest_rules.records import Outcome
from nextbest_service.customers.incoming import Line, ReportedOutcome, TrackedEvent

_PER_LINE: Mapping[str, Callable[[Line], float]] = MappingProxyType(
    {
        "items.amount": lambda line: line.amount,
        "items.quantity": lambda line: line.quantity,
        "items.count": lambda _: 1.0,
    }
)
_PROPERTY = "properties."


@dataclass(frozen=True, slots=True)
class _Happening:
    """An event or outcome, as streams see it."""

    time_ms: int
    lines: tuple[Line, ...]
    amount: float
    properties: Mapping[str, object]
    texts: Mapping[str, str]

    def number(self, source: str) -> float | None:
        """Return a value of the whole, None where it was not told. A text has a number that stands for it."""
        per_line = _PER_LINE.get(source)
        if per_line is not None:
            return math.fsum(map(per_line, self.lines))
        if source == "amount":
            return self.amount
        value = self.texts.get(source) or self.properties.get(source.removeprefix(_PROPERTY))
        if isinstance(value, str):
            return text_number(value)
        return float(value) if isinstance(value, int | float) else None

    def text(self, source: str) -> str:
        """Return what a stream may ask for: a text that was not told is empty."""
        if source in self.texts:
            return self.texts[source]
        value = self.properties.get(source.removeprefix(_PROPERTY), "")
        return str(value).lower() if isinstance(value, bool) else str(value)


@dataclass(frozen=True, slots=True)
class _Stream:
    """A declared stream, and the families that count what it touches with the source of their value."""

    declared: StreamDeclaration
    families: tuple[tuple[str, str], ...]

    def counts(self, happening: _Happening) -> bool:
        """Tell whether it is about this."""
        return all(happening.text(source) in texts for source, texts in self.declared.where.items())

    def event(self, happening: _Happening, ids: Mapping[AffinityKey, int]) -> StreamEvent:
        """Return what features count."""
        return StreamEvent(
            self.declared.name,
            happening.time_ms,
            {
                name: value
                for name, source in self.declared.values.items()
                if (value := happening.number(source)) is not None
            },
            {
                family: touches
                for family, source in self.families
                if (touches := _touches(happening, family, source, ids))
            },
        )


@dataclass(frozen=True, slots=True)
class Streams:
    """All streams of a catalog, by what feeds them.

    `ids` is the dictionary of affinity keys: it may grow, but an id never changes. Keys that it does not have
    are not counted.
    """

    ids: Mapping[AffinityKey, int]
    _by_event: Mapping[str, tuple[_Stream, ...]]
    _by_outcome: Mapping[Outcome, tuple[_Stream, ...]]
    _actions: Mapping[str, Action]

    @classmethod
    def of(cls, catalog: Catalog, ids: Mapping[AffinityKey, int]) -> "Streams":
        """Compile the streams of a catalog."""
        streams = [_Stream(item, tuple(_families(item, catalog.affinities))) for item in catalog.streams]
        return cls(
            ids,
            {name: tuple(it for it in streams if name in it.declared.events) for name in catalog.events},
            {kind: tuple(it for it in streams if kind in it.declared.outcomes) for kind in Outcome},
            {action.id: action for action in catalog.actions},
        )

    def of_event(self, event: TrackedEvent, now_ms: int) -> tuple[StreamEvent, ...]:
        """Return what features get from an event that comes in now.

        They count what lies before the moment of a decision, and the next decision may be at this very
        moment, or the sender's clock ahead of ours.
        """
        streams = self._by_event.get(event.type, ())
        if not streams:
            return ()
        texts = {"channel": event.channel, "brand": event.brand, "subject": event.subject}
        time_ms = min(event.time_ms, now_ms - 1)
        happening = _Happening(time_ms, event.lines, event.amount, event.properties, texts)
        return self._counted(streams, happening)

    def keys_of(self, event: TrackedEvent) -> set[AffinityKey]:
        """Return the affinity keys that an event touches in any stream: they need ids."""
        families = {family for stream in self._by_event.get(event.type, ()) for family, _ in stream.families}
        return {
            (family, key)
            for line in event.lines
            for family, keys in line.keys.items()
            if family in families
            for key in keys
        }

    def of_outcome(self, outcome: ReportedOutcome, now_ms: int) -> tuple[StreamEvent, ...]:
        """Return what features get from an outcome: it touches the affinity keys of its action.

        Its time counts as that of an event.
        """
        streams = self._by_outcome[outcome.type]
        if not streams:
            return ()
        of, action = outcome.of, self._actions.get(outcome.of.action)
        keys = {} if action is None else action.affinity
        touched = {family: tuple(key for key, _ in weighted) for family, weighted in keys.items()}
        line = Line(of.action, amount=outcome.amount, keys=touched)
        texts = {"channel": of.channel, "brand": of.brand, "subject": of.action}
        time_ms = now_ms - 1 if outcome.time_ms is None else min(outcome.time_ms, now_ms - 1)
        happening = _Happening(time_ms, (line,), outcome.amount, outcome.properties, texts)
        return self._counted(streams, happening)

    def _counted(self, streams: Iterable[_Stream], happening: _Happening) -> tuple[StreamEvent, ...]:
        return tuple(stream.event(happening, self.ids) for stream in streams if stream.counts(happening))


def _families(
    stream: StreamDeclaration, affinities: Iterable[AffinityDeclaration]
) -> Iterable[tuple[str, str]]:
    """Yield the families that a stream feeds, with the source of the value that they sum."""
    for affinity in affinities:
        if affinity.definition.get("of") == stream.name:
            yield affinity.family, stream.values.get(str(affinity.definition.get("value")), "")


def _touches(
    happening: _Happening, family: str, source: str, ids: Mapping[AffinityKey, int]
) -> tuple[tuple[int, float], ...]:
    """Return the key ids of one family that were touched, each with the value of the lines that touch it.

    A value that belongs to the whole rather than to lines falls on every key.
    """
    of_line = _PER_LINE.get(source, _nothing)
    whole = happening.number(source) or 0.0 if of_line is _nothing else 0.0
    totals: dict[int, float] = {}
    for line in happening.lines:
        for key in line.keys.get(family, ()):
            id_ = ids.get((family, key))
            if id_ is not None:
                totals[id_] = totals.get(id_, whole) + of_line(line)
    return tuple(totals.items())


def _nothing(_: Line) -> float:
    return 0.0
