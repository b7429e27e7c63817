"""Ports with TLS: who gets a connection at all, and who is let in by what its certificate says."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from authority import Authority, Pair, channel_credentials, replaced
from corner_shop import question
from running_service import DECIDE, Refusal, read_refusal

from nextbest_service.api.edge import service_handler
from nextbest_service.security.callers_file import read_callers
from nextbest_service.security.certificates import TlsFiles, read_certificates
from nextbest_service.security.gate import Gate
from nextbest_service.security.last_good import LastGood
from nextbest_service.security.securing import Security
from nextbest_service.serving.services import DECISION_SERVICE

UNAVAILABLE = grpc.StatusCode.UNAVAILABLE
AUTHORITY, STRANGER = Authority(), Authority()
WEB = "spiffe://example.org/web"
CALLERS = f"""
callers:
  - name: web
    certificates: [{{spiffe: "{WEB}"}}, {{dns: web.internal}}]
    rpcs: [DecisionService/Decide]
    channels: ["*"]
    placements: ["*"]
    brands: ["*"]
  - name: events
    certificates: [{{dns: events.internal}}]
    rpcs: [CustomerService/TrackEvents]
"""


def security(directory: Path, *, asks_clients: bool = True) -> Security:
    """Return what guards a port whose files are in a directory; callers count where clients are asked."""
    ca = replaced(directory / "ca.crt", AUTHORITY.root) if asks_clients else None
    files = TlsFiles(*AUTHORITY.server().written(directory, "tls"), ca)
    certificates = LastGood("certificates", partial(read_certificates, files))
    if not asks_clients:
        return Security(certificates)
    callers = LastGood("callers", partial(read_callers, replaced(directory / "callers.yaml", CALLERS)))
    return Security(certificates, callers, Gate(lambda: callers.current))


@asynccontextmanager
async def listening(guard: Security) -> AsyncIterator[str]:
    """Serve Decide behind a guard that follows its files, and yield the address."""

    async def answer(_request: Any, _context: Any) -> bytes:
        return b""

    server = grpc.aio.server()
    handler = service_handler(DECISION_SERVICE, {"Decide": answer}, gate=guard.gate)
    server.add_generic_rpc_handlers((handler,))
    port = guard.open_port(server, "127.0.0.1", 0)
    gc.collect()  # gRPC asks for new certificates at an address of its own: it must not be gone
    await server.start()
    async with guard.on_watch():
        try:
            yield f"127.0.0.1:{port}"
        finally:
            await server.stop(None)


async def outcome(
    address: str, client: Pair | None = None, root: bytes = AUTHORITY.root, rpc: str = DECIDE
) -> Refusal | None:
    """Ask over a connection of its own, and return the refusal, or None for an answer."""
    options = [("grpc.use_local_subchannel_pool", 1)]
    async with grpc.aio.secure_channel(address, channel_credentials(root, client), options) as channel:
        try:
            await channel.unary_unary(rpc)(question().SerializeToString(), timeout=20)
        except grpc.aio.AioRpcError as error:
            return read_refusal(error)
    return None


async def outcomes(guard: Security, *clients: Pair | None) -> list[Refusal | None]:
    """Ask once as each of some clients."""
    async with listening(guard) as address:
        return [await outcome(address, client) for client in clients]


def test_without_an_authority_of_clients_everybody_with_tls_is_served(tmp_path: Path) -> None:
    async def ask() -> None:
        async with listening(security(tmp_path, asks_clients=False)) as address:
            assert await outcome(address) is None
            refusal = await outcome(address, root=STRANGER.root)
            assert refusal is not None
            assert refusal.status is UNAVAILABLE
            async with grpc.aio.insecure_channel(address) as channel:
                with pytest.raises(grpc.aio.AioRpcError) as caught:
                    await channel.unary_unary(DECIDE)(b"", timeout=20)
                assert caught.value.code() is UNAVAILABLE

    asyncio.run(ask())


def test_callers_are_known_by_the_names_in_their_certificates(tmp_path: Path) -> None:
    known = [AUTHORITY.client(WEB), AUTHORITY.client("web.internal"), AUTHORITY.client("WEB.internal")]
    assert asyncio.run(outcomes(security(tmp_path), *known)) == [None, None, None]


def test_certificates_that_are_not_accepted_get_no_connection(tmp_path: Path) -> None:
    refused = [
        None,
        STRANGER.client(WEB),
        AUTHORITY.client(WEB, left=-timedelta(minutes=5)),
        AUTHORITY.client(WEB, since=-timedelta(minutes=30)),
    ]
    for refusal in asyncio.run(outcomes(security(tmp_path), *refused)):
        assert refusal is not None
        assert (refusal.status, refusal.reason) == (UNAVAILABLE, "")


def test_a_good_certificate_of_nobody_who_is_known_is_told_nothing(tmp_path: Path) -> None:
    strangers = [AUTHORITY.client("spiffe://example.org/web2"), AUTHORITY.client("other.internal")]
    for refusal in asyncio.run(outcomes(security(tmp_path), *strangers)):
        assert refusal is not None
        assert (refusal.status, refusal.reason) == (grpc.StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED")
        assert "certificate" not in refusal.message


def test_a_caller_may_only_do_what_it_is_permitted_also_what_is_not_served(tmp_path: Path) -> None:
    async def ask() -> list[Refusal | None]:
        async with listening(security(tmp_path)) as address:
            stream = "/nextbest.v1.DecisionService/DecideStream"
            events, web = AUTHORITY.client("events.internal"), AUTHORITY.client(WEB)
            return [await outcome(address, events), await outcome(address, web, rpc=stream)]

    for refusal in asyncio.run(ask()):
        assert refusal is not None
        assert (refusal.status, refusal.reason) == (grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_DENIED")
        assert refusal.domain == "nextbest"


def test_certificates_rotate_under_load_without_a_failed_call(tmp_path: Path) -> None:
    """New connections see the new certificate; no call fails, on old connections or new ones."""
    guard, client, second = security(tmp_path), AUTHORITY.client(WEB), Authority()
    roots = AUTHORITY.root + second.root
    refusals: list[Refusal] = []
    calls = 0

    async def keep_calling(address: str, stop: asyncio.Event) -> None:
        nonlocal calls
        while not stop.is_set():
            refusal = await outcome(address, client, roots)
            calls += 1
            if refusal is not None:
                refusals.append(refusal)

    async def rotate() -> None:
        async with listening(guard) as address:
            stop = asyncio.Event()
            old = grpc.aio.secure_channel(address, channel_credentials(AUTHORITY.root, client))
            ask_on_old = old.unary_unary(DECIDE)
            await ask_on_old(b"", timeout=20)
            load = [asyncio.create_task(keep_calling(address, stop)) for _ in range(4)]
            second.server().written(tmp_path, "tls")
            assert guard.certificates is not None
            async with asyncio.timeout(30):
                while not guard.certificates.taken or calls < 20:
                    await asyncio.sleep(0.01)
            assert await outcome(address, client, second.root) is None
            refusal = await outcome(address, client, AUTHORITY.root)
            assert refusal is not None, "new connections are still given the old certificate"
            await ask_on_old(b"", timeout=20)
            replaced(tmp_path / "tls.key", b"not a key")
            async with asyncio.timeout(30):
                while not guard.certificates.refused:
                    await asyncio.sleep(0.01)
            assert await outcome(address, client, second.root) is None
            stop.set()
            await asyncio.gather(*load)
            await old.close()

    asyncio.run(rotate())
    assert not refusals
    assert calls >= 20


def test_an_authority_that_is_taken_out_is_trusted_no_more(tmp_path: Path) -> None:
    guard, second = security(tmp_path), Authority()
    old, new = AUTHORITY.client(WEB), second.client(WEB)

    async def ask() -> None:
        async with listening(guard) as address:
            assert await outcome(address, new) is not None
            replaced(tmp_path / "ca.crt", second.root)
            assert guard.certificates is not None
            async with asyncio.timeout(30):
                while not guard.certificates.taken:
                    await asyncio.sleep(0.01)
            assert await outcome(address, new) is None
            refusal = await outcome(address, old)
            assert refusal is not None
            assert refusal.status is UNAVAILABLE

    asyncio.run(ask())


def test_connections_of_clients_with_certificates_do_not_last_for_ever(tmp_path: Path) -> None:
    assert dict(security(tmp_path).listening) == {"grpc.max_connection_age_ms": 60_000}
    assert not security(tmp_path, asks_clients=False).listening
