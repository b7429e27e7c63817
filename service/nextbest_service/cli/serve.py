"""`nextbest serve`: run the service."""

import gc
import os
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import typer
from pydantic import SecretStr, ValidationError

from nextbest_models.lean import import_lightgbm
from nextbest_service.cli.observing_options import (
    LogDecisionsKeyOption,
    LogDecisionsOption,
    SlowDecisionOption,
    TracingOption,
    TracingShareOption,
)
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
from nextbest_service.kernels import ensure_compiled
from nextbest_service.logs import LogFormat, LogLevel, configure_logs
from nextbest_service.secret_files import read_secret
from nextbest_service.settings import AuditMode, Settings

MOST_WORKERS = 256


def serve(
    home: HomeOption = DEFAULT_HOME,
    catalog: CatalogOption = DEFAULT_CATALOG,
    redis_url: RedisOption = None,
    redis_url_file: Annotated[
        Path | None,
        typer.Option(envvar="NEXTBEST_REDIS_URL_FILE", help="File with what --redis-url would say."),
    ] = None,
    feast: FeastOption = None,
    feast_redis_url: FeastRedisOption = None,
    feast_redis_url_file: Annotated[
        Path | None,
        typer.Option(
            envvar="NEXTBEST_FEAST_REDIS_URL_FILE", help="File with what --feast-redis-url would say."
        ),
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(envvar="NEXTBEST_MODEL", help="Model directory. Default: the one in use in the home."),
    ] = None,
    host: Annotated[str, typer.Option(envvar="NEXTBEST_HOST", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int,
        typer.Option(envvar="NEXTBEST_PORT", min=0, max=65535, help="Port to listen on; 0 = any free one."),
    ] = 50051,
    tls_cert: Annotated[
        Path | None,
        typer.Option(
            envvar="NEXTBEST_TLS_CERT",
            help="PEM file with the service's certificate, its chain included. Read again when it changes.",
        ),
    ] = None,
    tls_key: Annotated[
        Path | None, typer.Option(envvar="NEXTBEST_TLS_KEY", help="PEM file with the certificate's key.")
    ] = None,
    tls_client_ca: Annotated[
        Path | None,
        typer.Option(
            envvar="NEXTBEST_TLS_CLIENT_CA",
            help="PEM file with the authorities of client certificates. With it, every client needs one.",
        ),
    ] = None,
    callers: Annotated[
        Path | None,
        typer.Option(
            envvar="NEXTBEST_CALLERS",
            help="YAML file of those who may call, and what they may do; nobody else may do anything. "
            "Default: everybody may do everything.",
            show_default=False,
        ),
    ] = None,
    insecure: Annotated[
        bool,
        typer.Option(
            "--insecure",
            envvar="NEXTBEST_INSECURE",
            help="Listen without TLS, even where others than this machine reach the address.",
        ),
    ] = False,
    production: Annotated[
        bool,
        typer.Option(
            "--production",
            envvar="NEXTBEST_PRODUCTION",
            help="Serve only with TLS and callers, and without reflection.",
        ),
    ] = False,
    health_port: Annotated[
        int | None,
        typer.Option(
            envvar="NEXTBEST_HEALTH_PORT",
            min=0,
            max=65535,
            help="Tell health, and nothing else, on this port, too: without TLS, for probes that know none.",
            show_default=False,
        ),
    ] = None,
    reserved_port: Annotated[
        int | None,
        typer.Option(
            envvar="NEXTBEST_RESERVED_PORT",
            min=0,
            max=65535,
            help="Answer the same calls on this port, too, for those who must not wait behind others, such "
            "as a contact centre.",
            show_default=False,
        ),
    ] = None,
    waiting_calls: Annotated[
        int,
        typer.Option(
            envvar="NEXTBEST_WAITING_CALLS",
            min=1,
            help="So many calls may wait before a process takes them up; beyond they are turned away.",
        ),
    ] = 256,
    workers: Annotated[
        str,
        typer.Option(
            envvar="NEXTBEST_WORKERS",
            metavar="N|auto",
            help="Processes that serve, watched and replaced by a supervisor where there are several; auto: "
            "one per core. SIGHUP to the supervisor replaces them one by one, without a failed call.",
        ),
    ] = "1",
    watchdog_seconds: Annotated[
        float,
        typer.Option(
            envvar="NEXTBEST_WATCHDOG_SECONDS",
            min=0.3,
            help="With several workers: one that shows no sign of life for so long is killed and replaced.",
        ),
    ] = 1.0,
    connection_age_seconds: Annotated[
        float,
        typer.Option(
            envvar="NEXTBEST_CONNECTION_AGE_SECONDS",
            min=1.0,
            help="With several workers: connections are opened anew after about so long, and spread anew.",
        ),
    ] = 60.0,
    metrics_port: Annotated[
        int | None,
        typer.Option(
            envvar="NEXTBEST_METRICS_PORT",
            min=0,
            max=65535,
            help="Serve metrics for Prometheus on this port, worker k of several on this port + k; 0 = "
            "any free one. Default: no metrics.",
            show_default=False,
        ),
    ] = None,
    metrics_host: Annotated[
        str, typer.Option(envvar="NEXTBEST_METRICS_HOST", help="Address to serve metrics on.")
    ] = "127.0.0.1",
    admin_port: Annotated[
        int | None,
        typer.Option(
            envvar="NEXTBEST_ADMIN_PORT",
            min=0,
            max=65535,
            help="Serve the AdminService on this port, worker k of several on this port + k; 0 = any free "
            "one. Default: nowhere.",
            show_default=False,
        ),
    ] = None,
    admin_host: Annotated[
        str, typer.Option(envvar="NEXTBEST_ADMIN_HOST", help="Address of the AdminService.")
    ] = "127.0.0.1",
    watch: Annotated[
        bool,
        typer.Option(
            envvar="NEXTBEST_WATCH", help="Load the catalog and the models in use anew once they change."
        ),
    ] = True,
    last_good: Annotated[
        bool,
        typer.Option(
            envvar="NEXTBEST_LAST_GOOD",
            help="Start with what was served last where the catalog or a model is broken.",
        ),
    ] = True,
    reload_timeout_seconds: Annotated[
        float,
        typer.Option(
            envvar="NEXTBEST_RELOAD_TIMEOUT_SECONDS",
            min=0.1,
            help="Longest check of what is to be loaded anew; what takes longer is refused.",
        ),
    ] = 60.0,
    clock: Annotated[
        str | None,
        typer.Option(
            envvar="NEXTBEST_CLOCK",
            help="Start the service's clock at this past time, or 'now' for the real time. Default: the "
            "clock that the catalog declares, else the real time.",
            show_default=False,
        ),
    ] = None,
    freeze_clock: Annotated[
        bool,
        typer.Option(
            "--freeze-clock",
            envvar="NEXTBEST_FREEZE_CLOCK",
            help="Let the clock stand still where it starts, so that the same question gets the same answer.",
        ),
    ] = False,
    store_timeout_ms: Annotated[
        int,
        typer.Option(
            envvar="NEXTBEST_STORE_TIMEOUT_MS", min=1, help="Longest wait for one read of the store."
        ),
    ] = 50,
    deadline_ms: Annotated[
        int,
        typer.Option(
            envvar="NEXTBEST_DEADLINE_MS", min=1, help="Longest time to an answer where the caller sets none."
        ),
    ] = 200,
    last_known_persons: Annotated[
        int,
        typer.Option(
            envvar="NEXTBEST_LAST_KNOWN_PERSONS",
            min=0,
            help="Of so many persons the last answer is remembered, for when the store is away.",
        ),
    ] = 20_000,
    last_known_seconds: Annotated[
        float,
        typer.Option(
            envvar="NEXTBEST_LAST_KNOWN_SECONDS", min=0.001, help="Older answers are not given again."
        ),
    ] = 600.0,
    audit: Annotated[
        AuditMode,
        typer.Option(
            envvar="NEXTBEST_AUDIT",
            help="required: every answer waits until its record is in the decision log.",
        ),
    ] = AuditMode.BEST_EFFORT,
    log_length: Annotated[
        int,
        typer.Option(
            envvar="NEXTBEST_LOG_LENGTH", min=1, help="Entries that the decision log keeps in the store."
        ),
    ] = 1_000_000,
    drain_seconds: Annotated[
        float,
        typer.Option(envvar="NEXTBEST_DRAIN_SECONDS", min=0, help="Grace for calls in flight at shutdown."),
    ] = 10.0,
    log_decisions: LogDecisionsOption = 0.0,
    log_decisions_key_file: LogDecisionsKeyOption = None,
    slow_decision_ms: SlowDecisionOption = 250,
    tracing: TracingOption = None,
    tracing_share: TracingShareOption = None,
    log_format: Annotated[
        LogFormat,
        typer.Option(envvar="NEXTBEST_LOG_FORMAT", help="auto: console on a terminal, else JSON lines."),
    ] = LogFormat.AUTO,
    log_level: Annotated[
        LogLevel, typer.Option(envvar="NEXTBEST_LOG_LEVEL", help="Least serious log lines to write.")
    ] = LogLevel.INFO,
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
            tls_cert=tls_cert,
            tls_key=tls_key,
            tls_client_ca=tls_client_ca,
            callers=callers,
            insecure=insecure,
            production=production,
            health_port=health_port,
            reserved_port=reserved_port,
            waiting_calls=waiting_calls,
            workers=_workers(workers),
            watchdog_seconds=watchdog_seconds,
            connection_age_seconds=connection_age_seconds,
            metrics_port=metrics_port,
            metrics_host=metrics_host,
            admin_host=admin_host,
            admin_port=admin_port,
            watch=watch,
            last_good=last_good,
            reload_timeout_seconds=reload_timeout_seconds,
            clock=_clock(clock),
            freeze_clock=freeze_clock,
            store_timeout_ms=store_timeout_ms,
            deadline_ms=deadline_ms,
            last_known_persons=last_known_persons,
            last_known_seconds=last_known_seconds,
            audit=audit,
            log_length=log_length,
            drain_seconds=drain_seconds,
            log_decisions=log_decisions,
            log_decisions_key=_secret(None, log_decisions_key_file),
            slow_decision_ms=slow_decision_ms,
            tracing=tracing,
            tracing_share=tracing_share,
            log_format=log_format,
            log_level=log_level,
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
