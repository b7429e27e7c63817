"""Makes one customer out of what a hash holds of a person: only what a decision looks at is decoded."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeAlias, TypeVar

import structlog

from nextbest_models.affinity import AffinityCounters
from nextbest_models.online import FeatureState, OnlineFeatures
from nextbest_models.state import CustomerFeatures
from nextbest_service.customers.folding import (
    folded_consents,
    folded_contacts,
    folded_events,
    folded_facts,
    folded_purchases,
    folded_tickets,
)
from nextbest_service.customers.person import Member, Person, came_first
from nextbest_service.customers.portion import Portion
from nextbest_service.store import keys
from nextbest_service.store.codec import CodecError
from nextbest_service.store.customers import Customer, ReadPlan
from nextbest_service.store.fact_codec import NO_FACTS, decode_facts
from nextbest_service.store.feature_codec import COUNTERS, FEATURES
from nextbest_service.store.found import Fields, Found
from nextbest_service.store.given import GivenFeatures
from nextbest_service.store.keys import Ref
from nextbest_service.store.person_codec import LISTS, RESERVATIONS, PersonCodec, suffixes
from nextbest_service.store.plain_reader import PlainReader
from nextbest_service.store.record_codec import decode_records

T = TypeVar("T")
_Features: TypeAlias = tuple[CustomerFeatures, Mapping[str, int] | None, tuple[str, ...]]
"""The features as of now, when those given were computed, and those nobody ever gave."""

_CONTACTS = "contacts"
_FACTS = "facts"
_IDENTITIES = "identities"

log = structlog.get_logger()


class CustomerReader:
    """Reads customers for the decisions of one generation."""

    def __init__(self, codec: PersonCodec) -> None:
        self.codec = codec
        self._online: OnlineFeatures = codec.features.features
        self._plain = PlainReader.of(codec)

    def plain(self, found: Found, now_ms: int, plan: ReadPlan) -> Customer | None:
        """Return what a decision sees of a plain customer, in little time; None of any other."""
        if found.head is None or found.loose:
            return None
        return self._plain.customer(found.head, found.fields, now_ms, plan)

    def customer(
        self, found: Found, now_ms: int, plan: ReadPlan, given: Sequence[GivenFeatures] = ()
    ) -> Customer:
        """Return what a decision sees of the person that was found. Never raises for what is stored.

        `given` are features from elsewhere: they count as one portion more.
        """
        if found.head is None:
            return self._stranger(now_ms, given)
        if not given and (customer := self.plain(found, now_ms, plan)) is not None:
            return customer
        hash_ = _Hash(found.fields)
        members = hash_.members(self.codec, found.head)
        portions = hash_.portions(plan)
        states = [*hash_.states(self._online.empty, self.codec), *self._states(given)]
        seen = self._features(states, now_ms, hash_.unreadable)
        customer = self._folded(portions, seen, members, now_ms, hash_.unreadable)
        return customer._replace(known=False) if keys.STRANGER in found.fields else customer

    def unknown_schemas(self, found: Found) -> set[bytes]:
        """Return the schemas that must be learnt before the person's features can be read."""
        blobs = (found.fields.get(keys.FEATURES + suffix) for suffix in suffixes(found.fields))
        schemas = {self.codec.features.unknown_schema(blob) for blob in blobs if blob is not None}
        return {schema_id for schema_id in schemas if schema_id is not None}

    def customer_of(self, person: Person, now_ms: int, given: Sequence[GivenFeatures] = ()) -> Customer:
        """Return what a decision sees of a person; `given` are features from elsewhere."""
        states = [portion.features for portion in person.portions if portion.features is not None]
        states += self._states(given)
        seen = self._features(states, now_ms, ())
        return self._folded(person.portions, seen, person.members, now_ms, ())

    def _states(self, given: Sequence[GivenFeatures]) -> list[FeatureState]:
        return [self._online.with_given(self._online.empty, it.values, it.as_of_ms) for it in given]

    def _stranger(self, now_ms: int, given: Sequence[GivenFeatures]) -> Customer:
        if not given:
            unknown = CustomerFeatures.unknown(self._online.spec, now_ms)
            return Customer(known=False, features=unknown, features_as_of=None, facts={})
        features, as_of, defaulted = self._features(self._states(given), now_ms, ())
        return Customer(known=False, features=features, features_as_of=as_of, facts={}, defaulted=defaulted)

    def _folded(
        self,
        portions: Sequence[Portion],
        seen: _Features,
        members: tuple[Member, ...],
        now_ms: int,
        unreadable: Sequence[str],
    ) -> Customer:
        facts, facts_as_of = folded_facts(portions)
        features, features_as_of, defaulted = seen
        customer = Customer(
            known=True,
            features=features,
            features_as_of=features_as_of,
            facts=facts,
            facts_as_of=facts_as_of,
            consents=folded_consents(portions),
            tickets=folded_tickets(portions),
            purchases=folded_purchases(portions),
            events=folded_events(portions),
            contacts=folded_contacts(portions, now_ms),
            members=tuple(member.ref for member in members),
            first=came_first(members),
            unreadable=tuple(unreadable),
            defaulted=defaulted,
        )
        return _without(customer, unreadable) if unreadable else customer

    def _features(self, states: Sequence[FeatureState], now_ms: int, unreadable: Sequence[str]) -> _Features:
        """Return the features as of now."""
        online = self._online
        state = online.folded(states) if states else online.empty
        if FEATURES in unreadable:
            spec = online.spec
            defaults = CustomerFeatures(spec.customer_defaults, state.counters, now_ms)
            return defaults, None, tuple(sorted(spec.customer_names))
        missing = online.missing(state)
        as_of = {**online.as_of(state), **dict.fromkeys(missing, 0)}
        return online.features(state, now_ms), as_of, tuple(sorted(missing))


