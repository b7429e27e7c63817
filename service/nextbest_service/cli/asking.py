"""A small blocking client of the DecisionService for the command line."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import grpc
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from nextbest.v1 import decision_pb2, decision_pb2_grpc, identity_pb2, value_pb2
from nextbest_service.api.refusals import DETAILS_KEY
from nextbest_service.cli.dialling import Dialling

UNREACHABLE = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)


class UnreachableError(Exception):
    """No service answered."""


@dataclass(eq=False)  # not frozen: contexts that it passes write down where it has been
class RefusedError(Exception):
    """The service refused the request."""

    status: str
    reason: str
    message: str
    violations: tuple[tuple[str, str], ...]

    def to_plain(self) -> dict[str, object]:
        """Return the refusal fit for JSON."""
        violations = [{"field": field, "description": text} for field, text in self.violations]
        return {"error": {"status": self.status, "reason": self.reason, "violations": violations}}


def build_request(
    *,
    identities: Sequence[tuple[str, str]],
    placements: Sequence[str],
    limit: int,
    channel: str = "",
    brand: str = "",
    goal: str = "",
    locale: str = "",
    context: Sequence[tuple[str, str]] = (),
    excluded: Sequence[str] = (),
    candidates: Sequence[str] = (),
    explain: str = "none",
) -> decision_pb2.DecideRequest:
    """Return the request message."""
    return decision_pb2.DecideRequest(
        identities=[identity_pb2.Identity(namespace=namespace, id=name) for namespace, name in identities],
        placements=[
            decision_pb2.PlacementRequest(id=placement, limit=limit, excluded_action_ids=excluded)
            for placement in placements
        ],
        channel=channel,
        brand=brand,
        goal=goal,
        locale=locale,
        context=_context(context),
        candidate_action_ids=candidates,
        explain_level=f"EXPLAIN_LEVEL_{explain.upper()}",
        include_content=True,
    )


def ask(address: str, request: decision_pb2.DecideRequest, timeout: float) -> decision_pb2.DecideResponse:
    """Send one request.

    Raises:
        UnreachableError: nobody answered in time.
        RefusedError: the service answered with an error.
    """
    with Dialling.from_environment().channel(address) as channel:
        try:
            stub = decision_pb2_grpc.DecisionServiceStub(channel)  # type: ignore[no-untyped-call]
            return cast(decision_pb2.DecideResponse, stub.Decide(request, timeout=timeout))
        except grpc.RpcError as error:
            raise failure_of(address, error) from None


def to_plain(response: Message) -> dict[str, object]:
    """Return the answer fit for JSON, with the contract's field names and all zero values."""
    plain: dict[str, object] = MessageToDict(
        response, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
    return plain


def _context(entries: Sequence[tuple[str, str]]) -> value_pb2.Context:
    context = value_pb2.Context()
    for key, text in entries:
        if text in {"true", "false"}:
            context.flags[key] = text == "true"
        elif text.startswith("["):
            items = text.removeprefix("[").removesuffix("]").split(",")
            context.lists[key].values.extend(item.strip().strip('"') for item in items if item.strip())
        elif (number := _number(text)) is not None:
            context.numbers[key] = number
        else:
            context.strings[key] = text.strip('"')
    return context


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def failure_of(address: str, error: Any) -> UnreachableError | RefusedError:  # noqa: ANN401 - also a grpc.Call
    """Return what an RpcError of a service means to the user."""
    status, message = error.code(), error.details()
    if status in UNREACHABLE:
        return UnreachableError(f"no answer from {address}: {message}{_advice(error)}")
    reason, violations = "", []
    for packed in _details(error):
        info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
        if packed.Unpack(info):
            reason = info.reason
        elif packed.Unpack(bad):
            violations = [(item.field, item.description) for item in bad.field_violations]
    return RefusedError(status.name, reason, message, tuple(violations))


def _advice(error: Any) -> str:  # noqa: ANN401
    """Return what to look at: a service that answered UNAVAILABLE in its own words is running."""
    return "" if _details(error) else ". Is `nextbest serve` running?"


def _details(error: Any) -> Sequence[Any]:  # noqa: ANN401
    metadata = dict(error.trailing_metadata() or ())
    return list(status_pb2.Status.FromString(metadata.get(DETAILS_KEY, b"")).details)
