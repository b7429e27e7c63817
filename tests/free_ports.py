"""Ports that nothing listens on."""

import os
import socket


def three_free_ports() -> int:
    """Return a port whose two successors are free as well."""
    while True:
        with socket.socket() as one, socket.socket() as two, socket.socket() as three:
            one.bind(("127.0.0.1", 0))
            port = int(one.getsockname()[1])
            try:
                two.bind(("127.0.0.1", port + 1))
                three.bind(("127.0.0.1", port + 2))
            except (OSError, OverflowError):
                continue
            return port


def free_ports(number: int) -> list[int]:
    """Return ports whose cluster bus, 10,000 above, is free too."""
    found: list[int] = []
    # Processes that run tests side by side do not look in the same place: their numbers are neighbours.
    first = 21_000 + 40 * os.getpid() % 4_000
    for port in range(first, first + 4_000):
        if len(found) < number and _is_free(port) and _is_free(port + 10_000):
            found.append(port)
    return found


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
