"""The service's certificate and key, and whose client certificates it accepts, from PEM files."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple, cast

import grpc
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509 import Certificate, load_pem_x509_certificates

from nextbest_rules import Diagnostic
from nextbest_service.security.last_good import LastGood, Reading
from nextbest_service.yaml_files import BrokenFileError


class TlsFiles(NamedTuple):
    """Where certificates are. With `client_ca`, clients need a certificate that it signed."""

    certificate: Path
    key: Path
    client_ca: Path | None = None


class Certificates(NamedTuple):
    """What gRPC needs for TLS. `expires_at` is Unix seconds."""

    configuration: grpc.ServerCertificateConfiguration
    expires_at: float
    asks_clients: bool


def read_certificates(files: TlsFiles) -> Reading[Certificates]:
    """Return what the files hold, if it can be used now.

    Raises:
        BrokenFileError: a file cannot be read, the key is not the certificate's, or it is out of date.
    """
    chain, key = _read(files.certificate), _read(files.key)
    own = _certificates(files.certificate, chain)[0]
    _check_key(files.key, key, own)
    _check_time(files.certificate, own)
    authorities = None
    if files.client_ca is not None:
        authorities = _read(files.client_ca)
        _certificates(files.client_ca, authorities)
    configuration = grpc.ssl_server_certificate_configuration([(key, chain)], authorities)
    value = Certificates(configuration, own.not_valid_after_utc.timestamp(), authorities is not None)
    return Reading(value, tuple(file for file in files if file is not None))


def server_credentials(certificates: LastGood[Certificates]) -> grpc.ServerCredentials:
    """Return credentials whose certificates are the current ones with each new connection."""
    given = certificates.current

    def changed() -> grpc.ServerCertificateConfiguration | None:
        nonlocal given
        current = certificates.current
        if current is given:
            return None
        given = current
        return current.configuration

    fetch = cast("Callable[[], grpc.ServerCertificateConfiguration]", changed)  # None is no change
    return grpc.dynamic_ssl_server_credentials(given.configuration, fetch, given.asks_clients)


def _certificates(file: Path, pem: bytes) -> list[Certificate]:
    try:
        return load_pem_x509_certificates(pem)
    except ValueError:
        raise _broken(file, "holds no certificate in PEM") from None


def _check_key(file: Path, pem: bytes, certificate: Certificate) -> None:
    try:
        key = load_pem_private_key(pem, None)
    except TypeError:
        raise _broken(file, "the key is encrypted; the service has nobody to ask for the password") from None
    except (ValueError, UnsupportedAlgorithm):
        raise _broken(file, "holds no private key in PEM") from None
    form = Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    if key.public_key().public_bytes(*form) != certificate.public_key().public_bytes(*form):
        raise _broken(file, "is not the key of the certificate")


def _check_time(file: Path, certificate: Certificate) -> None:
    now = datetime.fromtimestamp(time.time(), tz=UTC)
    if now >= certificate.not_valid_after_utc:
        raise _broken(file, "the certificate has expired")
    if now < certificate.not_valid_before_utc:
        raise _broken(file, "the certificate is not valid yet")


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise _broken(file, f"cannot be read: {error.strerror}") from None


def _broken(file: Path, message: str) -> BrokenFileError:
    return BrokenFileError([Diagnostic(str(file), 1, 1, message)])
