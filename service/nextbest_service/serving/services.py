"""Which services there are, and what answers their RPCs."""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from nextbest.v1 import admin_pb2, customer_pb2, decision_pb2, outcome_pb2
from nextbest_service.api.customer_servicer import CustomerServicer
from nextbest_service.api.decision_servicer import DecisionServicer
from nextbest_service.api.decision_stream import DecisionStreams
from nextbest_service.api.edge import Method
from nextbest_service.api.outcome_servicer import OutcomeServicer
from nextbest_service.composition import Serving
from nextbest_service.decisions.decider import Decider
from nextbest_service.decisions.observing import Observer
from nextbest_service.decisions.storeless import Storeless
from nextbest_service.metrics.tallies import Tallies
from nextbest_service.overload.doors import House
from nextbest_service.security.gate import Gate

DECISION_SERVICE = decision_pb2.DESCRIPTOR.services_by_name["DecisionService"]
CUSTOMER_SERVICE = customer_pb2.DESCRIPTOR.services_by_name["CustomerService"]
OUTCOME_SERVICE = outcome_pb2.DESCRIPTOR.services_by_name["OutcomeService"]
ADMIN_SERVICE = admin_pb2.DESCRIPTOR.services_by_name["AdminService"]
SERVICES = (DECISION_SERVICE, CUSTOMER_SERVICE, OUTCOME_SERVICE, ADMIN_SERVICE)
_DECIDE_STREAM = DECISION_SERVICE.methods_by_name["DecideStream"].full_name


def served_methods(  # noqa: PLR0913 - what there is besides, each of it optional
    current: Callable[[], Serving],
    stopping: asyncio.Event | None = None,
    *,
    audited: bool = False,
    tallies: Tallies | None = None,
    gate: Gate | None = None,
    patience: float | None = None,
    house: House | None = None,
    deciding: Callable[[], Decider | Storeless] | None = None,
    observers: Sequence[Observer] = (),
) -> Mapping[str, Mapping[str, Method]]:
    """Return what is served, by service and RPC; streams of decisions end once `stopping` is set.

    `patience` is how many seconds a decision may take where the caller does not say. `house` has the
    doors that questions of streams go by. `deciding` returns who decides where that is not always the decider
    of what is current. `observers` look at what is decided, beside the samples of the tallies.
    """
    tally = tallies.decisions if tallies else None
    items = tallies.items if tallies else None
    questions = tallies.calls[_DECIDE_STREAM] if tallies else None
    looking_on = (*([tallies.samples] if tallies else []), *observers)
    decisions = DecisionServicer(
        deciding or (lambda: current().decider),
        audited=audited,
        tally=tally,
        gate=gate,
        patience=patience,
        observers=looking_on,
    )
    door = house.door(_DECIDE_STREAM) if house else None
    streams = DecisionStreams(decisions.decide_on_stream, stopping or asyncio.Event(), questions, door)
    customers = CustomerServicer(lambda: current().intake, lambda: current().care, items)
    outcomes = OutcomeServicer(lambda: current().intake, items)
    return {
        DECISION_SERVICE.full_name: {"Decide": decisions.decide, "DecideStream": streams.decide_stream},
        CUSTOMER_SERVICE.full_name: {
            "UpsertProfiles": customers.upsert_profiles,
            "TrackEvents": customers.track_events,
            "StreamEvents": customers.stream_events,
            "LinkIdentities": customers.link_identities,
            "UnlinkIdentities": customers.unlink_identities,
            "GetCustomer": customers.get_customer,
            "ExportCustomer": customers.export_customer,
            "EraseCustomer": customers.erase_customer,
        },
        OUTCOME_SERVICE.full_name: {"ReportOutcomes": outcomes.report_outcomes},
    }
