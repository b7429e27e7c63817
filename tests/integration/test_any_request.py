"""Whatever is sent gets an explained answer: bytes that are no request, RPCs not served yet, noise."""

from typing import Any

import grpc
import pytest
from corner_shop import question
from google.protobuf.descriptor import MethodDescriptor
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from running_service import CANARY, DECIDE, Client, Refusal, read_refusal

from nextbest.v1 import admin_pb2, decision_pb2, identity_pb2, value_pb2

INVALID, NOT_FOUND = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND
Context = value_pb2.Context
Request = decision_pb2.DecideRequest

pytestmark = pytest.mark.usefixtures("still_serving")


@pytest.mark.parametrize(
    "raw",
    [
        b"\xff\xff\xff\xff",
        b"\x0a\x7f" + CANARY.encode(),  # says 127 bytes, has fewer
        b"\x0a\x04\xc3\x28\xa0\xa1",  # request_id is no UTF-8
        b"\x22\x08\x0a\x06\x0a\x01\xff\x12\x01a",  # neither is a key of the context
        b"\x0b" * 200,  # groups within groups
    ],
)
def test_bytes_that_are_no_request_are_refused(client: Client, raw: bytes) -> None:
    refusal = client.refusal(raw)
    assert (refusal.status, refusal.reason, refusal.domain) == (INVALID, "UNDECODABLE_REQUEST", "nextbest")
    assert CANARY not in refusal.message


def test_an_empty_message_lacks_everything_that_is_needed(client: Client) -> None:
    assert client.refusal(b"").fields == ["placements", "identities"]


@pytest.mark.parametrize("compression", [grpc.Compression.NoCompression, grpc.Compression.Gzip])
def test_a_message_above_256_kib_is_refused_by_grpc(client: Client, compression: grpc.Compression) -> None:
    """Also one that is small on the wire and large in memory."""
    huge = question(request_id=CANARY * 40_000).SerializeToString()
    with pytest.raises(grpc.RpcError) as caught:
        client.channel.unary_unary(DECIDE)(huge, timeout=10.0, compression=compression)
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert CANARY not in caught.value.details()


def rpcs_not_served() -> list[MethodDescriptor]:
    (service,) = admin_pb2.DESCRIPTOR.services_by_name.values()
    return list(service.methods)


def call(client: Client, rpc: MethodDescriptor) -> Any:
    path = f"/{rpc.containing_service.full_name}/{rpc.name}"
    match rpc.client_streaming, rpc.server_streaming:
        case False, False:
            return client.channel.unary_unary(path)(b"", timeout=10.0)
        case False, True:
            return list(client.channel.unary_stream(path)(b"", timeout=10.0))
        case True, False:
            return client.channel.stream_unary(path)(iter([b""]), timeout=10.0)
        case _:
            return list(client.channel.stream_stream(path)(iter([b""]), timeout=10.0))


@pytest.mark.parametrize("rpc", rpcs_not_served(), ids=lambda rpc: rpc.full_name)
def test_what_is_not_served_yet_says_so(client: Client, rpc: MethodDescriptor) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        call(client, rpc)
    refusal = read_refusal(caught.value)
    assert (refusal.status, refusal.reason) == (grpc.StatusCode.UNIMPLEMENTED, "NOT_SERVED")


def test_the_list_of_what_is_not_served_is_not_empty() -> None:
    assert rpcs_not_served()


def names() -> st.SearchStrategy[str]:
    return st.sampled_from(["home", "card", "customer", "credit", "web", "page", "visits", "cart"]) | st.text(
        max_size=8
    )


def contexts() -> st.SearchStrategy[Context]:
    floats = st.sampled_from([0.0, -0.0, 1e300, 2.0**53]) | st.floats()
    lists = st.builds(value_pb2.StringList, values=st.lists(names(), max_size=3))
    return st.builds(
        Context,
        strings=st.dictionaries(names(), names(), max_size=3),
        numbers=st.dictionaries(names(), floats, max_size=3),
        flags=st.dictionaries(names(), st.booleans(), max_size=3),
        lists=st.dictionaries(names(), lists, max_size=3),
    )


def requests() -> st.SearchStrategy[Request]:
    enums = st.integers(-(2**31), 2**31 - 1) | st.integers(0, 3)
    placements = st.builds(
        decision_pb2.PlacementRequest,
        id=names(),
        limit=enums,
        excluded_action_ids=st.lists(names(), max_size=3),
        action_types=st.lists(enums, max_size=2),
    )
    return st.builds(
        Request,
        request_id=names(),
        identities=st.lists(st.builds(identity_pb2.Identity, namespace=names(), id=names()), max_size=3),
        placements=st.lists(placements, max_size=3),
        context=contexts(),
        channel=st.just("") | names(),
        direction=enums,
        candidate_action_ids=st.lists(names(), max_size=3),
        explain_level=enums,
        audit_mode=enums,
        include_content=st.booleans(),
        allow_duplicates=st.booleans(),
    )


def nearly_sound() -> st.SearchStrategy[Request]:
    """Return requests with nothing wrong but, now and then, a number or a limit."""
    context = st.builds(
        Context,
        strings=st.fixed_dictionaries({}, optional={"page": st.text(max_size=20)}),
        numbers=st.fixed_dictionaries(
            {},
            optional={"basket_value": st.floats(), "visits": st.integers(-9, 9), "last_visit": st.floats()},
        ),
        flags=st.fixed_dictionaries({}, optional={"first_time": st.booleans()}),
    )
    placement = st.builds(
        decision_pb2.PlacementRequest,
        id=st.just("home"),
        limit=st.integers(-1, 11),
        excluded_action_ids=st.lists(st.sampled_from(["credit", "delivery"]), max_size=3),
        action_types=st.lists(st.integers(1, 3), max_size=3),
    )
    identity = st.builds(
        identity_pb2.Identity,
        namespace=st.sampled_from(["customer", "CUSTOMER", "cookie"]),
        id=st.sampled_from(["anna", "ben", "carl"]) | st.text(min_size=1, max_size=9),
    )
    return st.builds(
        Request,
        identities=st.lists(identity, min_size=1, max_size=8),
        placements=st.lists(placement, min_size=1, max_size=1),
        context=context,
        explain_level=st.integers(0, 3),
        include_content=st.booleans(),
        candidate_action_ids=st.lists(st.sampled_from(["credit", "app-bread", "pie-recipe"]), max_size=3),
    )


def mangled(requests: st.SearchStrategy[Request]) -> st.SearchStrategy[bytes]:
    """Return the bytes of requests with some of them cut out, replaced or added."""
    return st.builds(
        lambda request, start, gone, noise: (
            (raw := request.SerializeToString())[: start % (len(raw) + 1)]
            + noise
            + raw[start % (len(raw) + 1) + gone :]
        ),
        requests,
        st.integers(0, 200),
        st.integers(0, 3),
        st.binary(max_size=3),
    )


@settings(
    max_examples=450,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=True,
    database=None,
)
@given(nearly_sound() | requests() | mangled(nearly_sound()) | mangled(requests()) | st.binary(max_size=60))
def test_no_request_whatever_gets_an_unexplained_error(client: Client, request: Request | bytes) -> None:
    outcome = client.outcome(request)
    if isinstance(outcome, Refusal):
        assert outcome.status in {INVALID, NOT_FOUND, grpc.StatusCode.UNAVAILABLE}
        assert outcome.reason in {
            "INVALID_REQUEST",
            "UNDECODABLE_REQUEST",
            "UNKNOWN_REFERENCE",
            "AUDIT_UNAVAILABLE",
        }
