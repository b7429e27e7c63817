"""What the server says to a command: a result, or why there is none."""

from collections.abc import Mapping
from typing import Any

import structlog

from nextbest_service.errors import StoreUnavailableError

log = structlog.get_logger()


def checked(reply: Any) -> Any:  # noqa: ANN401 - a reply is whatever the command gives
    """Return a reply, unless the server refused the command.

    Raises:
        StoreUnavailableError: it did; the log has the server's words.
    """
    if isinstance(reply, Exception):
        log.error("store_refused", error=str(reply))
        raise StoreUnavailableError("the customer store refused a command")
    return reply


def checked_hash(reply: Any) -> Mapping[bytes, bytes]:  # noqa: ANN401
    """Return the fields of a hash, which come as a flat list; raises as `checked` does."""
    flat = iter(checked(reply))
    return dict(zip(flat, flat, strict=True))