class _Hash:
    """The parts of a person's hash; notes those that it cannot read in `unreadable`."""

    def __init__(self, fields: Fields) -> None:
        self.unreadable: list[str] = []
        self._fields = fields
        self._suffixes = suffixes(fields)
        self._letters = {name[:1] for name in fields}

    def members(self, codec: PersonCodec, head: Ref) -> tuple[Member, ...]:
        """Return the person's identities; the head alone where they cannot be read."""
        try:
            return codec.members(head, self._fields)
        except CodecError as error:
            self._note(_IDENTITIES, error)
            return (Member(head, None),)

    def portions(self, plan: ReadPlan) -> list[Portion]:
        """Return the portions with facts and the planned records only."""
        facts = self._part(_FACTS, keys.FACTS, decode_facts, NO_FACTS)
        names = [*plan.records, RESERVATIONS] if _CONTACTS in plan.records else plan.records
        lists = {name: self._records(name) for name in names if LISTS[name] in self._letters}
        return [
            Portion(values, as_of, **{name: column[place] for name, column in lists.items()})
            for place, (values, as_of) in enumerate(facts)
        ]

    def states(self, empty: FeatureState, codec: PersonCodec) -> list[FeatureState]:
        """Return the feature states of the portions."""
        features = self._part(FEATURES, keys.FEATURES, codec.features.without_counters, empty)
        counters = self.counters(empty, codec)
        return [FeatureState(state.tallies, own) for state, own in zip(features, counters, strict=True)]

    def counters(self, empty: FeatureState, codec: PersonCodec) -> list[AffinityCounters]:
        """Return the counters of the portions."""
        return self._part(COUNTERS, keys.COUNTERS, codec.features.counters, empty.counters)

    def _records(self, name: str) -> list[Any]:
        return self._part(name, LISTS[name], partial(decode_records, name), ())

    def _part(self, name: str, letter: bytes, decode: Callable[[bytes], T], absent: T) -> list[T]:
        """Return one part of each portion, `absent` where it is; where any cannot be read, all are absent."""
        blobs = [self._fields.get(letter + suffix) for suffix in self._suffixes]
        try:
            return [absent if blob is None else decode(blob) for blob in blobs]
        except CodecError as error:
            self._note(name, error)
            return [absent] * len(blobs)

    def _note(self, name: str, error: CodecError) -> None:
        log.error("customer_state_unreadable", part=name, error=str(error))
        self.unreadable.append(name)


def _without(customer: Customer, unreadable: Sequence[str]) -> Customer:
    """Return the customer of whom nothing is assumed where it cannot be read."""
    parts = {_CONTACTS if name == RESERVATIONS else name for name in unreadable}
    unknown = parts & {_FACTS, *keys.RECORD_FIELDS}
    gone: dict[str, Any] = dict.fromkeys(unknown)
    if _FACTS in unknown:
        gone["facts_as_of"] = None
    return customer._replace(**gone)
