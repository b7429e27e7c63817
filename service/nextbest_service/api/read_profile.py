"""From the wire to the domain: profiles, each checked whole."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from nextbest.v1 import profile_pb2
from nextbest_models.features import FeatureSpec
from nextbest_rules import Catalog
from nextbest_rules.declarations import FactValue
from nextbest_rules.records import Consent
from nextbest_service.api.findings import Findings
from nextbest_service.api.read_identities import read_identities
from nextbest_service.api.read_item import MAX_NAME_BYTES
from nextbest_service.api.read_value import MOST, read_value
from nextbest_service.customers.incoming import ProfileChange
from nextbest_service.store.keys import Identity

_GRANTED: Mapping[int, bool] = {
    profile_pb2.CONSENT_STATE_GRANTED: True,
    profile_pb2.CONSENT_STATE_DENIED: False,
}
MAX_ENTRIES = 1000
"""Of each kind: attributes, removals, consents and features."""
_UNDECLARED = "not declared by the catalog"


@dataclass(frozen=True, slots=True)
class ProfileReader:
    """Reads profiles under one catalog; `features` are the names of the customer's features."""

    catalog: Catalog
    features: frozenset[str]

    @classmethod
    def of(cls, catalog: Catalog, spec: FeatureSpec) -> "ProfileReader":
        """Return the reader of a catalog and its features."""
        return cls(catalog, frozenset(spec.customer_names))

    def read(self, message: profile_pb2.Profile, path: str) -> tuple[tuple[Identity, ...], ProfileChange]:
        """Return whom a profile is about, and what it tells; that no time is too far ahead is unchecked.

        Raises:
            InvalidRequestError: it breaks the contract.
            UnknownReferenceError: it is well formed, but names things that the catalog does not have.
        """
        findings = Findings()
        _check_sizes(message, path, findings)
        identities = read_identities(message.identities, f"{path}identities", findings)
        findings.require(message.as_of_unix_ms >= 0, f"{path}as_of_unix_ms", "0 is now; not before 1970")
        change = ProfileChange(
            attributes=self._attributes(message, path, findings),
            removed=self._removed(message, path, findings),
            consents=tuple(self._consents(message.consents, f"{path}consents", findings)),
            features=self._features(message, path, findings),
            as_of_ms=message.as_of_unix_ms or None,
        )
        findings.raise_if_any()
        return identities, change

    def _attributes(
        self, message: profile_pb2.Profile, path: str, findings: Findings
    ) -> dict[str, FactValue]:
        attributes: dict[str, FactValue] = {}
        for name in message.attributes:
            place = f'{path}attributes["{name[:MAX_NAME_BYTES]}"]'
            declared = self.catalog.facts.declarations.get(name)
            if declared is None:
                findings.reject(place, _UNDECLARED)
                continue
            value = read_value(message.attributes[name], (declared.type,), place, findings)
            if value is not None:
                attributes[name] = value
        return attributes

    def _removed(self, message: profile_pb2.Profile, path: str, findings: Findings) -> frozenset[str]:
        for index, name in enumerate(message.removed_attributes):
            place = f"{path}removed_attributes[{index}]"
            findings.require(name in self.catalog.facts.declarations, place, _UNDECLARED)
            findings.require(name not in message.attributes, place, "also stands in attributes")
        return frozenset(message.removed_attributes)

    def _consents(
        self, messages: Iterable[profile_pb2.Consent], path: str, findings: Findings
    ) -> Iterable[Consent]:
        for index, message in enumerate(messages):
            place = f"{path}[{index}]"
            if message.channel and message.channel not in self.catalog.channels:
                findings.miss(f"{place}.channel", "the catalog declares no such channel")
            if message.purpose and message.purpose not in self.catalog.purposes:
                findings.miss(f"{place}.purpose", "the catalog declares no such purpose")
            findings.require(message.state in _GRANTED, f"{place}.state", "granted or denied")
            findings.require(message.time_unix_ms >= 0, f"{place}.time_unix_ms", "not before 1970")
            findings.require(
                message.expires_at_unix_ms >= 0, f"{place}.expires_at_unix_ms", "not before 1970"
            )
            yield Consent(
                _GRANTED.get(message.state, False),
                message.time_unix_ms,
                message.channel,
                message.purpose,
                message.expires_at_unix_ms or None,
            )

    def _features(self, message: profile_pb2.Profile, path: str, findings: Findings) -> dict[str, float]:
        for name in message.features:
            place = f'{path}features["{name[:MAX_NAME_BYTES]}"]'
            value = message.features[name]
            findings.require(name in self.features, place, _UNDECLARED)
            findings.require(
                math.isfinite(value) and abs(value) <= MOST, place, "a finite number, at most 10^15"
            )
        return dict(message.features)


def _check_sizes(message: profile_pb2.Profile, path: str, findings: Findings) -> None:
    """Refuse a profile that has more entries than any catalog declares, before each is looked at.

    Raises:
        InvalidRequestError: it has.
    """
    for name in ("attributes", "removed_attributes", "consents", "features"):
        findings.require(
            len(getattr(message, name)) <= MAX_ENTRIES, f"{path}{name}", f"at most {MAX_ENTRIES:,} entries"
        )
    findings.raise_if_any()
