"""Outcomes as the log keeps them."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nextbest_service.decision_log.entries import ID_BYTES, Entry, Kind, pack, unpack
from nextbest_service.store.keys import Ref

_FIELDS = 16


@dataclass(frozen=True, slots=True)
class LoggedOutcome:
    """Something that happened to a proposition, with what its token says of the proposition.

    `id` is unique within `source`; the same again is recorded once. `decision` is the decision's id as 32 hex
    digits, `customer` the ref that the token carries. Times are Unix milliseconds. `amount` is in the
    catalog's currency.
    """

    source: str
    id: str
    type: str
    at_ms: int
    received_ms: int
    decision: str
    customer: Ref
    action: str
    placement: str
    channel: str
    brand: str
    treatment: str = ""
    rank: int = 0
    propensity: float = 0.0
    selection_probability: float = 1.0
    amount: float = 0.0
    properties: Mapping[str, object] = field(default_factory=dict)

    @property
    def key(self) -> bytes:
        """What makes two reports of one outcome one."""
        named = f"{len(self.source)}\0{self.source}\0{self.id}".encode()
        return hashlib.sha256(named).digest()[:ID_BYTES]

    def entry(self) -> Entry:
        """Return it as an entry of the log."""
        body = pack(
            [
                self.source,
                self.id,
                self.type,
                self.at_ms,
                self.received_ms,
                bytes.fromhex(self.decision),
                self.action,
                self.placement,
                self.channel,
                self.brand,
                self.treatment,
                self.rank,
                self.propensity,
                self.selection_probability,
                self.amount,
                dict(self.properties),
            ]
        )
        return Entry(Kind.OUTCOME, self.key, self.customer, body)


def read_outcome(entry: Entry) -> LoggedOutcome:
    """Return the outcome that an entry holds.

    Raises:
        LogFormatError: the entry is damaged.
    """
    content: Any = unpack(entry.body, _FIELDS)
    source, id_, kind, at_ms, received_ms, decision, *rest = content[:_FIELDS]
    return LoggedOutcome(source, id_, kind, at_ms, received_ms, decision.hex(), entry.customer, *rest)
