"""The public keys that verify JWTs, from a PEM file or a JWKS file: none is secret, none is weak."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from cryptography.x509 import load_pem_x509_certificate

_RSA = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})
_CURVES: Mapping[str, frozenset[str]] = {
    "secp256r1": frozenset({"ES256"}),
    "secp384r1": frozenset({"ES384"}),
    "secp521r1": frozenset({"ES512"}),
}
_LEAST_RSA_BITS = 2048
_MOST_BYTES = 1 << 18


class KeyFileError(Exception):
    """A file of keys that cannot be used. The message repeats nothing of it."""


class SigningKey(NamedTuple):
    """A public key, and the algorithms that it is for: a token cannot choose others. `id` may be empty."""

    id: str
    key: Any
    algorithms: frozenset[str]


def read_pem(path: Path) -> tuple[SigningKey, ...]:
    """Return the public key in a PEM file, or that of the certificate there.

    Raises:
        KeyFileError: there is none that can be used.
    """
    content = _read(path)
    try:
        if b"BEGIN CERTIFICATE" in content:
            key: Any = load_pem_x509_certificate(content).public_key()
        else:
            key = load_pem_public_key(content)
    except (ValueError, UnsupportedAlgorithm):
        raise KeyFileError("holds no public key in PEM") from None
    return (SigningKey("", key, _algorithms(key)),)


def read_jwks(path: Path) -> tuple[SigningKey, ...]:
    """Return the keys for signatures in a JWKS file.

    Raises:
        KeyFileError: there are none, one of them cannot be used, or several have no id of their own.
    """
    try:
        entries = json.loads(_read(path))["keys"]
        keys = tuple(_from_jwk(entry) for entry in entries if entry.get("use", "sig") == "sig")
    except (ValueError, KeyError, TypeError, AttributeError):
        raise KeyFileError("is no JSON Web Key Set") from None
    if not keys:
        raise KeyFileError("holds no key for signatures")
    ids = [key.id for key in keys]
    if len(keys) > 1 and (len(set(ids)) < len(ids) or "" in ids):
        raise KeyFileError("several keys need a `kid` each, all different")
    return keys


def _from_jwk(entry: Mapping[str, Any]) -> SigningKey:
    if entry.get("kty") == "oct" or "d" in entry:
        raise KeyFileError("holds a secret key; only public ones belong here")
    try:
        key = jwt.PyJWK(dict(entry)).key
    except (jwt.PyJWTError, ValueError):
        raise KeyFileError("holds a key that cannot be read") from None
    own, declared = _algorithms(key), entry.get("alg")
    if declared is not None and declared not in own:
        raise KeyFileError("holds a key whose `alg` it is not for")
    return SigningKey(str(entry.get("kid", "")), key, own if declared is None else frozenset([declared]))


def _algorithms(key: object) -> frozenset[str]:
    match key:
        case rsa.RSAPublicKey() if key.key_size < _LEAST_RSA_BITS:
            raise KeyFileError(f"holds an RSA key of less than {_LEAST_RSA_BITS} bits")
        case rsa.RSAPublicKey():
            return _RSA
        case ec.EllipticCurvePublicKey() if key.curve.name in _CURVES:
            return _CURVES[key.curve.name]
        case ed25519.Ed25519PublicKey():
            return frozenset({"EdDSA"})
    raise KeyFileError("holds a key of a kind that is not accepted: RSA, P-256, P-384, P-521 or Ed25519")


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise KeyFileError(f"cannot be read: {error.strerror}") from None
    if len(content) > _MOST_BYTES:
        raise KeyFileError(f"is larger than {_MOST_BYTES >> 10} KiB")
    return content
