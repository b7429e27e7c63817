"""`nextbest serve`: run the service."""

import gc
import os
from datetime import datetime
from pathlib import Path
from typing import Literal

import typer
from pydantic import SecretStr, ValidationError

from nextbest_models.lean import import_lightgbm
from nextbest_service.cli.options import (
    DEFAULT_CATALOG,
    DEFAULT_HOME,
    CatalogOption,
    FeastOption,
    FeastRedisOption,
    HomeOption,
    RedisOption,
    parse_moment,
)
from nextbest_service.cli.serve_options import (
    deciding,
    listening,
    loading,
    observing,
    processes,
    security,
    sources,
)
from nextbest_service.kernels import ensure_compiled
from nextbest_service.logs import LogFormat, LogLevel, configure_logs
from nextbest_service.secret_files import read_secret
from nextbest_service.settings import AuditMode, Settings

MOST_WORKERS = 256


def serve(
    home: HomeOption = DEFAULT_HOME,
    catalog: CatalogOption = DEFAULT_CATALOG,
    model: sources.ModelOption = None,
    redis_url: RedisOption = None,
    redis_url_file: sources.RedisFileOption = None,
    feast: FeastOption = None,
    feast_redis_url: FeastRedisOption = None,
    feast_redis_url_file: sources.FeastRedisFileOption = None,
    host: listening.HostOption = "127.0.0.1",
    port: listening.PortOption = 50051,
    reserved_port: listening.ReservedPortOption = None,
    waiting_calls: listening.WaitingCallsOption = 256,
    health_port: listening.HealthPortOption = None,
    admin_host: listening.AdminHostOption = "127.0.0.1",
    admin_port: listening.AdminPortOption = None,
    tls_cert: security.TlsCertOption = None,
    tls_key: security.TlsKeyOption = None,
    tls_client_ca: security.TlsClientCaOption = None,
    callers: security.CallersOption = None,
    insecure: security.InsecureOption = False,
    production: security.ProductionOption = False,
    workers: processes.WorkersOption = "1",
    watchdog_seconds: processes.WatchdogSecondsOption = 1.0,
    connection_age_seconds: processes.ConnectionAgeSecondsOption = 60.0,
    drain_seconds: processes.DrainSecondsOption = 10.0,
    watch: loading.WatchOption = True,
    last_good: loading.LastGoodOption = True,
    reload_timeout_seconds: loading.ReloadTimeoutSecondsOption = 60.0,
    deadline_ms: deciding.DeadlineMsOption = 200,
    store_timeout_ms: deciding.StoreTimeoutMsOption = 50,
    last_known_persons: deciding.LastKnownPersonsOption = 20_000,
    last_known_seconds: deciding.LastKnownSecondsOption = 600.0,
    audit: deciding.AuditOption = AuditMode.BEST_EFFORT,
    log_length: deciding.LogLengthOption = 1_000_000,
    clock: deciding.ClockOption = None,
    freeze_clock: deciding.FreezeClockOption = False,
    metrics_host: observing.MetricsHostOption = "127.0.0.1",
    metrics_port: observing.MetricsPortOption = None,
    log_format: observing.LogFormatOption = LogFormat.AUTO,
    log_level: observing.LogLevelOption = LogLevel.INFO,
    log_decisions: observing.LogDecisionsOption = 0.0,
    log_decisions_key_file: observing.LogDecisionsKeyOption = None,
    slow_decision_ms: observing.SlowDecisionOption = 250,
    tracing: observing.TracingOption = None,
    tracing_share: observing.TracingShareOption = None,
) -> None:
    """Serve decisions over gRPC until Ctrl-C or SIGTERM."""
    try:
        settings = Settings(
            home=home,
            catalog=catalog,
            model=model,
            redis_url=_secret(redis_url, redis_url_file),
            feast=feast,
            feast_redis_url=_secret(feast_redis_url, feast_redis_url_file),
            host=host,
            port=port,
            reserved_port=reserved_port,
            waiting_calls=waiting_calls,
            health_port=health_port,
            admin_host=admin_host,
            admin_port=admin_port,
            tls_cert=tls_cert,
            tls_key=tls_key,
            tls_client_ca=tls_client_ca,
            callers=callers,
            insecure=insecure,
            production=production,
            workers=_workers(workers),
            watchdog_seconds=watchdog_seconds,
            connection_age_seconds=connection_age_seconds,
            drain_seconds=drain_seconds,
            watch=watch,
            last_good=last_good,
            reload_timeout_seconds=reload_timeout_seconds,
            deadline_ms=deadline_ms,
            store_timeout_ms=store_timeout_ms,
            last_known_persons=last_known_persons,
            last_known_seconds=last_known_seconds,
            audit=audit,
            log_length=log_length,
            clock=_clock(clock),
            freeze_clock=freeze_clock,
            metrics_host=metrics_host,
            metrics_port=metrics_port,
            log_format=log_format,
            log_level=log_level,
            log_decisions=log_decisions,
            log_decisions_key=_secret(None, log_decisions_key_file),
            slow_decision_ms=slow_decision_ms,
            tracing=tracing,
            tracing_share=tracing_share,
        )
    except ValidationError as error:
        first = error.errors()[0]
        hint = f"--{first['loc'][0]}".replace("_", "-") if first["loc"] else None
        raise typer.BadParameter(first["msg"], param_hint=hint) from error
    configure_logs(settings.log_format, settings.log_level)
    _run(settings)


def _run(settings: Settings) -> None:
    ensure_compiled()
    if settings.workers > 1:
        from nextbest_service.workers.supervisor import supervise  # noqa: PLC0415 - it needs nothing else

        supervise(settings)
        return
    gc.disable()  # until all is loaded: none of it is garbage, and looking for some takes a third of the time
    import_lightgbm()
    from nextbest_service.server import run  # noqa: PLC0415 - the other commands need no server

    run(settings)


def _secret(given: str | None, file: Path | None) -> SecretStr | None:
    if given:
        return SecretStr(given)
    return SecretStr(read_secret(file)) if file else None


def _workers(text: str) -> int:
    if text == "auto":
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    if not text.isdecimal() or not 1 <= int(text) <= MOST_WORKERS:
        raise typer.BadParameter(f"expected 1 to {MOST_WORKERS}, or auto", param_hint="--workers")
    return int(text)


def _clock(text: str | None) -> datetime | Literal["now"] | None:
    match text:
        case None:
            return None
        case "now":
            return "now"
        case _:
            return parse_moment(text, "--clock")
