"""The market's services on a port of this process, with a clock that is moved by hand, and their client."""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import grpc
from google.protobuf.message import Message
from market import NOW_MS, RING, attribution, catalog
from running_service import Refusal, read_refusal
from service_in_process import HandClock, service_in_process

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
from nextbest_rules import RuleSet
from nextbest_service.composition import LoadedParts
from nextbest_service.customers.tokens import issue
from nextbest_service.decisions.generation import feature_spec
from nextbest_service.store.connection import connect_for_bulk
from nextbest_service.store.keys import SECRET, Identity


@dataclass
class Market:
    """A client of the services, and the clock that they live by."""

    channel: grpc.Channel
    clock: HandClock
    url: str
    rpc: Any = field(init=False)
    _outcomes: Any = field(init=False)
    _decisions: Any = field(init=False)

    def __post_init__(self) -> None:
        self.rpc = customer_pb2_grpc.CustomerServiceStub(self.channel)
        self._outcomes = outcome_pb2_grpc.OutcomeServiceStub(self.channel)
        self._decisions = decision_pb2_grpc.DecisionServiceStub(self.channel)

    def decide(self, *who: Identity, **fields: Any) -> Sequence[Any]:
        """Return what is proposed to somebody on the home page."""
        placements = [decision_pb2.PlacementRequest(id="home")]
        request = decision_pb2.DecideRequest(identities=map(name, who), placements=placements, **fields)
        return self._decisions.Decide(request, timeout=20).placements[0].propositions

    def track(self, *events: event_pb2.Event) -> Sequence[error_pb2.ItemResult]:
        """Send events in one batch and return their results."""
        return self.rpc.TrackEvents(customer_pb2.TrackEventsRequest(events=events), timeout=20).results

    def stream(self, batches: Iterable[Sequence[event_pb2.Event]]) -> customer_pb2.StreamEventsResponse:
        """Send batches of events over one call."""
        requests = (customer_pb2.StreamEventsRequest(events=batch) for batch in batches)
        return self.rpc.StreamEvents(requests, timeout=60)

    def upsert(self, *profiles: profile_pb2.Profile) -> Sequence[error_pb2.ItemResult]:
        """Send profiles in one batch and return their results."""
        request = customer_pb2.UpsertProfilesRequest(profiles=profiles)
        return self.rpc.UpsertProfiles(request, timeout=20).results

    def report(self, *outcomes: outcome_pb2.Outcome) -> Sequence[error_pb2.ItemResult]:
        """Send outcomes in one batch and return their results."""
        request = outcome_pb2.ReportOutcomesRequest(outcomes=outcomes)
        return self._outcomes.ReportOutcomes(request, timeout=20).results

    def customer(self, who: Identity, contacts: int = 0) -> customer_pb2.GetCustomerResponse:
        """Return what is known of somebody."""
        request = customer_pb2.GetCustomerRequest(identity=name(who), contact_limit=contacts)
        return self.rpc.GetCustomer(request, timeout=20)

    def features(self, who: Identity) -> dict[str, float | None]:
        """Return the features of somebody, None where missing."""
        states = self.customer(who).customer.features
        return {it.name: it.value if it.HasField("value") else None for it in states}

    def link(self, *who: Identity, **fields: Any) -> customer_pb2.LinkIdentitiesResponse:
        """Make one person of some names."""
        fields = {"source": "login", **fields}
        return self.rpc.LinkIdentities(
            customer_pb2.LinkIdentitiesRequest(identities=map(name, who), **fields), timeout=20
        )

    def unlink(self, *who: Identity) -> customer_pb2.UnlinkIdentitiesResponse:
        """Take names away from a person."""
        request = customer_pb2.UnlinkIdentitiesRequest(identities=map(name, who), source="support")
        return self.rpc.UnlinkIdentities(request, timeout=20)

    def export(self, who: Identity) -> list[tuple[str, dict[str, Any]]]:
        """Return everything that is held about somebody."""
        records = self.rpc.ExportCustomer(customer_pb2.ExportCustomerRequest(identity=name(who)), timeout=20)
        return [(record.kind, json.loads(record.record_json)) for record in records]

    def erase(self, who: Identity) -> customer_pb2.EraseCustomerResponse:
        """Forget somebody."""
        request = customer_pb2.EraseCustomerRequest(identity=name(who), source="support")
        return self.rpc.EraseCustomer(request, timeout=30)

    def refusal(self, method: str, request: Message) -> Refusal:
        """Return why a call was refused."""
        stub = self._outcomes if method == "ReportOutcomes" else self.rpc
        try:
            answer = getattr(stub, method)(request, timeout=20)
            if method == "ExportCustomer":
                answer = [*answer]
        except grpc.RpcError as error:
            return read_refusal(error)
        raise AssertionError(f"answered: {answer}")


