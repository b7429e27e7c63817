"""Certificates and tokens as a company has them: an authority, what it signs, and what others sign."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import grpc
import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from cryptography.x509.oid import NameOID

ISSUER, AUDIENCE = "https://login.example.org", "nextbest"
HOUR = timedelta(hours=1)
_numbers = itertools.count()


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, in PEM."""

    certificate: bytes
    key: bytes

    def written(self, directory: Path, name: str) -> tuple[Path, Path]:
        """Write both into files, and return where they are."""
        directory.mkdir(parents=True, exist_ok=True)
        files = directory / f"{name}.crt", directory / f"{name}.key"
        for file, content in zip(files, (self.certificate, self.key), strict=True):
            replaced(file, content)
        return files


@dataclass(frozen=True)
class Authority:
    """Signs certificates."""

    name: str = field(default_factory=lambda: f"authority {next(_numbers)}")
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    @property
    def root(self) -> bytes:
        """Its own certificate, in PEM."""
        builder = _builder(self.name, self.name, self.key.public_key(), timedelta(), 24 * HOUR)
        constraint = x509.BasicConstraints(ca=True, path_length=None)
        signed = builder.add_extension(constraint, critical=True).sign(self.key, hashes.SHA256())
        return signed.public_bytes(Encoding.PEM)

    def server(self, **times: timedelta) -> Pair:
        """Sign a certificate for this machine."""
        return self.issue([x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))], **times)

    def client(self, name: str, **times: timedelta) -> Pair:
        """Sign a certificate for a client: by a SPIFFE id or a DNS name."""
        uri = name.startswith("spiffe://")
        return self.issue([x509.UniformResourceIdentifier(name) if uri else x509.DNSName(name)], **times)

    def issue(
        self, names: Sequence[x509.GeneralName], since: timedelta = HOUR, left: timedelta = HOUR
    ) -> Pair:
        """Sign a certificate that is valid since some time, with some time left."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder("leaf", self.name, key.public_key(), since, left)
        named = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return Pair(
            named.sign(self.key, hashes.SHA256()).public_bytes(Encoding.PEM),
            key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        )


def _builder(subject: str, issuer: str, key: Any, since: timedelta, left: timedelta) -> Any:
    now = datetime.now(UTC)
    name = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, it)]) for it in (subject, issuer)]
    return (
        x509.CertificateBuilder()
        .subject_name(name[0])
        .issuer_name(name[1])
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - since - timedelta(minutes=1))
        .not_valid_after(now + left)
    )


@dataclass(frozen=True)
class Signer:
    """Signs JWTs with an RSA key."""

    key: rsa.RSAPrivateKey = field(default_factory=lambda: rsa.generate_private_key(65537, 2048))

    @property
    def public(self) -> bytes:
        """Its public key, in PEM."""
        return self.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def jwk(self, kid: str, **fields: object) -> dict[str, object]:
        """Its public key as an entry of a JWKS."""
        entry = jwt.get_algorithm_by_name("RS256").to_jwk(self.key.public_key(), as_dict=True)
        return {**entry, "kid": kid, **fields}

    def token(
        self,
        subject: str = "website",
        *,
        left: float = 86_400.0,
        algorithm: str = "RS256",
        headers: Mapping[str, Any] | None = None,
        without: Sequence[str] = (),
        **claims: object,
    ) -> str:
        """Return a token for a subject."""
        exp = datetime.now(UTC) + timedelta(seconds=left)
        whole = {"iss": ISSUER, "aud": AUDIENCE, "sub": subject, "exp": exp, **claims}
        said = {name: value for name, value in whole.items() if name not in without}
        return jwt.encode(said, self.key, algorithm=algorithm, headers=dict(headers or {}))


def channel_credentials(root: bytes, client: Pair | None = None) -> grpc.ChannelCredentials:
    """Return what a client needs to trust a service, and to be known by it."""
    if client is None:
        return grpc.ssl_channel_credentials(root)
    return grpc.ssl_channel_credentials(root, client.key, client.certificate)


def bearer(token: str) -> tuple[tuple[str, str], ...]:
    """Return the metadata of a call with a token."""
    return (("authorization", f"Bearer {token}"),)


def replaced(file: Path, content: bytes | str) -> Path:
    """Replace a file in one step, as those do who rotate secrets."""
    draft = file.with_suffix(".draft")
    draft.write_bytes(content.encode() if isinstance(content, str) else content)
    return draft.replace(file)
