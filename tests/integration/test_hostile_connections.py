"""Callers who are clumsy, broken or hostile on the wire are hung up on or reset; nobody else notices."""

import resource
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import grpc
import psutil
import pytest
from corner_shop import question
from raw_http2 import Wire, opened, wire
from running_service import DECIDE, Client, Service, read_refusal, service, wait_until

from benchmarks.load.wire import DATA, END_STREAM, GOAWAY, PING, RST_STREAM, SETTINGS, frame, hello, message
from nextbest_service.serving.bounds import FILES_KEPT, HANDSHAKE_MS, MAX_METADATA_BYTES, MAX_STREAMS
from nextbest_service.serving.health_port import MOST_CONNECTIONS

MEGABYTE = 1 << 20
FILES = 300
"""What the process may open: few enough that a test can take them all."""
QUESTION = question().SerializeToString()
CANCEL = (8).to_bytes(4, "big")
INTERNAL, RESOURCE_EXHAUSTED, UNIMPLEMENTED = "13", "8", "12"


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that may open few files. It must end cleanly."""
    usual = resource.getrlimit(resource.RLIMIT_NOFILE)
    with ExitStack() as closing:
        resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, usual[1]))
        try:
            home = tmp_path_factory.mktemp("narrow")
            running = closing.enter_context(
                service(home, "--store-timeout-ms", "5000", "--waiting-calls", "100000", "--health-port", "0")
            )
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, usual)
        yield running
        assert "Traceback" not in running.log()
        assert running.stop() == 0, running.log()


@pytest.fixture
def friend(narrow: Service) -> Iterator[Client]:
    """Somebody who was there before, and is answered as quickly afterwards."""
    client = Client(narrow.address)
    client.decide(question())
    yield client
    client.decide(question(), timeout=20)
    assert client.health() == "SERVING"
    client.close()


def megabytes(running: Service) -> float:
    """Return how much memory the service has taken at most so far."""
    status = Path(f"/proc/{running.process.pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def refused(call: Callable[[], object]) -> grpc.StatusCode:
    """Return the status of a refusal."""
    with pytest.raises(grpc.RpcError) as caught:
        call()
    return read_refusal(caught.value).status


def test_a_message_that_grows_when_decompressed_takes_no_memory(narrow: Service, friend: Client) -> None:
    bomb = bytes(256 * MEGABYTE)
    friend.decide(question())
    before = megabytes(narrow)
    status = refused(
        lambda: friend.channel.unary_unary(DECIDE)(bomb, timeout=60, compression=grpc.Compression.Gzip)
    )
    assert status is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert megabytes(narrow) - before < 32


def test_headers_have_one_limit_and_no_luck_in_it(friend: Client) -> None:
    def ask(size: int) -> object:
        headers = [("x-note", "a" * size)]
        return friend.channel.unary_unary(DECIDE)(QUESTION, timeout=10, metadata=headers)

    for _ in range(30):
        ask(MAX_METADATA_BYTES - 1024)
    assert refused(lambda: ask(MAX_METADATA_BYTES + 1)) is grpc.StatusCode.RESOURCE_EXHAUSTED


@pytest.mark.parametrize(
    ("headers", "content", "status"),
    [
        ({"grpc-encoding": "br"}, message(QUESTION), INTERNAL),  # as gRPC has it
        ({":path": "/nextbest.v1.DecisionService/Undecide"}, message(QUESTION), UNIMPLEMENTED),
        ({":path": "nonsense"}, message(QUESTION), UNIMPLEMENTED),
        ({}, b"\0\xff\xff\xff\xff", RESOURCE_EXHAUSTED),
    ],
)
def test_what_is_no_call_of_ours_gets_a_clear_status(
    narrow: Service, friend: Client, headers: dict[str, str], content: bytes, status: str
) -> None:
    del friend
    with wire(narrow.address) as line:
        assert line.status_of(headers, content) == status


@pytest.mark.parametrize(
    "noise",
    [
        b"GET / HTTP/1.1\r\nHost: service\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(200)),  # the hello of TLS
        bytes(range(256)) * 16,
        hello() + b"\xff" * 4096,
        hello() + frame(SETTINGS, 0, 0, b"\0"),
    ],
)
def test_noise_is_hung_up_on(narrow: Service, friend: Client, noise: bytes) -> None:
    del friend
    with wire(narrow.address, noise) as line:
        line.read_until_closed()


def test_who_says_nothing_is_hung_up_on(narrow: Service, friend: Client) -> None:
    del friend
    started = time.monotonic()
    with wire(narrow.address, b"") as line:
        line.read_until_closed()
    assert time.monotonic() - started < 5 * HANDSHAKE_MS / 1000  # gRPC itself waits for two minutes


def test_only_so_many_calls_of_a_connection_are_under_way(narrow: Service, friend: Client) -> None:
    """Calls that never send their message take a place and no more; those beyond are reset at once."""
    before = megabytes(narrow)
    with wire(narrow.address) as line:
        for number in range(3 * MAX_STREAMS):
            assert line.send(opened(2 * number + 1))
        while line.count(RST_STREAM) < 2 * MAX_STREAMS:
            assert line.read()
        friend.decide(question(), timeout=20)
        assert line.count(RST_STREAM) == 2 * MAX_STREAMS
    assert megabytes(narrow) - before < 64


def test_who_keeps_asking_whether_we_are_there_is_hung_up_on(narrow: Service, friend: Client) -> None:
    del friend
    with wire(narrow.address) as line:
        while line.send(frame(PING, 0, 0, b"are you?")):
            pass
        line.read_until_closed()
        assert b"too_many_pings" in b"".join(content for kind, _, content in line.frames if kind == GOAWAY)


def test_calls_that_are_taken_back_at_once_leave_nothing_behind(narrow: Service, friend: Client) -> None:
    def hurry(calls: int) -> None:
        with wire(narrow.address) as line:
            for number in range(calls):
                stream = 2 * number + 1
                asked = opened(stream) + frame(DATA, END_STREAM, stream, message(QUESTION))
                if not line.send(asked + frame(RST_STREAM, 0, stream, CANCEL)):
                    break
        friend.decide(question(), timeout=10)

    hurry(5_000)
    before = psutil.Process(narrow.process.pid).memory_info().rss
    hurry(20_000)
    assert psutil.Process(narrow.process.pid).memory_info().rss - before < 16 * MEGABYTE


def test_when_all_connections_are_taken_callers_who_are_in_are_served(
    narrow: Service, friend: Client
) -> None:
    with ExitStack() as held:
        lines: list[Wire] = [held.enter_context(wire(narrow.address)) for _ in range(FILES)]
        friend.decide(question(), timeout=20)
        assert psutil.Process(narrow.process.pid).num_fds() < FILES - FILES_KEPT // 4
        wait_until(lambda: sum(not line.read() for line in lines[-20:]) == len(lines[-20:]), 20)
    wait_until(lambda: psutil.Process(narrow.process.pid).num_fds() < FILES_KEPT)
    newcomer = Client(narrow.address)
    newcomer.decide(question(), timeout=20)
    newcomer.close()


def test_who_takes_all_connections_of_the_health_port_takes_no_more(narrow: Service, friend: Client) -> None:
    health = narrow.wait_for("health_served")["address"]
    before = psutil.Process(narrow.process.pid).num_fds()
    with ExitStack() as held:
        lines: list[Wire] = [held.enter_context(wire(health)) for _ in range(2 * MOST_CONNECTIONS)]
        friend.decide(question(), timeout=20)
        wait_until(lambda: sum(not line.read() for line in lines[-20:]) == len(lines[-20:]), 20)
        assert psutil.Process(narrow.process.pid).num_fds() <= before + MOST_CONNECTIONS + 4
    with grpc.insecure_channel(health) as channel:
        grpc.channel_ready_future(channel).result(20)
