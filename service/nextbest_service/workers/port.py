"""Holds the port that all workers share, so that no other service gets in among them."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from nextbest_service.errors import StartupError


@contextmanager
def held_port(host: str, port: int) -> Iterator[int]:
    """Keep a port for workers that listen with SO_REUSEPORT, and yield it; 0 picks a free one.

    The socket that holds it never listens, so that no connection gets to it. Nobody else can have the port:
    who does not share gets it neither before nor after, and two supervisors exclude each other by name.

    Raises:
        StartupError: somebody has the port, or this machine cannot share one.
    """
    if not hasattr(socket, "SO_REUSEPORT") or not hasattr(socket, "SO_INCOMING_CPU"):
        raise StartupError("several workers need Linux: only there the kernel shares out connections")
    family, address = _resolved(host, port)
    with socket.socket(family) as holder, socket.socket(socket.AF_UNIX) as name:
        try:
            # Past connections linger for a minute; they shall not keep a service from starting again.
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            holder.bind(address)
            port = holder.getsockname()[1]
            # Until the lines below have run, a second supervisor could bind as we did: sockets that do not
            # listen may share. A name in the abstract namespace belongs to one, and goes with it.
            name.bind(f"\0nextbest {host} {port}".encode())
        except OSError as error:
            raise StartupError(port_taken(host, port)) from error
        # From now on workers may join, and nobody may who does not say so.
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        yield port


def port_taken(host: str, port: int) -> str:
    """Return what to say where a port cannot be had."""
    return (
        f"cannot listen on {host}:{port}: the port is taken or not allowed; "
        "choose another with --port, or 0 for any free one"
    )


def joined(host: str, port: int) -> str:
    """Return host and port as one text."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _resolved(host: str, port: int) -> tuple[socket.AddressFamily, tuple[str, int]]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise StartupError(f"there is no address {host}: {error.strerror}") from error
    family, *_, address = found[0]
    return family, address  # type: ignore[return-value] # those of IPv6 have two more parts