@contextmanager
def market(url: str) -> Iterator[Market]:
    """Serve over the store at a URL, whose secret becomes ours, and yield a client."""
    with connect_for_bulk(url) as bulk:
        bulk.set(SECRET, RING.secret)  # type: ignore[arg-type]
    clock = HandClock(NOW_MS)
    with (
        service_in_process(parts(), url, clock) as address,
        grpc.insecure_channel(address, options=[("grpc.enable_retries", 0)]) as channel,
    ):
        yield Market(channel, clock, url)


@cache
def parts() -> LoadedParts:
    """Return the loaded market."""
    return LoadedParts(RuleSet.compile(catalog()), feature_spec(catalog()), {})


def name(identity: Identity) -> identity_pb2.Identity:
    """Return a name as the contract writes it."""
    return identity_pb2.Identity(namespace=identity.namespace, id=identity.id)


def event(type_: str, id_: str, *who: Identity, at_ms: int = NOW_MS, **fields: Any) -> event_pb2.Event:
    """Return an event of the shop's."""
    fields = {"source": "shop", **fields}
    return event_pb2.Event(id=id_, type=type_, time_unix_ms=at_ms, identities=map(name, who), **fields)


def order(id_: str, *who: Identity, at_ms: int = NOW_MS, **fields: Any) -> event_pb2.Event:
    """Return an order; by default of one brie."""
    items = fields.pop("items", [event_pb2.EventItem(product_id="brie", quantity=2, amount=9.0)])
    return event("order.placed", id_, *who, at_ms=at_ms, items=items, **fields)


def outcome(
    type_: str, id_: str, who: Identity, action: str = "cheese", **fields: Any
) -> outcome_pb2.Outcome:
    """Return an outcome of a proposition to somebody; what is no field of an outcome goes into its token."""
    own = {key: fields.pop(key) for key in ("amount", "time_unix_ms", "properties") if key in fields}
    said = attribution(action, ref=RING.ref(who), **fields)
    return outcome_pb2.Outcome(
        id=id_,
        source="web",
        type=f"OUTCOME_TYPE_{type_}",
        token=issue(RING, said),
        **{"time_unix_ms": NOW_MS, **own},
    )


def profile(*who: Identity, as_of_ms: int = 0, **fields: Any) -> profile_pb2.Profile:
    """Return a profile; attributes as plain values."""
    attributes = {key: value(it) for key, it in fields.pop("attributes", {}).items()}
    return profile_pb2.Profile(
        identities=map(name, who), as_of_unix_ms=as_of_ms, attributes=attributes, **fields
    )


def value(plain: object) -> value_pb2.Value:
    """Return a plain value as the contract writes it."""
    match plain:
        case bool():
            return value_pb2.Value(bool_value=plain)
        case int():
            return value_pb2.Value(int_value=plain)
        case float():
            return value_pb2.Value(double_value=plain)
        case str():
            return value_pb2.Value(string_value=plain)
        case _:
            return value_pb2.Value(string_list=value_pb2.StringList(values=plain))


def statuses(results: Iterable[error_pb2.ItemResult]) -> list[str]:
    """Return what became of items: their status, or the reason of their refusal."""
    names = error_pb2.ItemStatus.Name
    return [it.error.reason or names(it.status).removeprefix("ITEM_STATUS_") for it in results]


def wrong(result: error_pb2.ItemResult) -> list[str]:
    """Return the fields of an item that are wrong."""
    return [violation.field for violation in result.error.field_violations]
