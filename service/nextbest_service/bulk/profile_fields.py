"""The fields of a row of profiles, and of a row of features."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import cast

from nextbest.v1 import profile_pb2
from nextbest_rules import Catalog, ParameterValue
from nextbest_service.api.write_value import write_value
from nextbest_service.bulk.cells import CellError, flag_of, json_of, keys_of, number_of, text_of, typed
from nextbest_service.bulk.identities import identity_names, identity_put, is_identity
from nextbest_service.bulk.layouts import Put

Profile = profile_pb2.Profile
_ATTRIBUTE, _FEATURE, _CONSENT = "attributes.", "features.", "consents."
ANY = "*"
"""Stands for every channel, or every purpose, in the name of a consent's column."""
_STATES: Mapping[str, profile_pb2.ConsentState] = {
    "granted": profile_pb2.CONSENT_STATE_GRANTED,
    "denied": profile_pb2.CONSENT_STATE_DENIED,
}


@dataclass(slots=True)
class ProfileRow:
    """What a row says of a customer, and whom it is about."""

    profile: Profile = field(default_factory=Profile)
    identities: list[tuple[str, str]] = field(default_factory=list)

    def message(self) -> Profile:
        """Return it as the API would get it."""
        for namespace, id_ in self.identities:
            self.profile.identities.add(namespace=namespace, id=id_)
        self.identities = []  # told
        return self.profile


class ProfileFields:
    """Where the cells of a row of profiles go. Attributes and features may stand without their prefix."""

    message = ProfileRow
    first: tuple[str, ...] = ()
    needed: tuple[str, ...] = ()
    line = ""

    def __init__(self, catalog: Catalog, time_of: Callable[[object], int]) -> None:
        self._catalog = catalog
        self._time_of = time_of
        self._features = {item.name for item in catalog.features if item.source == "customer"}

    def tells_whom(self, name: str) -> bool:
        """Tell whether a field says whom, or what, a row is about."""
        return is_identity(name, self._catalog)

    def put(self, name: str) -> Put[ProfileRow] | None:
        """Return what puts a cell into a field, None where there is no such field."""
        if name == "as_of":
            return self._put_as_of
        if name == "removed_attributes":
            return _put_removed
        if name == "consents":
            return self._put_consents
        if name.startswith(_CONSENT):
            return _consent(*name.removeprefix(_CONSENT).partition(".")[::2])
        identity = identity_put(name, self._catalog)
        return identity or self._attribute(name) or self._feature(name)

    def names(self) -> Iterable[str]:
        """Return the names of fields, for suggestions."""
        yield from ("as_of", "removed_attributes", "consents")
        yield from identity_names(self._catalog)
        yield from self._catalog.facts.declarations
        yield from self._features

    def _attribute(self, name: str) -> Put[ProfileRow] | None:
        fact = name.removeprefix(_ATTRIBUTE)
        declared = self._catalog.facts.declarations.get(fact)
        if declared is None:
            return None
        value_type = declared.type

        def put(row: ProfileRow, cell: object) -> None:
            write_value(cast(ParameterValue, typed(cell, value_type)), row.profile.attributes[fact])

        return put

    def _feature(self, name: str) -> Put[ProfileRow] | None:
        feature = name.removeprefix(_FEATURE)
        if feature not in self._features:
            return None

        def put(row: ProfileRow, cell: object) -> None:
            row.profile.features[feature] = number_of(cell)

        return put

    def _put_as_of(self, row: ProfileRow, cell: object) -> None:
        row.profile.as_of_unix_ms = self._time_of(cell)

    def _put_consents(self, row: ProfileRow, cell: object) -> None:
        items = json_of(cell)
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise CellError("expected a list of consents")
        for item in items:
            if not item.keys() <= {"channel", "purpose", "state", "time", "expires_at"}:
                raise CellError("a consent has channel, purpose, state, time and expires_at")
            consent = row.profile.consents.add(
                channel=text_of(item.get("channel") or ""),
                purpose=text_of(item.get("purpose") or ""),
                state=_state(item.get("state")),
            )
            if item.get("time") is not None:
                consent.time_unix_ms = self._time_of(item["time"])
            if item.get("expires_at") is not None:
                consent.expires_at_unix_ms = self._time_of(item["expires_at"])


def _put_removed(row: ProfileRow, cell: object) -> None:
    row.profile.removed_attributes.extend(keys_of(cell))


def _consent(channel: str, purpose: str) -> Put[ProfileRow]:
    def put(row: ProfileRow, cell: object) -> None:
        row.profile.consents.add(
            channel="" if channel == ANY else channel,
            purpose="" if purpose == ANY else purpose,
            state=_state(cell),
        )

    return put


def _state(cell: object) -> profile_pb2.ConsentState:
    """Return what was said: granted or denied, or a flag."""
    if isinstance(cell, str) and cell.strip().lower() in _STATES:
        return _STATES[cell.strip().lower()]
    return profile_pb2.CONSENT_STATE_GRANTED if flag_of(cell) else profile_pb2.CONSENT_STATE_DENIED
