"""All that other systems say to a service: who somebody is, what happened, what came of a proposition."""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import grpc

from nextbest.v1 import (
    customer_pb2,
    customer_pb2_grpc,
    decision_pb2,
    decision_pb2_grpc,
    error_pb2,
    event_pb2,
    identity_pb2,
    outcome_pb2,
    outcome_pb2_grpc,
    profile_pb2,
    value_pb2,
)

TIMEOUT_SECONDS = 20.0
CHANNEL_OPTIONS = [("grpc.enable_retries", 0)]
PlainValue: TypeAlias = str | int | float | bool | Sequence[str]
SOUND = (error_pb2.ITEM_STATUS_APPLIED, error_pb2.ITEM_STATUS_DUPLICATE)
_numbers = itertools.count()


class Calls:
    """One channel to a service. Items that are refused fail the test that sent them."""

    def __init__(self, address: str) -> None:
        self.channel = grpc.insecure_channel(address, options=CHANNEL_OPTIONS)
        self.decisions = decision_pb2_grpc.DecisionServiceStub(self.channel)
        self.customers = customer_pb2_grpc.CustomerServiceStub(self.channel)
        self.outcomes = outcome_pb2_grpc.OutcomeServiceStub(self.channel)

    def decide(self, request: decision_pb2.DecideRequest) -> decision_pb2.DecideResponse:
        """Ask for a decision."""
        return self.decisions.Decide(request, timeout=TIMEOUT_SECONDS)

    def track(self, *events: event_pb2.Event) -> list[int]:
        """Send events and return what became of each."""
        request = customer_pb2.TrackEventsRequest(events=events)
        return statuses(self.customers.TrackEvents(request, timeout=TIMEOUT_SECONDS).results)

    def report(self, *outcomes: outcome_pb2.Outcome) -> list[int]:
        """Report outcomes and return what became of each."""
        request = outcome_pb2.ReportOutcomesRequest(outcomes=outcomes)
        return statuses(self.outcomes.ReportOutcomes(request, timeout=TIMEOUT_SECONDS).results)

    def upsert(self, *profiles: profile_pb2.Profile) -> list[int]:
        """Write profiles and return what became of each."""
        request = customer_pb2.UpsertProfilesRequest(profiles=profiles)
        return statuses(self.customers.UpsertProfiles(request, timeout=TIMEOUT_SECONDS).results)

    def link(self, *identities: identity_pb2.Identity) -> customer_pb2.LinkIdentitiesResponse:
        """State that identities are one person."""
        request = customer_pb2.LinkIdentitiesRequest(identities=identities, source="web-login")
        return self.customers.LinkIdentities(request, timeout=TIMEOUT_SECONDS)

    def unlink(self, *identities: identity_pb2.Identity) -> customer_pb2.UnlinkIdentitiesResponse:
        """Take identities away from their person."""
        request = customer_pb2.UnlinkIdentitiesRequest(identities=identities, source="support")
        return self.customers.UnlinkIdentities(request, timeout=TIMEOUT_SECONDS)

    def get(self, identity: identity_pb2.Identity) -> customer_pb2.GetCustomerResponse:
        """Return the whole view of a customer, with as many contacts as there are."""
        request = customer_pb2.GetCustomerRequest(identity=identity, contact_limit=500)
        return self.customers.GetCustomer(request, timeout=TIMEOUT_SECONDS)

    def export(self, identity: identity_pb2.Identity) -> list[customer_pb2.ExportCustomerResponse]:
        """Return everything that is held about a person."""
        request = customer_pb2.ExportCustomerRequest(identity=identity)
        return list(self.customers.ExportCustomer(request, timeout=TIMEOUT_SECONDS))

    def erase(self, identity: identity_pb2.Identity) -> customer_pb2.EraseCustomerResponse:
        """Erase a person."""
        request = customer_pb2.EraseCustomerRequest(identity=identity, source="support")
        return self.customers.EraseCustomer(request, timeout=TIMEOUT_SECONDS)

    def close(self) -> None:
        """Hang up."""
        self.channel.close()


def statuses(results: Iterable[error_pb2.ItemResult]) -> list[int]:
    """Return what became of each item; one that was refused is a failure."""
    found = list(results)
    refused = [item for item in found if item.status == error_pb2.ITEM_STATUS_REJECTED]
    assert not refused, refused
    return [item.status for item in found]


def fresh(prefix: str) -> str:
    """Return a text that no other call of this session returned."""
    return f"{prefix}-{next(_numbers)}"


def identity(namespace: str, name: str) -> identity_pb2.Identity:
    """Return an identity."""
    return identity_pb2.Identity(namespace=namespace, id=name)


def value(plain: PlainValue) -> value_pb2.Value:
    """Return a value of the kind that a plain one has."""
    match plain:
        case bool():
            return value_pb2.Value(bool_value=plain)
        case int():
            return value_pb2.Value(int_value=plain)
        case float():
            return value_pb2.Value(double_value=plain)
        case str():
            return value_pb2.Value(string_value=plain)
    return value_pb2.Value(string_list=value_pb2.StringList(values=plain))


def values(plain: Mapping[str, PlainValue | value_pb2.Value]) -> dict[str, value_pb2.Value]:
    """Return values by name; a ready-made one stays as it is."""
    return {name: item if isinstance(item, value_pb2.Value) else value(item) for name, item in plain.items()}


def event(
    who: identity_pb2.Identity | Sequence[identity_pb2.Identity], kind: str, time_ms: int, **fields: Any
) -> event_pb2.Event:
    """Return an event, by default with an id of its own."""
    people = [who] if isinstance(who, identity_pb2.Identity) else who
    fields.setdefault("id", fresh("event"))
    fields.setdefault("source", "tests")
    return event_pb2.Event(type=kind, time_unix_ms=time_ms, identities=people, **fields)


def item(product: str, category: str = "", amount: float = 0.0) -> event_pb2.EventItem:
    """Return one line of an event."""
    keys = [event_pb2.AffinityKeys(family="category", keys=[category])] if category else []
    return event_pb2.EventItem(product_id=product, amount=amount, affinities=keys)


def outcome(token: str, kind: str, time_ms: int = 0, **fields: Any) -> outcome_pb2.Outcome:
    """Return an outcome such as DISPLAYED, by default with an id of its own."""
    fields.setdefault("id", fresh("outcome"))
    fields.setdefault("source", "tests")
    return outcome_pb2.Outcome(
        type=outcome_pb2.OutcomeType.Value(f"OUTCOME_TYPE_{kind}"),
        token=token,
        time_unix_ms=time_ms,
        **fields,
    )
