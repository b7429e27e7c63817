"""One frozen object with all that can be set from outside, by the command line or NEXTBEST_* variables."""

import re
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from nextbest_service.logs import LogFormat, LogLevel
from nextbest_service.security.loopback import is_loopback

_LAST_PORT = 65_535


class AuditMode(StrEnum):
    """Whether answers wait for their record in the decision log."""

    BEST_EFFORT = "best-effort"
    REQUIRED = "required"


class Settings(BaseModel):
    """The settings of one service process."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    home: Path
    catalog: str
    """Name of a shipped catalog, or path to a catalog directory."""
    model: Path | None = None
    """Directory of a model version; by default the one in use for the catalog in `home`."""
    redis_url: SecretStr | None = None
    """The customer store; None starts the embedded Valkey in `home`. Secret, for it may carry a password."""
    feast: Path | None = None
    """Mapping of features that are read from a Feast online store; needs `feast_redis_url`."""
    feast_redis_url: SecretStr | None = None
    """Where Feast keeps its online store. Secret, for it may carry a password."""
    host: str = "127.0.0.1"
    port: int = Field(default=50051, ge=0, le=_LAST_PORT)
    """0 picks a free port."""
    tls_cert: Path | None = None
    """PEM file with the service's certificate and what leads from it to its authority; needs `tls_key`."""
    tls_key: Path | None = None
    tls_client_ca: Path | None = None
    """PEM file with the authorities of client certificates; with it, clients need one."""
    callers: Path | None = None
    """File of those who may call, and what they may do; None: everybody may do everything."""
    insecure: bool = False
    """Whether to listen without TLS where others than this machine reach the address."""
    production: bool = False
    """Whether to refuse to serve without TLS and callers; the contract is then not told by reflection."""
    reserved_port: int | None = Field(default=None, ge=0, le=_LAST_PORT)
    """A second port for the same calls with a queue of its own: for those who must not wait behind others."""
    waiting_calls: int = Field(default=256, ge=1, le=100_000)
    """How many calls wait before a process until it takes them up; gRPC turns away those beyond."""
    health_port: int | None = Field(default=None, ge=0, le=_LAST_PORT)
    """Where health alone is told, without TLS, for probes that know none; None: nowhere but at `port`."""
    workers: int = Field(default=1, ge=1, le=256)
    """Processes that serve; with more than one a supervisor watches them."""
    watchdog_seconds: float = Field(default=1.0, gt=0)
    """A worker that shows no sign of life for so long is killed and replaced."""
    connection_age_seconds: float = Field(default=60.0, gt=0)
    """After about so long each connection is asked to open again, so that callers spread over the workers."""
    metrics_host: str = "127.0.0.1"
    metrics_port: int | None = Field(default=None, ge=0, le=_LAST_PORT)
    """Where metrics are read over HTTP; None: nowhere, and nothing is counted. 0 picks a free port.

    Worker k of several has this port + k.
    """
    admin_host: str = "127.0.0.1"
    admin_port: int | None = Field(default=None, ge=0, le=_LAST_PORT)
    """Where the AdminService answers; None: nowhere. 0 picks a free port. Worker k has this port + k."""
    watch: bool = True
    """Whether files of the catalog and the models in use are loaded anew once they change."""
    last_good: bool = True
    """Whether the service starts with what it served last where the catalog or a model is broken."""
    reload_timeout_seconds: float = Field(default=60.0, gt=0)
    """What is to be loaded must have been checked within this time; else it is refused."""
    clock: datetime | Literal["now"] | None = None
    """Where the service's clock starts; None is the clock that the catalog declares, else the real time."""
    freeze_clock: bool = False
    """Whether the clock stands still where it starts."""
    started_ms: int | None = None
    """When the clock started, Unix milliseconds; None is now. The workers of one service have one clock."""
    store_timeout_ms: int = Field(default=50, gt=0)
    deadline_ms: int = Field(default=200, gt=0)
    """How long an answer may take where the caller does not say."""
    last_known_persons: int = Field(default=20_000, ge=0)
    """Of so many persons a process remembers what it answered last; 0: of nobody."""
    last_known_seconds: float = Field(default=600.0, gt=0)
    """What was answered longer ago is not given again."""
    drain_seconds: float = Field(default=10.0, ge=0)
    audit: AuditMode = AuditMode.BEST_EFFORT
    """Whether an answer waits for its record in the decision log where the request leaves that open."""
    log_length: int = Field(default=1_000_000, gt=0)
    """Entries that the decision log keeps; the oldest make room."""
    max_message_bytes: int = Field(default=256 * 1024, gt=0)
    log_decisions: float = Field(default=0.0, ge=0, le=1)
    """The share of decisions that have a line in the log."""
    log_decisions_key: SecretStr | None = None
    """What customers are hashed with in such lines; None: another key in each process."""
    slow_decision_ms: int = Field(default=250, ge=0)
    """Decisions that take so long have a line in the log; 0: none."""
    tracing: str | None = None
    """Where traces go: otlp://host:port, or otlps:// with TLS; None: where OTEL_ variables say."""
    tracing_share: float | None = Field(default=None, ge=0, le=1)
    """The share of calls that are traced where their caller leaves it open; None: as OTEL_ variables say."""
    log_format: LogFormat = LogFormat.AUTO
    log_level: LogLevel = LogLevel.INFO

    @field_validator("tracing")
    @classmethod
    def _tracing_is_usable(cls, url: str | None) -> str | None:
        if url is not None and not re.fullmatch(r"otlps?://[^/?#@\s]+:\d{1,5}", url):
            raise ValueError("expected otlp://host:port, or otlps:// with TLS")
        return url

    @field_validator("redis_url", "feast_redis_url")
    @classmethod
    def _redis_url_is_usable(cls, url: SecretStr | None) -> SecretStr | None:
        from nextbest_service.store.connection import check_url  # noqa: PLC0415 - slow to import

        if url is not None:
            check_url(url.get_secret_value())
        return url

    @model_validator(mode="after")
    def _feast_is_whole(self) -> "Settings":
        if (self.feast is None) != (self.feast_redis_url is None):
            raise ValueError("--feast and --feast-redis-url go together")
        return self

    @model_validator(mode="after")
    def _is_secure(self) -> "Settings":
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("--tls-cert and --tls-key go together")
        if self.tls_client_ca is not None and self.tls_cert is None:
            raise ValueError("--tls-client-ca needs --tls-cert and --tls-key")
        if self.production and self.insecure:
            raise ValueError("--production and --insecure exclude each other")
        if self.production and (self.tls_cert is None or self.callers is None):
            raise ValueError("--production needs --tls-cert, --tls-key and --callers")
        for option, host in (("--host", self.host), ("--admin-host", self.admin_host)):
            if self.tls_cert is None and not self.insecure and not is_loopback(host):
                raise ValueError(
                    f"others than this machine may reach {option}: give --tls-cert and --tls-key, or "
                    "--insecure where something else protects the port"
                )
        return self

    @model_validator(mode="after")
    def _workers_have_ports(self) -> "Settings":
        for option, port in (("--metrics-port", self.metrics_port), ("--admin-port", self.admin_port)):
            if self.workers > 1 and (port or 0) + self.workers > _LAST_PORT:
                raise ValueError(
                    f"with {self.workers} workers, {option} is at most {_LAST_PORT - self.workers}"
                )
        if self.workers > 1 and self.reserved_port == 0:
            raise ValueError("with several workers, --reserved-port has to name a port: they share it")
        return self
