"""Who vouches for callers by JWTs, and how a token is verified."""

from typing import Any, NamedTuple

import jwt

from nextbest_service.security.signing_keys import SigningKey

MOST_TOKEN_BYTES = 8192
_REQUIRED = ("exp", "iss", "aud", "sub")


class UnverifiedError(Exception):
    """A token that proves nothing. The message is for the log: it repeats nothing of the token."""


class Issuer(NamedTuple):
    """Somebody who signs tokens for us. `algorithms` are fixed here: a token only says which one it used."""

    issuer: str
    audience: str
    algorithms: frozenset[str]
    keys: tuple[SigningKey, ...]
    leeway_seconds: int

    def key(self, key_id: object) -> SigningKey:
        """Return the key that a token names, or the only one where it names none.

        Raises:
            UnverifiedError: there is no such key.
        """
        if key_id is None and len(self.keys) == 1:
            return self.keys[0]
        found = [key for key in self.keys if key.id == key_id or (not key.id and len(self.keys) == 1)]
        if not found:
            raise UnverifiedError("unknown_key")
        return found[0]


class Claims(NamedTuple):
    """What a verified token says. `until` is Unix seconds, the leeway included."""

    issuer: str
    subject: str
    until: float
    all: dict[str, Any]


def verified(token: str, issuers: dict[str, Issuer]) -> Claims:
    """Return what a token says, if one of the issuers signed it for us and its time has come and not passed.

    Raises:
        UnverifiedError: anything else.
    """
    if len(token) > MOST_TOKEN_BYTES:
        raise UnverifiedError("token_too_long")
    try:
        header = jwt.get_unverified_header(token)
        # Who is said to have signed; whether that is so is found out below, with the keys of no other issuer.
        said = jwt.decode(token, options={"verify_signature": False, "verify_exp": False}).get("iss")
        issuer = issuers.get(said) if isinstance(said, str) else None
        if issuer is None:
            raise UnverifiedError("unknown_issuer")
        key = issuer.key(header.get("kid"))
        claims = jwt.decode(
            token,
            key=key.key,
            algorithms=sorted(issuer.algorithms & key.algorithms),
            audience=issuer.audience,
            issuer=issuer.issuer,
            leeway=issuer.leeway_seconds,
            options={"require": [*_REQUIRED]},
        )
    except jwt.PyJWTError as error:
        raise UnverifiedError(_FAULTS.get(type(error), "unusable_token")) from None
    except (ValueError, TypeError, RecursionError):
        raise UnverifiedError("unusable_token") from None
    return Claims(issuer.issuer, str(claims["sub"]), float(claims["exp"]) + issuer.leeway_seconds, claims)


_FAULTS: dict[type[Exception], str] = {
    jwt.ExpiredSignatureError: "expired_token",
    jwt.ImmatureSignatureError: "token_not_valid_yet",
    jwt.InvalidAudienceError: "wrong_audience",
    jwt.InvalidAlgorithmError: "wrong_algorithm",
    jwt.InvalidSignatureError: "wrong_signature",
    jwt.MissingRequiredClaimError: "claim_missing",
}
