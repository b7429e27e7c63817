"""Calls over gRPC as Locust sees them: each is counted, timed, and a failure by the name of its status."""

import time
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import cycle
from typing import TypeVar

import grpc
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from locust.env import Environment

from nextbest.v1 import (
    customer_pb2,
    customer_pb2_grpc,
    decision_pb2,
    decision_pb2_grpc,
    error_pb2,
    event_pb2,
    outcome_pb2,
    outcome_pb2_grpc,
)

CHANNELS = 8
"""Connections of one load process: workers that share a port get some each."""
Answer = TypeVar("Answer", bound=Message)
Receipt = TypeVar("Receipt", outcome_pb2.ReportOutcomesResponse, customer_pb2.TrackEventsResponse)
_CODES = {code.value[0]: code.name for code in grpc.StatusCode}


class CallError(Exception):
    """A call that failed. Locust groups failures by their text: it holds nothing that varies."""

    def __repr__(self) -> str:
        return str(self)


class Calls:
    """One user's connection to the service. What fails is counted, and gives None."""

    def __init__(self, environment: Environment, address: str, timeout_seconds: float) -> None:
        channel = next(_channels(address))
        self._environment = environment
        self._timeout = timeout_seconds
        self._decide = decision_pb2_grpc.DecisionServiceStub(channel).Decide
        self._report = outcome_pb2_grpc.OutcomeServiceStub(channel).ReportOutcomes
        self._track = customer_pb2_grpc.CustomerServiceStub(channel).TrackEvents

    def decide(
        self,
        name: str,
        request: decision_pb2.DecideRequest,
        same_as: decision_pb2.DecideResponse | None = None,
    ) -> decision_pb2.DecideResponse | None:
        """Ask for a decision. Other placements, or another answer than `same_as`, are a failure."""

        def ask() -> decision_pb2.DecideResponse:
            answer = self._decide(request, timeout=self._timeout)
            if [it.placement_id for it in answer.placements] != [it.id for it in request.placements]:
                raise CallError("ANSWER: the placements are not those of the question")
            if same_as is not None and answer != same_as:
                raise CallError("ANSWER: a repeated question got another answer")
            return answer

        return self._counted(name, ask)

    def report(self, name: str, outcomes: Sequence[outcome_pb2.Outcome]) -> bool:
        """Report outcomes; an item that is refused is a failure of the call."""
        request = outcome_pb2.ReportOutcomesRequest(outcomes=outcomes)
        return self._counted(name, lambda: _taken(self._report(request, timeout=self._timeout))) is not None

    def track(self, name: str, event: event_pb2.Event) -> bool:
        """Tell of an event; one that is refused is a failure of the call."""
        request = customer_pb2.TrackEventsRequest(events=[event])
        return self._counted(name, lambda: _taken(self._track(request, timeout=self._timeout))) is not None

    def _counted(self, name: str, call: Callable[[], Answer]) -> Answer | None:
        started, answer, failure = time.perf_counter(), None, None
        try:
            answer = call()
        except grpc.RpcError as error:
            failure = CallError(_why(error))
        except CallError as error:
            failure = error
        self._environment.events.request.fire(
            request_type="grpc",
            name=name,
            response_time=(time.perf_counter() - started) * 1e3,
            response_length=answer.ByteSize() if answer is not None else 0,
            exception=failure,
            context={},
        )
        return answer


def _taken(answer: Receipt) -> Receipt:
    """Return an answer about items that were all taken.

    Raises:
        CallError: one was refused; the first one says why.
    """
    for result in answer.results:
        if result.status == error_pb2.ITEM_STATUS_REJECTED:
            raise CallError(f"{_CODES[result.error.code]}: an item was refused, {result.error.reason}")
    return answer


def _why(error: grpc.RpcError) -> str:
    """Return status and reason of a failed call, such as `RESOURCE_EXHAUSTED: OVERLOADED`.

    Without a reason of the service, the failure was made on the way: then the text of it says more.
    """
    reason, info = "", error_details_pb2.ErrorInfo()
    details = dict(error.trailing_metadata() or ()).get("grpc-status-details-bin", b"")
    for detail in status_pb2.Status.FromString(details).details:
        if detail.Unpack(info):
            reason = info.reason
    return f"{error.code().name}: {reason or error.details()}"


@cache
def _channels(address: str) -> Iterator[grpc.Channel]:
    """Return this process's connections in turns, forever."""
    options = [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", 0)]
    return cycle([grpc.insecure_channel(address, options=options) for _ in range(CHANNELS)])
