"""Attribution tokens: signed, expiring, free of personal data.

A token is its payload and 16 bytes of signature in URL-safe base64. The payload is a fixed head and five
texts: action, placement, channel, brand, treatment. Where these are too long for 256 characters, digests
of the texts stand in, which the catalog turns back into texts.
"""

import base64
import binascii
import hashlib
import hmac
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import grpc

from nextbest_rules import Catalog
from nextbest_service.errors import ServiceError
from nextbest_service.store.keys import REF_BYTES, KeyRing, Ref

MAX_CHARACTERS = 256
_AS_TEXT, _AS_DIGESTS = 1, 2
_HEAD = struct.Struct(f">B16s{REF_BYTES}sHffQQ")
_SIGNATURE_BYTES = 16
_DIGEST_BYTES = 6
_MAX_PAYLOAD = MAX_CHARACTERS * 3 // 4 - _SIGNATURE_BYTES


class InvalidTokenError(ServiceError):
    """The token was altered, or made by another installation, or names what the catalog has no more."""

    status = grpc.StatusCode.INVALID_ARGUMENT
    reason = "INVALID_TOKEN"

    def __init__(self) -> None:
        super().__init__("the token was not given by this service, or was altered on the way")


@dataclass(frozen=True, slots=True)
class Attribution:
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
    def texts(self) -> tuple[str, ...]:
        """The names, in the order of the token."""
        return self.action, self.placement, self.channel, self.brand, self.treatment


def issue(ring: KeyRing, attribution: Attribution) -> str:
    """Return the token of a proposition."""
    payload = _packed(_AS_TEXT, attribution, _joined(text.encode() for text in attribution.texts))
    if len(payload) > _MAX_PAYLOAD:
        payload = _packed(_AS_DIGESTS, attribution, b"".join(map(_digest, attribution.texts)))
    return base64.urlsafe_b64encode(payload + ring.signature(payload)).decode().rstrip("=")


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
        form, decision, ref, rank, selected, propensity, decided_ms, expires_ms = _HEAD.unpack_from(payload)
        rest = payload[_HEAD.size :]
        texts = self._digested(rest) if form == _AS_DIGESTS else _split(rest)
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
        payload, signature = sealed[:-_SIGNATURE_BYTES], sealed[-_SIGNATURE_BYTES:]
        genuine = hmac.compare_digest(self.ring.signature(payload), signature)
        if not genuine or _without_padding(sealed) != token:
            raise InvalidTokenError
        return payload

    def _digested(self, digests: bytes) -> Sequence[str]:
        parts = [digests[at : at + _DIGEST_BYTES] for at in range(0, len(digests), _DIGEST_BYTES)]
        try:
            return [self._names[part] for part in parts]
        except KeyError as error:
            raise InvalidTokenError from error


def _packed(form: int, attribution: Attribution, texts: bytes) -> bytes:
    return (
        _HEAD.pack(
            form,
            bytes.fromhex(attribution.decision),
            attribution.ref,
            attribution.rank,
            attribution.selection_probability,
            attribution.propensity,
            attribution.decided_at_ms,
            attribution.expires_ms,
        )
        + texts
    )


def _without_padding(sealed: bytes) -> str:
    return base64.urlsafe_b64encode(sealed).decode().rstrip("=")


def _joined(texts: Iterable[bytes]) -> bytes:
    return b"\0".join(texts)


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
