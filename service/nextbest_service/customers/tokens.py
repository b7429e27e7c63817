"""Attribution tokens: signed, expiring, free of personal data.

A token is its payload and 16 bytes of signature in URL-safe base64. The payload is a fixed head, first what
all propositions of a decision have in common, and five texts: action, placement, channel, brand, treatment.
Where these are too long for 256 characters, digests of the texts stand in, which the catalog turns back into
texts.
"""

import base64
import binascii
import hashlib
import hmac
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import grpc

from nextbest_rules import Catalog
from nextbest_service.errors import ServiceError
from nextbest_service.store.keys import REF_BYTES, SIGNATURE_BYTES, KeyRing, Ref

MAX_CHARACTERS = 256
_AS_TEXT, _AS_DIGESTS = b"\1", b"\2"
_DECISION = struct.Struct(f">16s{REF_BYTES}sQQ")
_PROPOSITION = struct.Struct(">Hff")
_HEAD_BYTES = len(_AS_TEXT) + _DECISION.size + _PROPOSITION.size
_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_DIGEST_BYTES = 6
_MAX_PAYLOAD = MAX_CHARACTERS * 3 // 4 - SIGNATURE_BYTES


class InvalidTokenError(ServiceError):
    """The token was altered, or made by another installation, or names what the catalog has no more."""

    status = grpc.StatusCode.INVALID_ARGUMENT
    reason = "INVALID_TOKEN"

    def __init__(self) -> None:
        super().__init__("the token was not given by this service, or was altered on the way")


class Attribution(NamedTuple):
    """What a token says: one proposition of one decision, made to the person behind `ref`.

    `decision` is the decision's id as 32 hex digits. Probabilities are as exact as float32.
    """

    decision: str
    ref: Ref
    action: str
    placement: str
    channel: str
    brand: str
    treatment: str
    rank: int
    selection_probability: float
    propensity: float
    decided_at_ms: int
    expires_ms: int

    @property
    def texts(self) -> tuple[str, str, str, str, str]:
        """The names, in the order of the token."""
        return self.action, self.placement, self.channel, self.brand, self.treatment


def issue(ring: KeyRing, said: Attribution) -> str:
    """Return the token of a proposition."""
    tokens = DecisionTokens(ring, said.decision, said.ref, said.decided_at_ms, said.expires_ms)
    return tokens.issue(said.texts, said.rank, said.selection_probability, said.propensity).decode()


class DecisionTokens:
    """Issues the tokens of one decision's propositions, made to the person behind `ref`."""

    __slots__ = ("_decision", "_ring")

    def __init__(self, ring: KeyRing, decision: str, ref: Ref, decided_at_ms: int, expires_ms: int) -> None:
        self._ring = ring
        self._decision = _DECISION.pack(bytes.fromhex(decision), ref, decided_at_ms, expires_ms)

    def issue(
        self,
        texts: tuple[str, str, str, str, str],
        rank: int,
        selection_probability: float,
        propensity: float,
    ) -> bytes:
        """Return a token in ASCII. `texts` are action, placement, channel, brand and treatment."""
        own = _PROPOSITION.pack(rank, selection_probability, propensity)
        payload = b"".join((_AS_TEXT, self._decision, own, "\0".join(texts).encode()))
        if len(payload) > _MAX_PAYLOAD:
            payload = b"".join((_AS_DIGESTS, self._decision, own, *map(_digest, texts)))
        return _without_padding(payload + self._ring.signature(payload))


@dataclass(frozen=True, slots=True)
class TokenReader:
    """Reads tokens under one catalog, whose names may stand in them as digests."""

    ring: KeyRing
    _names: dict[bytes, str]

    @classmethod
    def of(cls, ring: KeyRing, catalog: Catalog) -> "TokenReader":
        """Return the reader."""
        return cls(ring, {_digest(name): name for name in _names(catalog)})

    def read(self, token: str) -> Attribution:
        """Return what a token says.

        Raises:
            InvalidTokenError: this installation did not issue it, or it names what is not in the catalog.
        """
        payload = self._payload(token)
        decision, ref, decided_ms, expires_ms = _DECISION.unpack_from(payload, len(_AS_TEXT))
        rank, selected, propensity = _PROPOSITION.unpack_from(payload, len(_AS_TEXT) + _DECISION.size)
        rest = payload[_HEAD_BYTES:]
        texts = self._digested(rest) if payload.startswith(_AS_DIGESTS) else _split(rest)
        try:
            action, placement, channel, brand, treatment = texts
        except ValueError as error:
            raise InvalidTokenError from error
        return Attribution(
            decision=decision.hex(),
            ref=ref,
            action=action,
            placement=placement,
            channel=channel,
            brand=brand,
            treatment=treatment,
            rank=rank,
            selection_probability=selected,
            propensity=propensity,
            decided_at_ms=decided_ms,
            expires_ms=expires_ms,
        )

    def _payload(self, token: str) -> bytes:
        if not token.isascii() or len(token) > MAX_CHARACTERS:
            raise InvalidTokenError
        try:
            sealed = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError) as error:
            raise InvalidTokenError from error
        payload, signature = sealed[:-SIGNATURE_BYTES], sealed[-SIGNATURE_BYTES:]
        genuine = hmac.compare_digest(self.ring.signature(payload), signature)
        if not genuine or _without_padding(sealed).decode() != token:
            raise InvalidTokenError
        return payload

    def _digested(self, digests: bytes) -> Sequence[str]:
        parts = [digests[at : at + _DIGEST_BYTES] for at in range(0, len(digests), _DIGEST_BYTES)]
        try:
            return [self._names[part] for part in parts]
        except KeyError as error:
            raise InvalidTokenError from error


def _without_padding(sealed: bytes) -> bytes:
    return binascii.b2a_base64(sealed, newline=False).translate(_URL_SAFE).rstrip(b"=")


def _split(texts: bytes) -> Sequence[str]:
    return texts.decode().split("\0")


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=_DIGEST_BYTES).digest()


def _names(catalog: Catalog) -> Iterable[str]:
    """Yield every name that may stand in a token."""
    yield ""
    yield from catalog.channels
    yield from catalog.brands
    yield from catalog.placements
    for action in catalog.actions:
        yield action.id
        for treatment in action.treatments:
            yield treatment.id
