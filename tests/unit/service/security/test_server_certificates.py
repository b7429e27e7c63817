"""Certificates are looked at before gRPC has them: it would say nothing, and refuse every connection."""

from datetime import timedelta
from pathlib import Path

import pytest
from authority import Authority, Pair, Signer
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from nextbest_service.security.certificates import TlsFiles, read_certificates
from nextbest_service.yaml_files import BrokenFileError

AUTHORITY = Authority()
PAIR = AUTHORITY.server()


def encrypted(pair: Pair) -> bytes:
    """Return the key of a pair under a password."""
    key = load_pem_private_key(pair.key, None)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"hunter2"))


def test_a_sound_pair_is_taken_with_the_end_of_its_time(tmp_path: Path) -> None:
    files = TlsFiles(*AUTHORITY.server(left=timedelta(days=2)).written(tmp_path, "tls"))
    reading = read_certificates(files)
    assert reading.files == files[:2]
    assert not reading.value.asks_clients
    assert abs(reading.value.expires_at - files.certificate.stat().st_mtime - 2 * 86400) < 60


def test_with_an_authority_clients_are_asked_for_theirs(tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_bytes(AUTHORITY.root)
    files = TlsFiles(*PAIR.written(tmp_path, "tls"), tmp_path / "ca.crt")
    assert read_certificates(files).value.asks_clients


@pytest.mark.parametrize(
    ("pair", "file", "fault"),
    [
        (Pair(b"", PAIR.key), "tls.crt", "holds no certificate in PEM"),
        (Pair(Signer().public, PAIR.key), "tls.crt", "holds no certificate in PEM"),
        (Pair(PAIR.certificate, b"hunter2"), "tls.key", "holds no private key in PEM"),
        (Pair(PAIR.certificate, AUTHORITY.server().key), "tls.key", "is not the key of the certificate"),
        (Pair(PAIR.certificate, encrypted(PAIR)), "tls.key", "the key is encrypted"),
        (AUTHORITY.server(left=-timedelta(minutes=1)), "tls.crt", "the certificate has expired"),
        (AUTHORITY.server(since=-timedelta(minutes=30)), "tls.crt", "the certificate is not valid yet"),
    ],
)
def test_what_would_refuse_every_connection_is_told(
    tmp_path: Path, pair: Pair, file: str, fault: str
) -> None:
    with pytest.raises(BrokenFileError) as caught:
        read_certificates(TlsFiles(*pair.written(tmp_path, "tls")))
    (found,) = caught.value.diagnostics
    assert found.file == str(tmp_path / file)
    assert fault in found.message
    assert "hunter2" not in str(caught.value)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    files = TlsFiles(*PAIR.written(tmp_path, "tls"), tmp_path / "ca.crt")
    with pytest.raises(BrokenFileError, match=r"ca\.crt:1:1: cannot be read: No such file or directory"):
        read_certificates(files)
