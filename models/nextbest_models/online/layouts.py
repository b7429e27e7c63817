"""What has to be kept of each event stream, so that every declared feature can be told at any moment."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from nextbest_models.definitions import DAY_MS, Aggregate, Distinct, Function
from nextbest_models.features import FeatureSpec


@dataclass(frozen=True, slots=True)
class Decay:
    """A sum that fades: of a value, or of 1 per event where there is none."""

    value: str | None
    half_life_ms: float


@dataclass(frozen=True, slots=True)
class Mark:
    """When each different thing was last seen: numbers of `value`, or keys of the family `key`.

    `window_ms` is the longest anybody looks back; None is for ever.
    """

    value: str | None
    key: str | None
    window_ms: int | None


@dataclass(frozen=True, slots=True)
class StreamLayout:
    """What is kept of one stream.

    first: whether the first event's time is. sums, decays: totals over all time.
    window_ms: how long single events are, 0 if they are not. columns: the values kept with each of these.
    families: the unit of each affinity family that counts this stream.
    """

    name: str
    first: bool
    sums: tuple[str, ...]
    decays: tuple[Decay, ...]
    window_ms: int
    columns: tuple[str, ...]
    marks: tuple[Mark, ...]
    families: Mapping[str, float]


def stream_layouts(spec: FeatureSpec) -> tuple[StreamLayout, ...]:
    """Return the layout of every stream that a feature or an affinity family counts, by name."""
    names = {definition.of for definition in _counting(spec)} | {it.definition.of for it in spec.families}
    return tuple(_layout(spec, name) for name in sorted(names))


def window_ms(definition: Aggregate | Distinct) -> int | None:
    """Return how far back a definition looks, None for ever."""
    return None if definition.window_days is None else round(definition.window_days * DAY_MS)


def decay(definition: Aggregate) -> Decay | None:
    """Return the fading sum that a definition reads, if it does."""
    half_life = definition.half_life_days
    return None if half_life is None else Decay(definition.value, half_life * DAY_MS)


def _counting(spec: FeatureSpec) -> Iterator[Aggregate | Distinct]:
    for feature in spec.customer_features:
        if isinstance(feature.definition, Aggregate | Distinct):
            yield feature.definition


def _layout(spec: FeatureSpec, name: str) -> StreamLayout:
    own = [it for it in _counting(spec) if it.of == name]
    aggregates = [it for it in own if isinstance(it, Aggregate)]
    summed = [it for it in aggregates if it.function is Function.SUM and it.value is not None]
    windowed = [it for it in aggregates if it.window_days and it.function is not Function.RECENCY]
    return StreamLayout(
        name=name,
        first=any(it.function is Function.FIRST for it in aggregates),
        sums=_unique(it.value for it in summed if it.window_days is None and it.value),
        decays=tuple(dict.fromkeys(found for it in aggregates if (found := decay(it)))),
        window_ms=max((window_ms(it) or 0 for it in windowed), default=0),
        columns=_unique(it.value for it in windowed if it.value),
        marks=tuple(_marks([it for it in own if isinstance(it, Distinct)])),
        families={it.name: it.definition.unit for it in spec.families if it.definition.of == name},
    )


def _marks(distinct: list[Distinct]) -> Iterator[Mark]:
    """Yield one mark for each kind of thing, kept for the longest window that counts it."""
    for value, key in dict.fromkeys((it.value, it.key) for it in distinct):
        windows = [window_ms(it) for it in distinct if (it.value, it.key) == (value, key)]
        known = [window for window in windows if window is not None]
        yield Mark(value, key, max(known) if len(known) == len(windows) else None)


def _unique(names: Iterator[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
