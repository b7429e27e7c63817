"""Options of `nextbest serve` about what is told of single decisions and calls."""

from pathlib import Path
from typing import Annotated

import typer

LogDecisionsOption = Annotated[
    float,
    typer.Option(
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
        envvar="NEXTBEST_LOG_DECISIONS_KEY_FILE",
        help="File with the key of these hashes. Default: another one in each process.",
        show_default=False,
    ),
]
SlowDecisionOption = Annotated[
    int,
    typer.Option(
        envvar="NEXTBEST_SLOW_DECISION_MS", min=0, help="Log decisions that take so long; 0 = none."
    ),
]
TracingOption = Annotated[
    str | None,
    typer.Option(
        envvar="NEXTBEST_TRACING",
        metavar="otlp://HOST:PORT",
        help="Send traces there, otlps:// with TLS; needs nextbest[tracing]. Default: where the "
        "OTEL_EXPORTER_OTLP_ENDPOINT variable says, else nowhere.",
        show_default=False,
    ),
]
TracingShareOption = Annotated[
    float | None,
    typer.Option(
        envvar="NEXTBEST_TRACING_SHARE",
        min=0,
        max=1,
        help="Share of calls that are traced where their caller leaves it open. Default: all, or as "
        "OTEL_TRACES_SAMPLER says.",
        show_default=False,
    ),
]
