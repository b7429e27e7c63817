"""What a decision knows about its customer, request and moment."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple, Self

from nextbest_rules.records import Consent, Contact, Event, Kill, Purchase, Ticket
from nextbest_rules.terms import Direction


class Situation(NamedTuple):
    """One customer at one moment on one channel. Values may come as decoded: rules check their types.

    A part that is None exists but cannot be read: then nothing is assumed of it, not even a default.
    `contacts` are newest first. `contact_at_ms` is when the message will reach the customer; None is now.
    `facts_as_of` and `features_as_of` say when values were known: one time for all of them, or one per name.
    A fact that is not named is of unknown age; a feature that is not named was computed just now.
    `arms` are those of the customer by holdout or experiment. `known` None and `arms` None: that cannot be
    told either.
    """

    now_ms: int
    known: bool | None = False
    channel: str = ""
    direction: Direction = Direction.INBOUND
    brand: str = ""
    goal: str = ""
    facts: Mapping[str, object] | None = MappingProxyType({})
    facts_as_of: int | Mapping[str, int] | None = None
    features: Mapping[str, float] | None = MappingProxyType({})
    features_as_of: int | Mapping[str, int] | None = None
    context: Mapping[str, object] = MappingProxyType({})
    consents: tuple[Consent, ...] | None = ()
    tickets: tuple[Ticket, ...] | None = ()
    purchases: tuple[Purchase, ...] | None = ()
    events: tuple[Event, ...] | None = ()
    contacts: Sequence[Contact] | None = ()
    killed: Mapping[str, Kill] = MappingProxyType({})
    volumes: Mapping[str, int] | None = MappingProxyType({})
    contact_at_ms: int | None = None
    arms: Mapping[str, str] | None = MappingProxyType({})

    def unseen(self) -> Self:
        """Return the same moment and request of a customer of whom nothing can be read.

        What the rules leave of that, no closed rule can stop, whoever the customer is.
        """
        return self._replace(
            known=None,
            facts=None,
            facts_as_of=None,
            features=None,
            features_as_of=None,
            consents=None,
            tickets=None,
            purchases=None,
            events=None,
            contacts=None,
            volumes=None,
            arms=None,
        )

    @property
    def reaches_ms(self) -> int:
        """When the message reaches the customer, Unix milliseconds."""
        return self.now_ms if self.contact_at_ms is None else self.contact_at_ms

    def fact_as_of_ms(self, name: str) -> int | None:
        """Return when a fact was known, or None where nobody said."""
        if isinstance(self.facts_as_of, Mapping):
            return self.facts_as_of.get(name)
        return self.facts_as_of

    def feature_as_of_ms(self, name: str) -> int | None:
        """Return when a feature was known, or None where nobody said."""
        if isinstance(self.features_as_of, Mapping):
            return self.features_as_of.get(name, self.now_ms)
        return self.features_as_of
