"""HTTP/2 by hand, for what no gRPC client sends: frames in any order, or nothing where something is due."""

import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from running_service import DECIDE

from benchmarks.load.hpack import StatusReader
from benchmarks.load.wire import END_HEADERS, END_STREAM, HEADERS, frame, hello

HEAD_BYTES = 9
PATIENCE_SECONDS = 60.0
USUAL = {
    ":method": "POST",
    ":scheme": "http",
    ":path": DECIDE,
    ":authority": "service",
    "te": "trailers",
    "content-type": "application/grpc",
}


@dataclass
class Wire:
    """One connection, and the frames that came over it so far: kind, stream and content of each."""

    socket: socket.socket
    frames: list[tuple[int, int, bytes]] = field(default_factory=list)
    rest: bytes = b""
    closed: bool = False

    def send(self, raw: bytes) -> bool:
        """Send bytes, and return whether somebody took them."""
        try:
            self.socket.sendall(raw)
        except OSError:
            self.closed = True
        return not self.closed

    def read(self) -> bool:
        """Wait for frames, and return whether any came before the other side hung up."""
        try:
            came = self.socket.recv(1 << 16)
        except ConnectionError:
            came = b""
        self.rest += came
        while len(self.rest) >= HEAD_BYTES and len(self.rest) >= HEAD_BYTES + self._due():
            end = HEAD_BYTES + self._due()
            stream = int.from_bytes(self.rest[5:HEAD_BYTES], "big")
            self.frames.append((self.rest[3], stream, self.rest[HEAD_BYTES:end]))
            self.rest = self.rest[end:]
        self.closed = not came
        return bool(came)

    def read_until_closed(self) -> None:
        """Read until the other side hangs up."""
        while self.read():
            pass

    def count(self, kind: int) -> int:
        """Return how many frames of a kind came."""
        return sum(found == kind for found, _, _ in self.frames)

    def statuses(self) -> dict[int, str]:
        """Return the gRPC status of each stream that has ended with one."""
        reader, found = StatusReader(), {}
        for kind, stream, content in self.frames:
            status = reader.status(content) if kind == HEADERS else None
            if status is not None:
                found[stream] = status.decode()
        return found

    def status_of(self, headers: Mapping[str, str], content: bytes = b"") -> str:
        """Make one call and return the status that it ends with."""
        self.send(opened(1, headers) + frame(0, END_STREAM, 1, content))
        while 1 not in self.statuses():
            assert self.read(), "hung up on"
        return self.statuses()[1]

    def _due(self) -> int:
        return int.from_bytes(self.rest[:3], "big")


@contextmanager
def wire(address: str, greeting: bytes | None = None) -> Iterator[Wire]:
    """Connect, by default as a client of HTTP/2 that says hello."""
    host, port = address.rsplit(":", 1)
    with socket.create_connection((host, int(port)), PATIENCE_SECONDS) as connected:
        found = Wire(connected)
        found.send(hello() if greeting is None else greeting)
        yield found
        with suppress(OSError):
            connected.shutdown(socket.SHUT_RDWR)


def opened(stream: int, headers: Mapping[str, str] = {}) -> bytes:
    """Return the frame that opens a stream, by default one of a call of Decide."""
    block = b"".join(_literal(name, value) for name, value in {**USUAL, **headers}.items())
    return frame(HEADERS, END_HEADERS, stream, block)


def _literal(name: str, value: str) -> bytes:
    """Return a header that goes into no table."""
    return b"\x00" + b"".join(bytes([len(text)]) + text.encode() for text in (name, value))
