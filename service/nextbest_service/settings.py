"""One frozen object with all that can be set from outside, by the command line or NEXTBEST_* variables."""

from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from nextbest_service.logs import LogFormat, LogLevel

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
    clock: datetime | Literal["now"] | None = None
    """Where the service's clock starts; None is the clock that the catalog declares, else the real time."""
    freeze_clock: bool = False
    """Whether the clock stands still where it starts."""
    started_ms: int | None = None
    """When the clock started, Unix milliseconds; None is now. The workers of one service have one clock."""
    store_timeout_ms: int = Field(default=50, gt=0)
    drain_seconds: float = Field(default=10.0, ge=0)
    audit: AuditMode = AuditMode.BEST_EFFORT
    """Whether an answer waits for its record in the decision log where the request leaves that open."""
    log_length: int = Field(default=1_000_000, gt=0)
    """Entries that the decision log keeps; the oldest make room."""
    max_message_bytes: int = Field(default=256 * 1024, gt=0)
    log_format: LogFormat = LogFormat.AUTO
    log_level: LogLevel = LogLevel.INFO

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
    def _workers_have_ports(self) -> "Settings":
        if self.workers > 1 and (self.metrics_port or 0) + self.workers > _LAST_PORT:
            raise ValueError(
                f"with {self.workers} workers, --metrics-port is at most {_LAST_PORT - self.workers}"
            )
        return self
