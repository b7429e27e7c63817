"""Reads a customer's features from Feast's online store, and never stands in the way of a decision."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from nextbest_service.errors import StoreUnavailableError
from nextbest_service.feast.layout import entity_key, feature_field, time_field
from nextbest_service.feast.mapping import FeastMapping, FeastView
from nextbest_service.feast.wire import FeastValueError, number_of, time_ms_of
from nextbest_service.store.connection import Store
from nextbest_service.store.given import GivenFeatures
from nextbest_service.store.keys import Identity
from nextbest_service.store.line import Command

PAUSE_SECONDS = 1.0
"""How long nobody asks after Feast's store failed: decisions must not all wait for its time-out."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Lookup:
    """A view with all that is the same for every customer."""

    view: FeastView
    names: tuple[str, ...]
    fields: tuple[bytes, ...]

    @classmethod
    def of(cls, view: FeastView) -> "_Lookup":
        fields = (feature_field(view.name, feature) for feature in view.features.values())
        return cls(view, tuple(view.features), (*fields, time_field(view.name)))


class FeastReader:
    """Reads the mapped features; every failure means that they are missing."""

    def __init__(
        self, store: Store, mapping: FeastMapping, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._store = store
        self._project = mapping.project
        self._lookups = tuple(map(_Lookup.of, mapping.views))
        self._clock = clock
        self._not_before = 0.0

    async def read(self, identities: Sequence[Identity]) -> tuple[GivenFeatures, ...]:
        """Return the features that Feast holds under any of the identities, as of the times it tells.

        Raises nothing: what cannot be read is logged and left out.
        """
        asked = [*self._questions(identities)]
        if not asked or self._clock() < self._not_before:
            return ()
        try:
            rows = await self._store.run([command for _, command in asked])
        except StoreUnavailableError:
            self._not_before = self._clock() + PAUSE_SECONDS
            log.warning("feast_not_answering", pause_seconds=PAUSE_SECONDS)
            return ()
        found = (_given(lookup, row) for (lookup, _), row in zip(asked, rows, strict=True))
        return tuple(given for given in found if given is not None)

    def over(self, mapping: FeastMapping) -> "FeastReader":
        """Return a reader of the same store by another mapping; one of them is closed in the end."""
        return FeastReader(self._store, mapping, self._clock)

    async def aclose(self) -> None:
        """Close the connection."""
        await self._store.aclose()

    def _questions(self, identities: Sequence[Identity]) -> Iterator[tuple[_Lookup, Command]]:
        for lookup in self._lookups:
            view = lookup.view
            for identity in identities:
                if identity.namespace == view.namespace:
                    key = entity_key(self._project, view.join_key, view.kind, identity.id)
                    if key is not None:
                        yield lookup, ("HMGET", key, *lookup.fields)


def _given(lookup: _Lookup, row: Any) -> GivenFeatures | None:  # noqa: ANN401 - a reply, or an error
    """Return what a reply says, or None where Feast holds nothing."""
    if isinstance(row, Exception):
        log.warning("feast_refused", view=lookup.view.name, error=type(row).__name__)
        return None
    *blobs, stamp = row
    if not stamp:
        return None
    try:
        as_of_ms = time_ms_of(stamp)
    except FeastValueError as error:
        log.error("feast_value_unreadable", view=lookup.view.name, error=str(error))
        return None
    values = {}
    for name, blob in zip(lookup.names, blobs, strict=True):
        value = _value(lookup.view, name, blob or b"")
        if value is not None:
            values[name] = value
    return GivenFeatures(values, as_of_ms) if values else None


def _value(view: FeastView, name: str, blob: bytes) -> float | None:
    try:
        return number_of(blob)
    except FeastValueError as error:
        log.error("feast_value_unreadable", view=view.name, feature=name, error=str(error))
        return None
