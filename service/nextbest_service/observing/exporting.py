"""Where traces go: to a collector that speaks OTLP over gRPC, told by an option or by OTEL_ variables."""

import os
from collections.abc import Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING

import structlog

from nextbest_service.errors import StartupError

if TYPE_CHECKING:
    from nextbest_service.observing.tracing import Tracing

TIMEOUT_SECONDS = 3
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_NEEDED = ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.grpc")
_HINT = "traces need more packages: pip install 'nextbest[tracing]'"

log = structlog.get_logger()


def open_tracing(
    url: str | None, share: float | None, worker: int = 0, environ: Mapping[str, str] = os.environ
) -> "Tracing | None":
    """Return what traces, None where nobody wants it.

    `url` is `otlp://host:port` or `otlps://host:port`. Where only variables want traces that cannot be made,
    that is logged: they may be meant for other programs on the machine.

    Raises:
        StartupError: `url` is given, and the packages are not there.
    """
    if url is None and not _wanted(environ):
        return None
    if not _installed():
        if url is not None:
            raise StartupError(_HINT)
        log.warning("tracing_not_installed", hint=_HINT)
        return None
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import (  # noqa: PLC0415 - of an extra
        OTLPSpanExporter,
    )
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    from nextbest_service.observing.tracing import Tracing  # noqa: PLC0415

    if url is None:
        exporter = OTLPSpanExporter(timeout=TIMEOUT_SECONDS)
    else:
        scheme, _, endpoint = url.partition("://")
        exporter = OTLPSpanExporter(endpoint, insecure=scheme == "otlp", timeout=TIMEOUT_SECONDS)
    log.info("tracing", to=url or next(environ[name] for name in _ENDPOINTS if environ.get(name)))
    return Tracing(BatchSpanProcessor(exporter), share=share, worker=worker)


def _wanted(environ: Mapping[str, str]) -> bool:
    """Tell whether OpenTelemetry's variables name a collector, and do not take it back."""
    disabled = environ.get("OTEL_SDK_DISABLED", "").lower() == "true"
    others = environ.get("OTEL_TRACES_EXPORTER", "otlp") != "otlp"
    return any(environ.get(name) for name in _ENDPOINTS) and not disabled and not others


def _installed() -> bool:
    try:
        return all(find_spec(name) for name in _NEEDED)
    except ModuleNotFoundError:
        return False
