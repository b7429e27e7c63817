"""gRPC calls at the least cost for the caller: requests are ready bytes, and answers are not decoded.

A grpc.aio client costs as much per call as a grpc.aio server, so it would be what a benchmark measures. This
one speaks just enough HTTP/2 (RFC 9113) for unary calls and one long stream to a server that keeps to the
rules, in the frames that gRPC's own client sends: headers are indexed from the second request on.
"""

import asyncio
import struct
from collections.abc import Callable, Sequence
from typing import TypeAlias, cast

from benchmarks.load.hpack import OK, StatusReader

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
END_STREAM, ACK, END_HEADERS, PADDED, PRIORITY = 0x1, 0x1, 0x4, 0x8, 0x20
WIDEST = 2**31 - 1
_FRAME_HEAD, _FIRST_WINDOW, _TOP_UP = 9, 65_535, 2**30
_TOO_MANY_STREAMS = 2**31 - 3

Done: TypeAlias = Callable[[int, bool, bytes], None]
"""Is told the number of a call, whether it was answered with status OK, and the answer as gRPC frames it."""


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """Return one frame."""
    return struct.pack(">IBI", len(payload) << 8 | kind, flags, stream) + payload


def message(content: bytes) -> bytes:
    """Return a message as gRPC frames it: not compressed, with its length."""
    return struct.pack(">BI", 0, len(content)) + content


def hello() -> bytes:
    """Return what a client says first: windows so wide that they never close."""
    settings = struct.pack(">HIHI", 0x2, 0, 0x4, WIDEST)
    wider = struct.pack(">I", WIDEST - _FIRST_WINDOW)
    return PREFACE + frame(SETTINGS, 0, 0, settings) + frame(WINDOW_UPDATE, 0, 0, wider)


def request_headers(
    method: str, authority: str, metadata: Sequence[tuple[str, str]] = ()
) -> tuple[bytes, bytes]:
    """Return the header block of a connection's first request, and that of all others."""
    texts = [
        (b"\x44", method),
        (b"\x41", authority),
        (b"\x40\x02te", "trailers"),
        (b"\x5f", "application/grpc"),
        (b"\x7a", "nextbest-benchmark"),
        *((b"\x40" + bytes([len(name)]) + name.encode(), value) for name, value in metadata),
    ]
    first = b"\x83\x86" + b"".join(name + bytes([len(it)]) + it.encode() for name, it in texts)
    return first, b"\x83\x86" + bytes(0x80 | 62 + place for place in reversed(range(len(texts))))


class Connection(asyncio.Protocol):
    """One connection to a server, with any number of calls at a time.

    `lost` is set once it is of no more use; every call still open has failed then.
    """

    def __init__(
        self, method: str, authority: str, done: Done, metadata: Sequence[tuple[str, str]] = ()
    ) -> None:
        self._first, self._next = request_headers(method, authority, metadata)
        self._done = done
        self._reader = StatusReader()
        self._open: dict[int, int] = {}
        self._answers: dict[int, bytes] = {}
        self._stream, self._room, self._received = 1, _FIRST_WINDOW, 0
        self._rest, self._waiting = b"", list[bytes]()
        self._transport: asyncio.Transport | None = None
        self.lost = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Say hello."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(hello())

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - lost is lost
        """Fail what is still open."""
        self.lost.set()
        for stream in [*self._open]:
            self._finish(stream, ok=False)

    def call(self, number: int, content: bytes) -> None:
        """Send a request, `content` as `message` made it; all of one turn of the loop go out together."""
        if self.lost.is_set() or self._room < len(content) or self._stream > _TOO_MANY_STREAMS:
            self._done(number, False, b"")
            return
        stream, block = self._stream, self._next if self._stream > 1 else self._first
        self._stream += 2
        self._room -= len(content)
        self._open[stream] = number
        head = frame(HEADERS, END_HEADERS, stream, block)
        self._send(head + frame(DATA, END_STREAM, stream, content))

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.close()

    def _send(self, content: bytes) -> None:
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._flush)
        self._waiting.append(content)

    def _flush(self) -> None:
        content, self._waiting = b"".join(self._waiting), []
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(content)

    def data_received(self, data: bytes) -> None:
        """Take frames apart."""
        data = self._rest + data if self._rest else data
        at, end = 0, len(data)
        while end - at >= _FRAME_HEAD:
            length = int.from_bytes(data[at : at + 3])
            behind = at + _FRAME_HEAD + length
            if behind > end:
                break
            stream = int.from_bytes(data[at + 5 : at + 9]) & WIDEST
            self._take(data[at + 3], data[at + 4], stream, data[at + _FRAME_HEAD : behind])
            at = behind
        self._rest = data[at:]

    def _take(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if kind == DATA:
            self._count(len(payload))
            before = self._answers.get(stream)
            self._answers[stream] = payload if before is None else before + payload
        elif kind == HEADERS:
            status = self._reader.status(payload)
            if flags & END_STREAM:
                self._finish(stream, ok=status == OK)
        elif kind == RST_STREAM:
            self._finish(stream, ok=False)
        else:
            self._attend(kind, flags, stream, payload)

    def _attend(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        """Do what the connection needs, whatever its calls do."""
        if kind == WINDOW_UPDATE:
            self._room += 0 if stream else int.from_bytes(payload)
        elif kind in {SETTINGS, PING} and not flags & ACK:
            self._send(frame(kind, ACK, 0, payload if kind == PING else b""))
        elif kind in {GOAWAY, CONTINUATION}:
            self.close()

    def _count(self, received: int) -> None:
        """Open the window again long before it closes."""
        self._received += received
        if self._received >= _TOP_UP:
            self._send(frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", self._received)))
            self._received = 0

    def _finish(self, stream: int, *, ok: bool) -> None:
        number = self._open.pop(stream, None)
        if number is not None:
            self._done(number, ok, self._answers.pop(stream, b""))
