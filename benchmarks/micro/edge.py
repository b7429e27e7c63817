"""What the edge of the service costs per call, beside a plain handler and an interceptor that does nothing.

Run it with `python -m benchmarks.micro.edge`; add `--json` for a machine. Client and server share one event
loop, so the times hold both sides; the differences are the server's.
"""

from collections.abc import Awaitable, Callable, Iterator

import grpc
import grpc.aio
import uvloop

from benchmarks.interleaved import Candidate, run
from nextbest.v1 import decision_pb2, decision_pb2_grpc, identity_pb2
from nextbest_service.api.edge import service_handler
from nextbest_service.api.refusals import Context

SERVICE = decision_pb2.DESCRIPTOR.services_by_name["DecisionService"]
REQUEST = decision_pb2.DecideRequest(
    identities=[identity_pb2.Identity(namespace="customer", id="1")],
    placements=[decision_pb2.PlacementRequest(id="home", limit=5)],
)
RESPONSE = decision_pb2.DecideResponse(decision_id="0" * 32)
RUNNING: list[grpc.aio.Server] = []
"""A server stops when nobody holds it."""


class Idle(grpc.aio.ServerInterceptor):
    """Passes every call on."""

    async def intercept_service(
        self, continuation: Callable[..., Awaitable[object]], details: grpc.HandlerCallDetails
    ) -> object:
        """Pass the call on."""
        return await continuation(details)


async def decide(_request: decision_pb2.DecideRequest, _context: Context) -> decision_pb2.DecideResponse:
    """Answer at once."""
    return RESPONSE


def plain_handler() -> grpc.GenericRpcHandler:
    """Return what the generated code would register."""
    handler = grpc.unary_unary_rpc_method_handler(
        decide, decision_pb2.DecideRequest.FromString, decision_pb2.DecideResponse.SerializeToString
    )
    return grpc.method_handlers_generic_handler(SERVICE.full_name, {"Decide": handler})


def candidates() -> Iterator[Candidate]:
    """Yield everything that is compared."""
    loop = uvloop.new_event_loop()
    variants = {
        "plain handler": (plain_handler(), []),
        "our edge": (service_handler(SERVICE, {"Decide": decide}), []),
        "plain + idle interceptor": (plain_handler(), [Idle()]),
    }

    async def start(handler: grpc.GenericRpcHandler, interceptors: list[Idle]) -> grpc.aio.Channel:
        server = grpc.aio.server(interceptors=interceptors, options=[("grpc.so_reuseport", 0)])
        server.add_generic_rpc_handlers((handler,))
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        channel = grpc.aio.insecure_channel(f"127.0.0.1:{port}")
        RUNNING.append(server)
        return channel

    for name, (handler, interceptors) in variants.items():
        stub = decision_pb2_grpc.DecisionServiceStub(loop.run_until_complete(start(handler, interceptors)))

        async def call(stub: decision_pb2_grpc.DecisionServiceStub = stub) -> None:
            await stub.Decide(REQUEST)

        yield Candidate("one call", name, 0, lambda call=call: loop.run_until_complete(call()))


if __name__ == "__main__":
    run("The cost of the edge", candidates, {"grpc": grpc.__version__}, rounds=101, calls=50)
