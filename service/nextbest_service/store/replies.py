"""What the server says to a command: a result, or why there is none."""

from collections.abc import Mapping
from typing import Any

import structlog

from nextbest_service.errors import StoreUnavailableError
from nextbest_service.observing.limits import Limit

log = structlog.get_logger()
_LINES = Limit(10, 60.0)
"""A store that is full refuses all of them."""
_NO_ROOM = ("OOM ", "MISCONF ")
"""How refusals begin for want of memory, or of a disk to save on."""


def checked(reply: Any) -> Any:  # noqa: ANN401 - a reply is whatever the command gives
    """Return a reply, unless the server refused the command.

    Raises:
        StoreUnavailableError: it did; the log has the server's words.
    """
    if isinstance(reply, Exception):
        _tell(reply)
        raise StoreUnavailableError("the customer store refused a command")
    return reply


def has_no_room(reply: Any) -> bool:  # noqa: ANN401
    """Tell whether the server refused to write for want of room; the log has its words. It can be read.

    A server that refuses because it is a replica, or cut off from its own, may not know what is true now.
    """
    full = isinstance(reply, Exception) and str(reply).startswith(_NO_ROOM)
    if full:
        _tell(reply)
    return full


def _tell(refusal: Exception) -> None:
    unsaid = _LINES.unsaid()
    if unsaid is not None:
        log.error("store_refused", error=str(refusal), unsaid=unsaid)


def checked_hash(reply: Any) -> Mapping[bytes, bytes]:  # noqa: ANN401
    """Return the fields of a hash, which come as a flat list; raises as `checked` does."""
    flat = iter(checked(reply))
    return dict(zip(flat, flat, strict=True))
