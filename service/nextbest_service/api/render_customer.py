"""Writes what is known of a customer."""

from collections.abc import Iterable, Iterator
from typing import cast

from nextbest.v1 import customer_pb2, identity_pb2, profile_pb2
from nextbest_rules import ParameterValue
from nextbest_rules.records import RESERVED, Consent, Contact, Outcome, Ticket
from nextbest_service.api.read_outcome import OUTCOME_TYPES
from nextbest_service.api.write_value import write_value
from nextbest_service.customers.person import Member
from nextbest_service.customers.view import CustomerView, FeatureValue
from nextbest_service.store.keys import Identity


def render_customer(view: CustomerView, contact_limit: int) -> customer_pb2.Customer:
    """Return the customer with the newest so many contacts."""
    message = customer_pb2.Customer(
        identities=render_members(view.members),
        consents=[_consent(consent) for consent in view.consents],
        features=[_feature(feature) for feature in view.features],
        tickets=[_ticket(ticket) for ticket in view.tickets],
        affinities=_affinities(view),
        segments=sorted(view.segments),
        contacts=[_contact(contact) for contact in view.contacts[:contact_limit]],
        updated_at_unix_ms=view.updated_ms,
    )
    for name, value in view.attributes.items():
        write_value(_writable(value), message.attributes[name])
    return message


def render_members(members: Iterable[Member]) -> list[identity_pb2.Identity]:
    """Return the names of a person, as far as they are known."""
    return render_identities(member.identity for member in members if member.identity is not None)


def render_identities(identities: Iterable[Identity]) -> list[identity_pb2.Identity]:
    """Return names."""
    return [identity_pb2.Identity(namespace=name.namespace, id=name.id) for name in identities]


def _consent(consent: Consent) -> profile_pb2.Consent:
    return profile_pb2.Consent(
        channel=consent.channel,
        purpose=consent.purpose,
        state=profile_pb2.CONSENT_STATE_GRANTED if consent.granted else profile_pb2.CONSENT_STATE_DENIED,
        time_unix_ms=consent.at_ms,
        expires_at_unix_ms=consent.expires_at_ms or 0,
    )


def _feature(feature: FeatureValue) -> customer_pb2.FeatureState:
    return customer_pb2.FeatureState(
        name=feature.name, value=feature.value, as_of_unix_ms=feature.as_of_ms, stale=feature.stale
    )


def _ticket(ticket: Ticket) -> customer_pb2.Ticket:
    return customer_pb2.Ticket(
        id=ticket.id,
        open=ticket.open,
        severity=ticket.severity,
        product_ids=ticket.products,
        opened_at_unix_ms=ticket.opened_at_ms or 0,
        closed_at_unix_ms=ticket.closed_at_ms or 0,
    )


def _affinities(view: CustomerView) -> Iterator[customer_pb2.AffinityState]:
    for family, affinities in view.affinities.items():
        for affinity in affinities:
            yield customer_pb2.AffinityState(
                family=family, key=affinity.key, count=affinity.touches, last_at_unix_ms=affinity.last_at_ms
            )


def _contact(contact: Contact) -> customer_pb2.Contact:
    reserved = contact.outcome == RESERVED
    return customer_pb2.Contact(
        action_id=contact.action,
        channel=contact.channel,
        brand=contact.brand,
        outcome=None if reserved else OUTCOME_TYPES[Outcome(contact.outcome)],
        time_unix_ms=contact.at_ms,
        decision_id=contact.decision,
        reserved=reserved,
    )


def _writable(value: object) -> ParameterValue:
    """Return a value as the contract can write it: it has lists of texts only."""
    return cast(ParameterValue, [str(item) for item in value] if isinstance(value, list | tuple) else value)
