"""From the wire to the domain: outcomes, each checked whole."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import cast

from nextbest.v1 import outcome_pb2
from nextbest_rules import Catalog, ValueType
from nextbest_rules.records import Outcome
from nextbest_service.api.findings import Findings
from nextbest_service.api.read_item import check_amount, check_id, read_properties
from nextbest_service.customers.incoming import ReportedOutcome, stamp
from nextbest_service.customers.tokens import TokenReader
from nextbest_service.store.keys import KeyRing

OUTCOME_TYPES: Mapping[Outcome, outcome_pb2.OutcomeType] = {
    kind: cast(outcome_pb2.OutcomeType, outcome_pb2.OutcomeType.Value(f"OUTCOME_TYPE_{kind.name}"))
    for kind in Outcome
}
_TYPES = {number: kind for kind, number in OUTCOME_TYPES.items()}


@dataclass(frozen=True, slots=True)
class OutcomeReader:
    """Reads outcomes under one catalog. A property may be any that some event declares."""

    tokens: TokenReader
    properties: Mapping[str, Collection[ValueType]]

    @classmethod
    def of(cls, catalog: Catalog, ring: KeyRing) -> "OutcomeReader":
        """Return the reader of a catalog."""
        types: dict[str, set[ValueType]] = {}
        for event in catalog.events.values():
            for name, kind in event.properties.items():
                types.setdefault(name, set()).add(kind)
        return cls(TokenReader.of(ring, catalog), types)

    def read(self, message: outcome_pb2.Outcome, path: str) -> ReportedOutcome:
        """Return an outcome. Whether its time is too far ahead, or too late, is not known yet.

        Raises:
            InvalidRequestError: it breaks the contract.
            InvalidTokenError: it is well formed, but its token is none of ours.
        """
        findings = Findings()
        check_id(message.id, f"{path}id", findings)
        check_id(message.source, f"{path}source", findings)
        check_amount(message.amount, f"{path}amount", findings)
        findings.require(message.time_unix_ms >= 0, f"{path}time_unix_ms", "0 is now; not before 1970")
        findings.require(message.type in _TYPES, f"{path}type", "not a declared outcome")
        properties = read_properties(
            message.properties, lambda name: self.properties.get(name, ()), f"{path}properties", findings
        )
        findings.raise_if_any()
        of = self.tokens.read(message.token)
        body = (message.type, message.time_unix_ms, of.decision, of.action, of.placement, message.amount)
        return ReportedOutcome(
            stamp=stamp(message.source, message.id, body, sorted(properties.items())),
            type=_TYPES[message.type],
            of=of,
            time_ms=message.time_unix_ms or None,
            amount=message.amount,
            properties=properties,
        )
