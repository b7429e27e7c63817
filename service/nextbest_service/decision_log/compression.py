"""Plain data as few bytes: msgpack, compressed by Zstandard.

At this level it takes a fifteenth of the time of deflate, as earlier versions wrote, for a fifth more bytes.
"""

from collections.abc import Mapping
from threading import local
from typing import Any

import msgpack
import zstandard

from nextbest_service.decision_log.entries import LogFormatError

MARK = b"\x06"
"""Stands ahead: no stream of deflate begins so."""
UTC_DATETIMES = 3
_LEVEL = -5
_MOST_BYTES = 16 * 1024 * 1024
"""No record is larger once it is decompressed."""


class _Tools(local):
    """What packs and compresses: made once per thread, for neither works for two at a time."""

    def __init__(self) -> None:
        self.pack = msgpack.Packer(datetime=True, default=_plain).pack
        self.compress = zstandard.ZstdCompressor(level=_LEVEL).compress


def compressed(content: object) -> bytes:
    """Return plain data as bytes."""
    packed: bytes = _tools.compress(_tools.pack(content))
    return MARK + packed


def decompressed(packed: bytes) -> Any:  # noqa: ANN401 - whatever it was
    """Return what was compressed; lists come as lists.

    Raises:
        LogFormatError: it cannot be read.
    """
    try:
        plain = zstandard.decompress(packed[len(MARK) :], max_output_size=_MOST_BYTES)
        return msgpack.unpackb(plain, timestamp=UTC_DATETIMES)
    except (zstandard.ZstdError, ValueError, TypeError, msgpack.UnpackException) as error:
        raise LogFormatError("the record of a decision cannot be read") from error


def _plain(value: object) -> object:
    if isinstance(value, set | frozenset):
        return sorted(value)
    if isinstance(value, Mapping):
        return dict(value)
    return str(value)


_tools = _Tools()
