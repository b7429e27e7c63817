"""Reads the customers that most questions are about: one portion, own schema, all of it sound.

Whatever is otherwise it leaves to `customer_reader`, which can read everything and says what it cannot.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from nextbest_models.state import CustomerFeatures
from nextbest_rules.contacts import Contacts
from nextbest_service.customers.folding import live_reservations, told_tickets
from nextbest_service.store import keys
from nextbest_service.store.codec import CodecError
from nextbest_service.store.contact_codec import decode_contacts
from nextbest_service.store.customers import Customer, ReadPlan
from nextbest_service.store.fact_codec import NO_FACTS, decode_facts
from nextbest_service.store.found import Fields
from nextbest_service.store.keys import Identity, Ref
from nextbest_service.store.member_codec import refs_of
from nextbest_service.store.person_codec import LISTS, RESERVATIONS, PersonCodec
from nextbest_service.store.record_codec import decode_records

_Features: TypeAlias = tuple[CustomerFeatures, Mapping[str, int], tuple[str, ...]]
"""The features as of now, when those given were computed, and those nobody ever gave."""

_CONTACTS = "contacts"
_OWN = frozenset(
    {keys.VERSION, keys.IDENTITIES, keys.SEGMENTS, keys.STRANGER, keys.FEATURES, keys.COUNTERS, keys.FACTS}
    | {keys.SEEN, *LISTS.values()}
)
"""The fields of a person who leads nowhere, with nothing but the head's portion."""
_NO_CONTACTS = Contacts.none()


@dataclass(frozen=True, slots=True)
class PlainReader:
    """Reads plain customers.

    `external` are the features that are only ever given, sorted, with their places; of whom nobody gave any,
    they are `never_given`, with time 0, and `defaulted`. `nothing` is what features are of who did nothing.
    """

    codec: PersonCodec
    external: tuple[tuple[str, int], ...]
    never_given: Mapping[str, int]
    defaulted: tuple[str, ...]
    nothing: CustomerFeatures

    @classmethod
    def of(cls, codec: PersonCodec) -> "PlainReader":
        """Return the reader of what a codec wrote."""
        online = codec.features.features
        names, places = tuple(sorted(online.externals)), online.spec.customer_names.index
        external = tuple((name, places(name)) for name in names)
        return cls(codec, external, dict.fromkeys(names, 0), names, online.features(online.empty, 0))

    def customer(
        self, head: Ref, fields: Fields, now_ms: int, plan: ReadPlan, name: Identity | None = None
    ) -> Customer | None:
        """Return what a decision sees of the person at `head`; None where there is more to it.

        name: that of the head, if it is at hand.
        """
        if not fields.keys() <= _OWN:
            return None
        try:
            return self._customer(head, fields, now_ms, plan, name)
        except CodecError:
            return None  # whoever reads it part by part says so

    def _customer(
        self, head: Ref, fields: Fields, now_ms: int, plan: ReadPlan, name: Identity | None
    ) -> Customer | None:
        seen = self._features(fields, now_ms)
        if seen is None:
            return None
        features, features_as_of, defaulted = seen
        members, first = refs_of(fields.get(keys.IDENTITIES, b""), head, name, self.codec.ring)
        facts = fields.get(keys.FACTS)
        values, as_of = NO_FACTS if facts is None else decode_facts(facts)
        lists: dict[str, Any] = {
            name: decode_records(name, fields[LISTS[name]])
            for name in plan.records
            if name != _CONTACTS and LISTS[name] in fields
        }
        if "tickets" in lists:
            lists["tickets"] = told_tickets(lists["tickets"])
        if _CONTACTS in plan.records:
            lists[_CONTACTS] = _contacts(fields, now_ms)
        return Customer(
            keys.STRANGER not in fields,
            features,
            features_as_of,
            values,
            as_of,
            members=members,
            first=first,
            defaulted=defaulted,
            **lists,
        )

    def _features(self, fields: Fields, now_ms: int) -> _Features | None:
        """Return the features as of now; None where they have to be decoded for it."""
        blob, counted = fields.get(keys.FEATURES), fields.get(keys.COUNTERS)
        counters = self.nothing.counters if counted is None else self.codec.features.counters(counted)
        if blob is None:
            values = self.nothing.vector
            return CustomerFeatures(values, counters, now_ms), self.never_given, self.defaulted
        vector = self.codec.features.vector(blob, now_ms)
        if vector is None:
            return None
        features = CustomerFeatures(vector.values, counters, now_ms)
        if not self.external:
            return features, self.never_given, self.defaulted
        given = [(name, int(vector.given_ms[place])) for name, place in self.external]
        defaulted = tuple([name for name, at_ms in given if at_ms < 0])
        return features, {name: max(0, at_ms) for name, at_ms in given}, defaulted


def _contacts(fields: Fields, now_ms: int) -> Contacts:
    """Return the contact history, newest first, with the reservations that are still held."""
    blob, reserved = fields.get(keys.RECORD_FIELDS[_CONTACTS]), fields.get(keys.RESERVATIONS)
    contacts = _NO_CONTACTS if blob is None else decode_contacts(blob)
    if reserved is None:
        return contacts
    reservations = decode_records(RESERVATIONS, reserved)
    mentioned = any(contacts.columns.mentions(one.decision) for one in reservations)
    held = live_reservations(contacts if mentioned else (), reservations, now_ms)
    if not held:
        return contacts
    return contacts.joined([reservation.as_contact() for reservation in held])
