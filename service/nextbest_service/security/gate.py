"""The gate: every call goes by it before its bytes are decoded, and every question before it is answered."""

import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import NamedTuple

import structlog

from nextbest_service.api.refusals import Context
from nextbest_service.errors import PermissionDeniedError, UnauthenticatedError
from nextbest_service.security.callers import Caller, Callers, Credentials, Known, UnknownCallerError
from nextbest_service.security.permissions import Asked
from nextbest_service.security.policies import POLICIES, Plane

QUIET_SECONDS = 60.0
"""The same refusal is logged once in such a time, however often it comes."""
AUTHORIZATION = "authorization"
_BEARER = "bearer "

log = structlog.get_logger()
Admit = Callable[[Context], None]


class _Admitted(NamedTuple):
    """A call that was let in, and on whose word."""

    rpc: str
    credentials: Credentials
    callers: Callers
    known: Known


_ADMITTED: ContextVar[_Admitted | None] = ContextVar("admitted", default=None)
"""Of the call that is being answered; tasks that belong to it inherit it."""


class Gate:
    """Lets callers through to what they may do. `current` returns the callers as they are declared now."""

    def __init__(self, current: Callable[[], Callers], clock: Callable[[], float] = time.time) -> None:
        self._current = current
        self._clock = clock
        self._told: dict[tuple[str, str, str], float] = {}
        self.refused: dict[str, int] = {}
        """How many calls and questions were refused, by why."""

    def admission(self, rpc: str) -> Admit | None:
        """Return what lets calls of an RPC in or raises; None where everybody may call it.

        It raises UnauthenticatedError where nobody knows the caller, and PermissionDeniedError where the
        caller may not call this RPC. One without a policy is nobody's.
        """
        policy = POLICIES.get(rpc)
        if policy is not None and policy.plane is Plane.OPEN:
            return None

        def admit(context: Context) -> None:
            callers = self._current()
            self._admit(rpc, _credentials(context, callers), callers)

        return admit

    def check(self, asked: Asked) -> None:
        """See that the caller whose call is being answered may ask for this.

        Raises:
            UnauthenticatedError: the caller is not known any more: a stream outlives a token.
            PermissionDeniedError: it may not; all that is not permitted is listed.
        """
        admitted = self._admitted()
        try:
            admitted.known.caller.permissions.check(asked)
        except PermissionDeniedError:
            self._note("scope_not_permitted", admitted.rpc, admitted.known.caller.name)
            raise

    def current_caller(self) -> str:
        """Return the name of the caller whose call is being answered; empty where it went by no gate."""
        caller = self.who()
        return caller.name if caller else ""

    def name(self, _: Context) -> str:
        """Return the name of the caller whose call is being answered."""
        return self._admitted().known.caller.name

    @staticmethod
    def who() -> Caller | None:
        """Return the caller whose call is being answered, None where nobody was asked for a name."""
        admitted = _ADMITTED.get()
        return None if admitted is None else admitted.known.caller

    def _admitted(self) -> _Admitted:
        """Return who asks, as things stand now."""
        admitted = _ADMITTED.get()
        if admitted is None:
            raise UnauthenticatedError  # nobody went by `admit`
        callers = self._current()
        if admitted.callers is callers and self._clock() < admitted.known.until:
            return admitted
        return self._admit(admitted.rpc, admitted.credentials, callers)

    def _admit(self, rpc: str, credentials: Credentials, callers: Callers) -> _Admitted:
        try:
            known = callers.recognise(credentials, self._clock())
        except UnknownCallerError as error:
            self._note(error.why, rpc, "")
            raise UnauthenticatedError from None
        if rpc not in known.caller.permissions.rpcs or rpc not in POLICIES:
            self._note("rpc_not_permitted", rpc, known.caller.name)
            raise PermissionDeniedError
        admitted = _Admitted(rpc, credentials, callers, known)
        _ADMITTED.set(admitted)
        return admitted

    def _note(self, why: str, rpc: str, caller: str) -> None:
        self.refused[why] = self.refused.get(why, 0) + 1
        told, now = self._told.get((why, rpc, caller)), time.monotonic()
        if told is None or now - told >= QUIET_SECONDS:
            self._told[why, rpc, caller] = now
            log.warning("call_refused", why=why, rpc=rpc, caller=caller or None)


def _credentials(context: Context, callers: Callers) -> Credentials:
    """Return what a call brings along, as far as any caller could be recognised by it."""
    token = None
    if callers.reads_tokens:
        found = [value for key, value in context.invocation_metadata() or () if key == AUTHORIZATION]
        if found:
            token = _bearer(found)
    if token is not None or not callers.reads_certificates:
        return Credentials(token)
    return Credentials(None, _names(context))


def _bearer(values: list[str | bytes]) -> str:
    """Return the token of the only authorization; an empty one, which nobody has, if it is none we know."""
    value = values[0]
    if len(values) > 1 or not isinstance(value, str) or value[: len(_BEARER)].lower() != _BEARER:
        return ""
    return value[len(_BEARER) :].strip()


def _names(context: Context) -> tuple[str, ...]:
    """Return the names in the certificate of the client; gRPC has verified it with the connection.

    They are read with each call. An address says nothing about who has it: it comes again.
    """
    found = context.auth_context()
    names = [name.decode() for name in found.get("peer_spiffe_id", ())]
    return *names, *(f"dns:{name.decode().lower()}" for name in found.get("peer_dns", ()))
