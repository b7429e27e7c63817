"""How commands connect to a service: with TLS and as whom, by variables that all of them share."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import grpc

from nextbest_service.errors import StartupError
from nextbest_service.security.loopback import is_loopback

CA, CERT, KEY, TOKEN_FILE = (f"NEXTBEST_CALL_{name}" for name in ("CA", "CERT", "KEY", "TOKEN_FILE"))


@dataclass(frozen=True, slots=True)
class Dialling:
    """What a client needs to trust a service, and to be known by it: PEM files, and a file with a token."""

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    token: Path | None = None

    @classmethod
    def from_environment(cls) -> Self:
        """Return what NEXTBEST_CALL_* say."""
        found = (os.environ.get(name) for name in (CA, CERT, KEY, TOKEN_FILE))
        return cls(*(Path(path) if path else None for path in found))

    @contextmanager
    def channel(self, address: str) -> Iterator[grpc.Channel]:
        """Open a channel to a service, and close it afterwards.

        Raises:
            StartupError: a file cannot be read, or a token would go to another machine without TLS.
        """
        token = _text(self.token)
        with self._connected(address) as channel:
            if token is None:
                yield channel
                return
            if self.ca is None and not is_loopback(address.rpartition(":")[0].strip("[]")):
                raise StartupError(f"a token goes to another machine with TLS only: set {CA}")
            yield grpc.intercept_channel(channel, _Bearer(token))

    def _connected(self, address: str) -> grpc.Channel:
        if self.ca is None:
            return grpc.insecure_channel(address)
        credentials = grpc.ssl_channel_credentials(
            _bytes(self.ca), _bytes(self.key), _bytes(self.certificate)
        )
        return grpc.secure_channel(address, credentials)


class _Bearer(grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor):
    """Adds a token to every call."""

    def __init__(self, token: str) -> None:
        self._entry = ("authorization", f"Bearer {token}")

    def _intercept(self, call: Callable[..., Any], details: Any, request: object) -> Any:  # noqa: ANN401
        return call(details._replace(metadata=[*(details.metadata or ()), self._entry]), request)

    intercept_unary_unary = _intercept  # type: ignore[assignment] # typed for one message type
    intercept_unary_stream = _intercept  # type: ignore[assignment]


def _text(file: Path | None) -> str | None:
    content = _bytes(file)
    return None if content is None else content.decode(errors="replace").strip()


def _bytes(file: Path | None) -> bytes | None:
    try:
        return None if file is None else file.read_bytes()
    except OSError as error:
        raise StartupError(f"{file} cannot be read: {error.strerror}") from None
