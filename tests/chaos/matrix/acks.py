"""What callers were told while something was broken: the only witnesses of what must be kept."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple, TypeAlias

from nextbest.v1 import customer_pb2, outcome_pb2


class Kind(IntEnum):
    """What is known of a customer, and so must not be shown."""

    PLAIN = 0
    TROUBLED = 1  # has an open ticket
    UNWILLING = 2  # said no to marketing
    SILENT = 3  # said nothing


class Customer(NamedTuple):
    """Somebody who is asked about."""

    name: str
    kind: Kind


class Shown(NamedTuple):
    """One proposition. `tag` is what it says of whose it is."""

    action: str
    tag: str


class Decided(NamedTuple):
    """A decision that a caller got; `began` and `ended` are monotonic seconds.

    `degraded` holds why, except for what always is so in this catalog.
    """

    customer: Customer
    decision_id: str
    shown: tuple[Shown, ...]
    rung: str
    degraded: frozenset[str]
    began: float
    ended: float

    @property
    def is_full(self) -> bool:
        """Whether nothing fell short."""
        return not self.degraded


class Failed(NamedTuple):
    """A call that ended in an error behind the documented retries."""

    rpc: str
    code: str
    reason: str
    began: float
    ended: float


Contact: TypeAlias = tuple[str, str, str]
"""A decision, an action, what became of it."""


@dataclass
class Told:
    """What of one customer was acknowledged."""

    contacts: Counter[Contact] = field(default_factory=Counter)
    orders: int = 0


class Held(NamedTuple):
    """What the store has of one customer; `reserved` are (decision, action)."""

    contacts: Counter[Contact]
    reserved: Sequence[tuple[str, str]]
    orders: int
    clicks: int

    @classmethod
    def of(cls, view: customer_pb2.Customer) -> "Held":
        """Return what a customer's view says."""
        features = {state.name: state.value for state in view.features}
        return cls(
            contacts=Counter(
                (
                    it.decision_id,
                    it.action_id,
                    outcome_pb2.OutcomeType.Name(it.outcome).removeprefix("OUTCOME_TYPE_"),
                )
                for it in view.contacts
                if not it.reserved
            ),
            reserved=[(it.decision_id, it.action_id) for it in view.contacts if it.reserved],
            orders=round(features["orders"]),
            clicks=round(features["clicks"]),
        )
