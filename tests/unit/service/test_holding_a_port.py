"""One port for many workers of one service, and for nobody else."""

import socket

import pytest

from nextbest_service.errors import StartupError
from nextbest_service.workers.port import held_port


def listener(port: int, *, shared: bool) -> socket.socket:
    """Listen as gRPC does."""
    found = socket.socket()
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, shared)
    try:
        found.bind(("127.0.0.1", port))
        found.listen()
    except OSError:
        found.close()
        raise
    return found


def test_workers_share_the_port_and_get_all_connections() -> None:
    with held_port("127.0.0.1", 0) as port, listener(port, shared=True), listener(port, shared=True):
        for _ in range(20):
            socket.create_connection(("127.0.0.1", port), 5).close()


@pytest.mark.parametrize("working", [False, True])
def test_a_second_supervisor_is_refused_before_and_after_the_first_worker(working: bool) -> None:
    with held_port("127.0.0.1", 0) as port:
        worker = listener(port, shared=True) if working else None
        with pytest.raises(StartupError, match="the port is taken"), held_port("127.0.0.1", port):
            pass
        if worker:
            worker.close()


def test_supervisors_that_bind_in_the_same_moment_are_told_apart_by_a_name() -> None:
    with held_port("127.0.0.1", 0) as port:
        pass
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(f"\0nextbest 127.0.0.1 {port}".encode())
        with pytest.raises(StartupError, match="the port is taken"):
            held_port("127.0.0.1", port).__enter__()


def test_who_does_not_share_is_refused_once_there_were_workers() -> None:
    with held_port("127.0.0.1", 0) as port:
        listener(port, shared=True).close()
        with pytest.raises(OSError, match="in use"):
            listener(port, shared=False)


@pytest.mark.parametrize("shared", [False, True])
def test_a_port_where_somebody_listens_cannot_be_held(shared: bool) -> None:
    with listener(0, shared=shared) as other:
        port = other.getsockname()[1]
        with pytest.raises(StartupError, match="the port is taken"):
            held_port("127.0.0.1", port).__enter__()


def test_a_port_is_free_again_at_once_although_old_connections_linger() -> None:
    with held_port("127.0.0.1", 0) as port, listener(port, shared=True) as worker:
        caller = socket.create_connection(("127.0.0.1", port), 5)
        accepted, _ = worker.accept()
        accepted.close()  # the side that closes first keeps the connection for a minute
        caller.close()
    with held_port("127.0.0.1", port) as again:
        assert again == port
