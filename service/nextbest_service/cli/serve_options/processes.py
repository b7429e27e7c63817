"""Options about the processes that serve."""

from typing import Annotated

import typer

PANEL = "Processes"

WorkersOption = Annotated[
    str,
    typer.Option(
        rich_help_panel=PANEL,
        envvar="NEXTBEST_WORKERS",
        metavar="N|auto",
        help="Processes that serve, watched and replaced by a supervisor where there are several; auto: "
        "one per core. SIGHUP to the supervisor replaces them one by one, without a failed call.",
    ),
]
WatchdogSecondsOption = Annotated[
    float,
    typer.Option(
        rich_help_panel=PANEL,
        envvar="NEXTBEST_WATCHDOG_SECONDS",
        min=0.3,
        help="With several workers: one that shows no sign of life for so long is killed and replaced.",
    ),
]
ConnectionAgeSecondsOption = Annotated[
    float,
    typer.Option(
        rich_help_panel=PANEL,
        envvar="NEXTBEST_CONNECTION_AGE_SECONDS",
        min=1.0,
        help="With several workers: connections are opened anew after about so long, and spread anew.",
    ),
]
DrainSecondsOption = Annotated[
    float,
    typer.Option(
        rich_help_panel=PANEL,
        envvar="NEXTBEST_DRAIN_SECONDS",
        min=0,
        help="Grace for calls in flight at shutdown.",
    ),
]
