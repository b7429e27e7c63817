"""Reads the customers that most questions are about: one portion, own schema, all of it sound.

Whatever is otherwise it leaves to `customer_reader`, which can read everything and says what it cannot.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nextbest_models.state import CustomerFeatures
from nextbest_rules.contacts import Contacts
from nextbest_service.customers.folding import live_reservations, told_tickets
from nextbest_service.store import keys
from nextbest_service.store.codec import CodecError
from nextbest_service.store.contact_codec import decode_contacts
from nextbest_service.store.customers import Customer, ReadPlan
from nextbest_service.store.fact_codec import NO_FACTS, decode_facts
from nextbest_service.store.found import Fields
from nextbest_service.store.keys import Ref
from nextbest_service.store.member_codec import decode_members
from nextbest_service.store.person_codec import LISTS, RESERVATIONS, PersonCodec
from nextbest_service.store.record_codec import decode_records

_CONTACTS = "contacts"
_OWN = frozenset(
    {keys.VERSION, keys.IDENTITIES, keys.SEGMENTS, keys.STRANGER, keys.FEATURES, keys.COUNTERS, keys.FACTS}
    | {keys.SEEN, *LISTS.values()}
)
"""The fields of a person with one portion who leads nowhere."""
_NO_CONTACTS = Contacts.none()


@dataclass(frozen=True, slots=True)
class PlainReader:
    """Reads plain customers. `never_given` are the features, with time 0, that nobody gave a value."""

    codec: PersonCodec
    never_given: Mapping[str, int]
    defaulted: tuple[str, ...]
    nothing: CustomerFeatures

    @classmethod
    def of(cls, codec: PersonCodec) -> "PlainReader":
        """Return the reader of what a codec wrote."""
        online = codec.features.features
        names = online.externals
        return cls(codec, dict.fromkeys(names, 0), tuple(sorted(names)), online.features(online.empty, 0))

    def customer(self, head: Ref, fields: Fields, now_ms: int, plan: ReadPlan) -> Customer | None:
        """Return what a decision sees of the person at `head`; None where there is more to it."""
        if not fields.keys() <= _OWN:
            return None
        try:
            return self._customer(head, fields, now_ms, plan)
        except CodecError:
            return None  # whoever reads it part by part says so

    def _customer(self, head: Ref, fields: Fields, now_ms: int, plan: ReadPlan) -> Customer | None:
        features = self._features(fields, now_ms)
        members = decode_members(fields.get(keys.IDENTITIES, b""), self.codec.ring)
        if features is None or members[0].ref != head or len(members) > 1:
            return None
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
            self.never_given,
            values,
            as_of,
            members=(head,),
            first=head,
            defaulted=self.defaulted,
            **lists,
        )

    def _features(self, fields: Fields, now_ms: int) -> CustomerFeatures | None:
        """Return the features as of now; None where they have to be decoded for it."""
        blob, counted = fields.get(keys.FEATURES), fields.get(keys.COUNTERS)
        vector = self.nothing.vector if blob is None else self.codec.features.vector(blob, now_ms)
        if vector is None:
            return None
        counters = self.nothing.counters if counted is None else self.codec.features.counters(counted)
        return CustomerFeatures(vector, counters, now_ms)


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
