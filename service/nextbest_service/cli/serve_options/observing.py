"""Options about what is told of the service, of its calls and of single decisions."""

from pathlib import Path
from typing import Annotated

import typer

from nextbest_service.logs import LogFormat, LogLevel

PANEL = "Metrics, logs and traces"

MetricsHostOption = Annotated[
    str,
    typer.Option(rich_help_panel=PANEL, envvar="NEXTBEST_METRICS_HOST", help="Address to serve metrics on."),
]
MetricsPortOption = Annotated[
    int | None,
    typer.Option(
        rich_help_panel=PANEL,
        envvar="NEXTBEST_METRICS_PORT",
        min=0,
        max=65535,
        help="Serve metrics for Prometheus on this port, worker k of several on this port + k; 0 = "
        "any free one. Default: no metrics.",
        show_default=False,
    ),
]
LogDecisionsOption = Annotated[
    float,
    typer.Option(
        rich_help_panel=PANEL,
        envvar="NEXTBEST_LOG_DECISIONS",
        min=0,
        max=1,
        metavar="SHARE",
        help="Write a log line for this share of the decisions; customers are hashed in it.",
    ),
]
LogDecisionsKeyOption = Annotated[
    Path | None,
    typer.Option(
        rich_help_panel=PANEL,
        envvar="NEXTBEST_LOG_DECISIONS_KEY_FILE",
        help="File with the key of these hashes. Default: another one in each process.",
        show_default=False,
    ),
]
SlowDecisionOption = Annotated[
    int,
    typer.Option(
        rich_help_panel=PANEL,
        envvar="NEXTBEST_SLOW_DECISION_MS",
        min=0,
        help="Log decisions that take so long; 0 = none.",
    ),
]
TracingOption = Annotated[
    str | None,
    typer.Option(
        rich_help_panel=PANEL,
        envvar="NEXTBEST_TRACING",
        metavar="otlp://HOST:PORT",
        help="Send traces there, otlps:// with TLS; needs the extra `tracing`. Default: where the "
        "OTEL_EXPORTER_OTLP_ENDPOINT variable says, else nowhere.",
        show_default=False,
    ),
]
TracingShareOption = Annotated[
    float | None,
    typer.Option(
        rich_help_panel=PANEL,
        envvar="NEXTBEST_TRACING_SHARE",
        min=0,
        max=1,
        help="Share of calls that are traced where their caller leaves it open. Default: all, or as "
        "OTEL_TRACES_SAMPLER says.",
        show_default=False,
    ),
]
LogFormatOption = Annotated[
    LogFormat,
    typer.Option(
        rich_help_panel=PANEL,
        envvar="NEXTBEST_LOG_FORMAT",
        help="auto: console on a terminal, else JSON lines.",
    ),
]
LogLevelOption = Annotated[
    LogLevel,
    typer.Option(
        rich_help_panel=PANEL, envvar="NEXTBEST_LOG_LEVEL", help="Least serious log lines to write."
    ),
]
