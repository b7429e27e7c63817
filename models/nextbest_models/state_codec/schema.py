"""What a stored state was written under, as the registry of the store keeps it, and how to read it today."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from nextbest_models.features import FeatureSpec
from nextbest_models.online.layouts import Decay, Mark, StreamLayout, stream_layouts
from nextbest_models.online.tallies import StreamTally, Tally, nothing
from nextbest_models.state_codec.failures import StateError

_ID_BYTES = 8
_Key = TypeVar("_Key")
_Kept = TypeVar("_Kept")


@dataclass(frozen=True, slots=True)
class Family:
    """An affinity family, with all that gives its counters their meaning."""

    name: str
    of: str
    value: str
    unit: float


@dataclass(frozen=True, slots=True)
class StateSchema:
    """The layout and meaning of stored states.

    features: name and digest of the definition, in the order in which given values name them.
    """

    streams: tuple[StreamLayout, ...]
    features: tuple[tuple[str, str], ...]
    families: tuple[Family, ...]

    @classmethod
    def of(cls, spec: FeatureSpec) -> "StateSchema":
        """Return the schema under which a specification's states are written."""
        return cls(
            stream_layouts(spec),
            tuple((it.name, _digest(asdict(it.definition))) for it in spec.customer_features),
            tuple(Family(it.name, **asdict(it.definition)) for it in spec.families),
        )

    @property
    def id(self) -> bytes:
        """Eight bytes that name this schema in every state."""
        return hashlib.sha256(self.to_bytes()).digest()[:_ID_BYTES]

    def to_bytes(self) -> bytes:
        """Return the schema as the registry keeps it."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":")).encode()

    @classmethod
    def from_bytes(cls, entry: bytes) -> "StateSchema":
        """Read a schema of the registry back.

        Raises:
            StateError: the bytes are no schema.
        """
        try:
            plain = json.loads(entry)
            return cls(
                tuple(_layout(item) for item in plain["streams"]),
                tuple((str(name), str(digest)) for name, digest in plain["features"]),
                tuple(Family(**item) for item in plain["families"]),
            )
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            raise StateError("a registered schema of feature states is damaged") from error


@dataclass(frozen=True, slots=True)
class Conversion:
    """How a tally of one schema is read under another."""

    stored: StateSchema
    wanted: StateSchema

    def apply(self, tally: Tally) -> Tally:
        """Return the tally under the wanted schema.

        What both schemas have and mean alike stays. What is new begins empty.
        """
        streams = {
            layout.name: (layout, stream)
            for layout, stream in zip(self.stored.streams, tally.streams, strict=True)
        }
        places = {feature: place for place, feature in enumerate(self.wanted.features)}
        given = [
            item._replace(feature=places[feature])
            for item in tally.given
            if (feature := self.stored.features[item.feature]) in places
        ]
        return Tally(
            tuple(
                _converted(*streams[wanted.name], wanted) if wanted.name in streams else nothing(wanted)
                for wanted in self.wanted.streams
            ),
            tuple(sorted(given)),
        )

    @property
    def lost_families(self) -> frozenset[str]:
        """Families that are gone, or mean something else."""
        return frozenset(it.name for it in self.stored.families if it not in self.wanted.families)


def _converted(stored: StreamLayout, tally: StreamTally, wanted: StreamLayout) -> StreamTally:
    if not tally.events:
        return nothing(wanted)
    # The oldest event that is known of stands for the first where that was not kept.
    oldest_ms = tally.first_ms if stored.first else min([tally.last_ms, *tally.times_ms[:1]])
    times_ms = tally.times_ms if wanted.window_ms else ()
    absent = (0.0,) * len(times_ms)
    return StreamTally(
        tally.events,
        oldest_ms if wanted.first else 0,
        tally.last_ms,
        tuple(_picked(stored.sums, tally.sums, wanted.sums, 0.0)),
        tuple(_picked(stored.decays, tally.decays, wanted.decays, 0.0)),
        times_ms,
        tuple(_picked(stored.columns, tally.columns, wanted.columns, absent)),
        tuple(_picked(_kinds(stored), tally.marks, _kinds(wanted), {})),
    )


def _picked(
    stored: Sequence[_Key], kept: Sequence[_Kept], wanted: Sequence[_Key], absent: _Kept
) -> Iterator[_Kept]:
    by_key = dict(zip(stored, kept, strict=True))
    return (by_key.get(key, absent) for key in wanted)


def _kinds(layout: StreamLayout) -> list[tuple[str | None, str | None]]:
    return [(mark.value, mark.key) for mark in layout.marks]


def _layout(plain: Mapping[str, Any]) -> StreamLayout:
    return StreamLayout(
        **{
            **plain,
            "sums": tuple(plain["sums"]),
            "decays": tuple(Decay(**item) for item in plain["decays"]),
            "columns": tuple(plain["columns"]),
            "marks": tuple(Mark(**item) for item in plain["marks"]),
        }
    )


def _digest(definition: Mapping[str, object]) -> str:
    canonical = json.dumps(definition, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]
