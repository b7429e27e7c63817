"""Who may call, and how callers are recognised: by certificate, JWT or static token."""

from collections.abc import Mapping
from hashlib import sha256
from hmac import compare_digest
from math import inf
from typing import Any, NamedTuple

from nextbest_service.overload.priorities import Priority
from nextbest_service.overload.quotas import Quota
from nextbest_service.security.issuers import Claims, Issuer, UnverifiedError, verified
from nextbest_service.security.permissions import Permissions

_MOST_PROOFS = 4096


class Caller(NamedTuple):
    """A system that calls. The name is for logs; it is nobody's personal name."""

    name: str
    permissions: Permissions
    priority: Priority = Priority.WEB
    quota: Quota | None = None


class Credentials(NamedTuple):
    """What a call brings along: a bearer token, and the names in the certificate of its connection.

    Such names are `spiffe://…`, or `dns:` and a host name.
    """

    token: str | None = None
    names: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Show no token."""
        return f"Credentials(token={self.token and '…'!r}, names={self.names!r})"


class Known(NamedTuple):
    """A caller that was recognised, for as long as that holds: Unix seconds."""

    caller: Caller
    until: float = inf


class TokenHolder(NamedTuple):
    """Whose a static token is. `digest` is the SHA-256 of the token."""

    digest: bytes
    known: Known


class Grant(NamedTuple):
    """Whose a JWT is: one of this issuer and subject, with at least these claims."""

    issuer: str
    subject: str
    claims: tuple[tuple[str, str], ...]
    caller: Caller

    def fits(self, claims: Claims) -> bool:
        """Tell whether a verified token is the caller's. A claim that is a list has to hold the value."""
        if (claims.issuer, claims.subject) != (self.issuer, self.subject):
            return False
        return all(_says(claims.all.get(name), value) for name, value in self.claims)


class UnknownCallerError(Exception):
    """Nobody is recognised by these credentials. `why` is for the log, and repeats nothing of them."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class Callers:
    """All callers, as one file has them.

    A token that was accepted is remembered by its SHA-256 for as long as it holds; tokens themselves are
    not kept, and what was refused is not either.
    """

    def __init__(
        self,
        every: tuple[Caller, ...],
        names: Mapping[str, Caller],
        tokens: tuple[TokenHolder, ...],
        grants: tuple[Grant, ...],
        issuers: Mapping[str, Issuer],
    ) -> None:
        self._names = names
        self._tokens = tokens
        self._grants = grants
        self._issuers = dict(issuers)
        self._proofs: dict[bytes, Known] = {}
        self.all = every
        self.reads_tokens = bool(tokens or grants)
        """Whether any caller has a token: else nobody looks for one."""
        self.reads_certificates = bool(names)

    def recognise(self, credentials: Credentials, now: float) -> Known:
        """Return who calls. A token alone counts where there is one: no certificate makes up for a bad one.

        Raises:
            UnknownCallerError: nobody who is known.
        """
        if credentials.token is not None:
            return self._by_token(credentials.token, now)
        if credentials.names:
            return self._by_names(credentials.names)
        raise UnknownCallerError("no_credentials")

    def _by_names(self, names: tuple[str, ...]) -> Known:
        found = {caller.name: caller for name in names if (caller := self._names.get(name))}
        if len(found) != 1:
            raise UnknownCallerError("ambiguous_certificate" if found else "unknown_certificate")
        return Known(next(iter(found.values())))

    def _by_token(self, token: str, now: float) -> Known:
        digest = sha256(token.encode(errors="replace")).digest()
        known = self._proofs.get(digest)
        if known is None:
            known = self._static(digest) or self._signed(token)
            if len(self._proofs) >= _MOST_PROOFS:
                self._proofs.clear()
            self._proofs[digest] = known
        if now >= known.until:
            raise UnknownCallerError("expired_token")
        return known

    def _static(self, digest: bytes) -> Known | None:
        """Return whose static token this is, in the same time whichever it is."""
        found = None
        for holder in self._tokens:
            if compare_digest(holder.digest, digest):
                found = holder.known
        return found

    def _signed(self, token: str) -> Known:
        if token.count(".") != _JWT_DOTS or not self._issuers:
            raise UnknownCallerError("unknown_token")
        try:
            claims = verified(token, self._issuers)
        except UnverifiedError as error:
            raise UnknownCallerError(str(error)) from None
        found = {grant.caller.name: grant.caller for grant in self._grants if grant.fits(claims)}
        if len(found) != 1:
            raise UnknownCallerError("ambiguous_token" if found else "unknown_subject")
        return Known(next(iter(found.values())), claims.until)


_JWT_DOTS = 2


def _says(said: Any, value: str) -> bool:  # noqa: ANN401 - a claim may be anything
    return value in said if isinstance(said, list) else bool(said == value)
