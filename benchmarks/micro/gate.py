"""What letting a call in costs, beside what gRPC itself takes to show what the call brought along.

Run it with `python -m benchmarks.micro.gate`; add `--json` for a machine. In a call over TLS with a client's
certificate and a bearer token, each way to recognise the caller is timed as the median of many turns; "verify
anew" is what a JWT costs the first time.
"""

import argparse
import asyncio
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from statistics import median
from time import perf_counter_ns, time
from typing import Any

import grpc.aio
import jwt
import trustme
from cryptography.hazmat.primitives.asymmetric import ec

from nextbest_service.security.caller_tokens import make_token
from nextbest_service.security.callers import Caller, Callers, Credentials, Grant, Known, TokenHolder
from nextbest_service.security.gate import Gate
from nextbest_service.security.issuers import Issuer
from nextbest_service.security.permissions import Permissions
from nextbest_service.security.signing_keys import SigningKey

RPC = "nextbest.v1.DecisionService.Decide"
ROUNDS, TURNS = 21, 200
CALLER = Caller("bench", Permissions(frozenset([RPC])))
KEY = ec.generate_private_key(ec.SECP256R1())
ISSUER = Issuer(
    "issuer", "nextbest", frozenset({"ES256"}), (SigningKey("", KEY.public_key(), frozenset({"ES256"})),), 10
)
CLAIMS = {"iss": "issuer", "aud": "nextbest", "sub": "bench", "exp": datetime.now(UTC) + timedelta(hours=1)}
JWT = jwt.encode(CLAIMS, KEY, algorithm="ES256")


def callers(kind: str) -> Callers:
    """Return callers of whom one is recognised in one way."""
    if kind == "certificate":
        return Callers((CALLER,), {"dns:bench.internal": CALLER}, (), (), {})
    holders = (TokenHolder(bytes.fromhex(make_token().sha256), Known(CALLER)),)
    return Callers((CALLER,), {}, holders, (Grant("issuer", "bench", (), CALLER),), {"issuer": ISSUER})


def microseconds(work: Callable[[], object], turns: int = TURNS) -> float:
    """Return what one turn takes, the median of rounds."""
    found = []
    for _ in range(ROUNDS):
        started = perf_counter_ns()
        for _ in range(turns):
            work()
        found.append((perf_counter_ns() - started) / turns / 1000)
    return median(found)


def timed(context: Any) -> Mapping[str, float]:  # noqa: ANN401 - gRPC's
    """Time all ways inside one call."""
    by_token, by_certificate = (Gate(lambda it=it: it) for it in (callers("token"), callers("certificate")))
    admit_token, admit_certificate = by_token.admission(RPC), by_certificate.admission(RPC)
    assert admit_token is not None
    assert admit_certificate is not None
    return {
        "gRPC: metadata": microseconds(context.invocation_metadata),
        "gRPC: certificate": microseconds(context.auth_context),
        "admit by token or JWT": microseconds(lambda: admit_token(context)),
        "admit by certificate": microseconds(lambda: admit_certificate(context)),
        "verify anew": microseconds(lambda: callers("token").recognise(Credentials(JWT), time()), 5),
    }


async def measured() -> Mapping[str, float]:
    """Serve one call over TLS, and time within it."""
    authority = trustme.CA()
    own, client = authority.issue_cert("localhost"), authority.issue_cert("bench.internal")
    root = authority.cert_pem.bytes()
    found: dict[str, float] = {}

    async def answer(_raw: bytes, context: Any) -> bytes:  # noqa: ANN401
        found.update(timed(context))
        return b""

    server = grpc.aio.server()
    handlers = {"Decide": grpc.unary_unary_rpc_method_handler(answer)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("bench", handlers),))
    pair = own.private_key_pem.bytes(), own.cert_chain_pems[0].bytes()
    credentials = grpc.ssl_server_credentials([pair], root, require_client_auth=True)
    port = server.add_secure_port("localhost:0", credentials)
    await server.start()
    ours = client.private_key_pem.bytes(), client.cert_chain_pems[0].bytes()
    channel_credentials = grpc.ssl_channel_credentials(root, *ours)
    async with grpc.aio.secure_channel(f"localhost:{port}", channel_credentials) as channel:
        metadata = (("authorization", f"Bearer {JWT}"),)
        await channel.unary_unary("/bench/Decide")(b"", metadata=metadata)
    await server.stop(None)
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    found = asyncio.run(measured())
    if parser.parse_args().json:
        print(json.dumps(found))
        return
    for name, spent in found.items():
        print(f"{name:24} {spent:8.2f} us")


if __name__ == "__main__":
    main()
