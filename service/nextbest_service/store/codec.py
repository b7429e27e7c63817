"""How stored values are sealed, so that damaged, foreign and newer bytes are never read as values.

A sealed value is one header byte, the body, and a CRC-32 (little endian) that starts from the part's name: no
part can be taken for another. The header is twice the codec version, and one more where the body is deflated.
"""

import struct
import zlib
from functools import cache
from typing import Any

import msgpack

CODEC_VERSION = 2
DEFLATE_FROM_BYTES = 512
DEFLATED_PAYS = 0.8
"""The part of its size that a deflated body may have at most: less is not worth the time to inflate it."""

_CRC = struct.Struct("<I")
SEAL_BYTES = _CRC.size
"""What stands behind the body."""
_SHORTEST_BYTES = 1 + _CRC.size
_PLAIN = CODEC_VERSION << 1
_SOUND = 0x2144DF1C
"""What CRC-32 comes to over bytes and their own checksum behind them, whatever it starts from."""
_RAW_DEFLATE = -zlib.MAX_WBITS
_FOREIGN = (ValueError, TypeError, OverflowError, msgpack.UnpackException)


class CodecError(Exception):
    """Stored bytes are damaged, of another part, or written by a newer codec. The message names no value."""


def foreign(part: str) -> CodecError:
    """Return the error for a sound seal around something that the part cannot be."""
    return CodecError(f"stored {part} is something else")


def seal(part: str, body: bytes, *, deflate: bool = False) -> bytes:
    """Return the bytes of one stored value; with `deflate` a large body is deflated where that pays."""
    header = CODEC_VERSION << 1
    if deflate and len(body) >= DEFLATE_FROM_BYTES:
        deflated = zlib.compress(body, wbits=_RAW_DEFLATE)
        if len(deflated) <= len(body) * DEFLATED_PAYS:
            header, body = header | 1, deflated
    sealed = bytes((header,)) + body
    return sealed + _CRC.pack(zlib.crc32(sealed, _start(part)))


def unseal(part: str, blob: bytes) -> bytes:
    """Return the body that was sealed as this part.

    Raises:
        CodecError: the bytes are damaged, of another part, or of another codec.
    """
    if len(blob) < _SHORTEST_BYTES or zlib.crc32(blob, _start(part)) != _SOUND:
        raise CodecError(f"stored {part} is damaged: its checksum does not fit")
    if blob[0] == _PLAIN:  # the usual case
        return blob[1:-SEAL_BYTES]
    version = blob[0] >> 1
    if version != CODEC_VERSION:
        raise CodecError(f"stored {part} has codec version {version}; this build reads {CODEC_VERSION}")
    try:
        return zlib.decompress(blob[1:-SEAL_BYTES], wbits=_RAW_DEFLATE)
    except zlib.error as error:
        raise foreign(part) from error


def pack(part: str, content: object, *, deflate: bool = False) -> bytes:
    """Return content of lists, maps, texts, bytes, numbers, flags and UTC datetimes as one stored value."""
    return seal(part, msgpack.packb(content, datetime=True), deflate=deflate)


def unpack(part: str, blob: bytes, kind: type, *, use_list: bool = False) -> Any:  # noqa: ANN401 - stored by others
    """Return the content that was packed as this part; its type is `kind`, what it holds is not checked.

    Raises:
        CodecError: the bytes are damaged, of another part, or of another codec.
    """
    body = unseal(part, blob)
    try:
        content = msgpack.unpackb(body, timestamp=3, use_list=use_list)
    except _FOREIGN as error:
        raise foreign(part) from error
    if type(content) is not kind:
        raise foreign(part)
    return content


@cache
def _start(part: str) -> int:
    return zlib.crc32(part.encode())
