"""What the server says to a command: a result, or why there is none."""

from collections.abc import Mapping
from typing import Any

import structlog

from nextbest_service.errors import StoreUnavailableError
from nextbest_service.observing.limits import Limit

log = structlog.get_logger()
_LINES = Limit(10, 60.0)
"""A store that is full refuses all of them."""


def checked(reply: Any) -> Any:  # noqa: ANN401 - a reply is whatever the command gives
    """Return a reply, unless the server refused the command.

    Raises:
        StoreUnavailableError: it did; the log has the server's words.
    """
    if is_refused(reply):
        raise StoreUnavailableError("the customer store refused a command")
    return reply


def is_refused(reply: Any) -> bool:  # noqa: ANN401
    """Tell whether the server refused the command; if so, the log has its words."""
    if not isinstance(reply, Exception):
        return False
    unsaid = _LINES.unsaid()
    if unsaid is not None:
        log.error("store_refused", error=str(reply), unsaid=unsaid)
    return True


def checked_hash(reply: Any) -> Mapping[bytes, bytes]:  # noqa: ANN401
    """Return the fields of a hash, which come as a flat list; raises as `checked` does."""
    flat = iter(checked(reply))
    return dict(zip(flat, flat, strict=True))
