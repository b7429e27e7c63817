"""What one connection may cost a server: bounds for callers who are clumsy, broken or hostile.

gRPC keeps them before any of our code runs. Its own defaults suit a network of friends: any number of streams
on a connection, dead connections for two hours, silent ones for good.
"""

import resource
from collections.abc import Sequence
from typing import TypeAlias

Options: TypeAlias = Sequence[tuple[str, int]]

MAX_METADATA_BYTES = 16 * 1024
"""Of a call's headers. Between gRPC's soft and hard limit chance decides: here they are one."""
MAX_STREAMS = 1000
"""Calls under way on one connection. More wait at a caller that keeps to HTTP/2; others are reset."""
HANDSHAKE_MS = 10_000
"""Who has not said by then that they speak HTTP/2 is hung up on."""
PING_MS, PONG_MS = 60_000, 20_000
"""After so long without a word the caller is asked whether it is there, and has so long to say yes."""
LEAST_PING_MS = 10_000
"""Callers may ask as often themselves; who keeps asking more often is hung up on, ENHANCE_YOUR_CALM."""
MOST_CONNECTIONS = 4096
FILES_KEPT = 128
"""For the store, the log, certificates, and whatever else the process opens."""


def bounds(max_message_bytes: int, connections: int | None = None) -> Options:
    """Return the options of a server whose messages have at most so many bytes, also once decompressed.

    `connections` is how many it takes at a time; None: as many as there are files for.
    """
    return (
        ("grpc.max_receive_message_length", max_message_bytes),
        ("grpc.max_metadata_size", MAX_METADATA_BYTES),
        ("grpc.absolute_max_metadata_size", MAX_METADATA_BYTES),
        ("grpc.max_concurrent_streams", MAX_STREAMS),
        ("grpc.max_allowed_incoming_connections", connections or most_connections()),
        ("grpc.server_handshake_timeout_ms", HANDSHAKE_MS),
        ("grpc.keepalive_time_ms", PING_MS),
        ("grpc.keepalive_timeout_ms", PONG_MS),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.min_ping_interval_without_data_ms", LEAST_PING_MS),
    )


def most_connections() -> int:
    """Return how many connections a server takes at a time: some files are left for everything else.

    Without files a process can neither ask its store again nor load its catalog.
    """
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = files == resource.RLIM_INFINITY
    return MOST_CONNECTIONS if unlimited else max(16, min(MOST_CONNECTIONS, files - FILES_KEPT))
