"""Reads the one header that matters to a load generator, `grpc-status`: a part of HPACK (RFC 7541)."""

from collections import deque

STATUS = b"grpc-status"
OK = b"0"
_STATIC_ENTRIES = 61
_TABLE_BYTES, _ENTRY_OVERHEAD = 4096, 32
_INDEXED, _NAMED, _RESIZED = 0x80, 0x40, 0x20


class StatusReader:
    """Decodes the header blocks of one connection, in their order. Huffman-coded texts stay as they are.

    A server sends the same few bytes again and again once its table is filled: these are remembered.
    """

    __slots__ = ("_bytes", "_known", "_limit", "_table")

    def __init__(self) -> None:
        self._table: deque[tuple[bytes, bytes]] = deque()
        self._bytes, self._limit = 0, _TABLE_BYTES
        self._known: dict[bytes, bytes | None] = {}

    def status(self, block: bytes) -> bytes | None:
        """Return the value of `grpc-status` in a header block; None where it says nothing of it."""
        if block in self._known:
            return self._known[block]
        found, changed = self._decode(block)
        if changed:
            self._known.clear()  # the same bytes may mean something else by now
        else:
            self._known[block] = found
        return found

    def _decode(self, block: bytes) -> tuple[bytes | None, bool]:
        at, found, changed = 0, None, False
        while at < len(block):
            first = block[at]
            if first & _INDEXED:
                index, at = _integer(block, at, 7)
                name, value = self._entry(index)
            elif first & _NAMED:
                name, value, at = self._literal(block, at, 6)
                self._add(name, value)
                changed = True
            elif first & _RESIZED:
                self._limit, at = _integer(block, at, 5)
                self._evict()
                changed = True
                continue
            else:
                name, value, at = self._literal(block, at, 4)
            if name == STATUS:
                found = value
        return found, changed

    def _literal(self, block: bytes, at: int, bits: int) -> tuple[bytes, bytes, int]:
        index, at = _integer(block, at, bits)
        if index:
            name = self._entry(index)[0]
        else:
            name, at = _text(block, at)
        value, at = _text(block, at)
        return name, value, at

    def _entry(self, index: int) -> tuple[bytes, bytes]:
        """Return an entry of the table; those of the static one are none that matters."""
        return self._table[index - _STATIC_ENTRIES - 1] if index > _STATIC_ENTRIES else (b"", b"")

    def _add(self, name: bytes, value: bytes) -> None:
        self._table.appendleft((name, value))
        self._bytes += len(name) + len(value) + _ENTRY_OVERHEAD
        self._evict()

    def _evict(self) -> None:
        while self._bytes > self._limit:
            name, value = self._table.pop()
            self._bytes -= len(name) + len(value) + _ENTRY_OVERHEAD


def _integer(block: bytes, at: int, bits: int) -> tuple[int, int]:
    """Return a number that begins in the lower bits of a byte, and the place behind it."""
    most = (1 << bits) - 1
    value, at = block[at] & most, at + 1
    if value < most:
        return value, at
    shift = 0
    while True:
        byte, at = block[at], at + 1
        value += (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            return value, at


def _text(block: bytes, at: int) -> tuple[bytes, int]:
    length, at = _integer(block, at, 7)
    return block[at : at + length], at + length
