"""Static tokens: made here, shown once, and kept as a hash only."""

import secrets
from hashlib import sha256
from typing import NamedTuple

_TOKEN_BYTES = 32
_PREFIX = "nbt_"
"""So that scanners for leaked secrets can know one."""


class CallerToken(NamedTuple):
    """A token, and what stands for it in the callers file. Nobody guesses it: a plain hash is enough."""

    token: str
    sha256: str


def make_token() -> CallerToken:
    """Return a new token of 256 random bits."""
    token = _PREFIX + secrets.token_urlsafe(_TOKEN_BYTES)
    return CallerToken(token, sha256(token.encode()).hexdigest())
